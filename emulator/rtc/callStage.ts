import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NUMBER, PERSON } from '../../test/support/constants';
import { sleep } from '../../test/support/processes';
import { download, graph } from '../../test/support/graph';
import { Receiver } from '../../test/support/receiver';
import { startEmulator, type Call, type Emulator, type Variants } from '../index';
import { BusinessPeer } from './businessPeer';
import type { CallMedia } from './callMedia';
import type { WebRtcOptions } from './index';
import { readOpusFile } from './opusFile';

export const RECORDING = {
	status: 'ENABLED',
	purpose: 'training',
	announcement_language: 'en_US',
};

const read = (path: string) =>
	readOpusFile(readFileSync(join(__dirname, '../..', path))).streams[0];
export const WHOLE_ANNOUNCEMENT = read('test/fixtures/audio/announcement.ogg');
/** Half a second, so that tests take no longer than they must. */
export const ANNOUNCEMENT = WHOLE_ANNOUNCEMENT.slice(5, 30);
/** Two seconds of speech. */
export const VOICE = read('test/fixtures/audio/user.ogg').slice(5, 105);
export const PROMPT = read('examples/media-gateway/prompt.ogg').slice(5, 255);

/** Jest compares long texts much faster than long buffers. */
export const texts = (packets: Buffer[]) => packets.map((packet) => packet.toString('latin1'));

/**
 * By how much each packet of a recorded side is earlier than it was sent; packets that were sent twice
 * (silence) are left out.
 */
export function offsets(side: Buffer[], sent: Buffer[]): number[] {
	const places = new Map<string, number[]>();
	texts(sent).forEach((text, place) => places.set(text, [...(places.get(text) ?? []), place]));
	return texts(side).flatMap((text, place) => {
		const found = places.get(text) ?? [];
		return found.length === 1 ? [found[0] - place] : [];
	});
}

/** A stage for each test of a file. */
export function useCallStage(): CallStage {
	const stage = new CallStage();
	beforeEach(async () => await stage.start());
	afterEach(async () => await stage.stop());
	return stage;
}

/** An emulator with media, a receiver of its webhooks, and the business's WebRTC peer. */
class CallStage {
	emulator!: Emulator;
	receiver!: Receiver;
	business!: BusinessPeer;

	async start(webRtc: WebRtcOptions = {}, variants: Partial<Variants> = {}): Promise<void> {
		this.receiver = await new Receiver().start();
		this.business = new BusinessPeer();
		this.emulator = await startEmulator({
			webRtc: {
				announcement: ANNOUNCEMENT,
				voice: VOICE,
				noMediaAtStartMs: 60_000,
				noMediaLaterMs: 60_000,
				...webRtc,
			},
			...variants,
			recordingDelayMs: 0,
			redeliveryDelaysMs: [],
		});
		this.emulator.presetSubscription(this.receiver.url);
	}

	async restart(...options: Parameters<CallStage['start']>): Promise<void> {
		await this.stop();
		await this.start(...options);
	}

	async stop(): Promise<void> {
		await this.business.close();
		await this.emulator.stop();
		await this.receiver.stop();
	}

	mediaOf({ id }: Call): CallMedia {
		return this.emulator.mediaOf(id)!;
	}

	async post(body: Record<string, unknown>) {
		const path = `${NUMBER}/calls`;
		return await graph(this.emulator, 'POST', path, { messaging_product: 'whatsapp', ...body });
	}

	async answer(
		{ id }: Call,
		action: 'accept' | 'pre_accept',
		sdp: string,
		more: Record<string, unknown> = {},
	) {
		return await this.post({ call_id: id, action, session: { sdp_type: 'answer', sdp }, ...more });
	}

	/** Looks often, rather than for a time: a machine that stands still is not counted. */
	async until(what: string, condition: () => boolean): Promise<void> {
		for (let looks = 0; looks < 800; looks++) {
			if (condition()) return;
			await sleep(50);
		}
		const reports = this.emulator.calls.map((call) => this.mediaOf(call)?.report());
		throw new Error(`No ${what}. The calls: ${JSON.stringify(reports)}`);
	}

	/** The SDP that the receiver of webhooks gets. */
	async sdpOf(call: Call): Promise<string> {
		const connect = () =>
			this.receiver.events.find(({ id, event }) => id === call.id && event === 'connect');
		await this.until('webhook connect', () => connect() !== undefined);
		return (connect()!.session as { sdp: string }).sdp;
	}

	/** Beside the call in the last webhook. */
	terminateErrors(): Array<Record<string, unknown>> {
		const webhook = JSON.parse(this.receiver.webhooks.at(-1)!.raw.toString()) as {
			entry: Array<{ changes: Array<{ value: { errors: Array<Record<string, unknown>> } }> }>;
		};
		return webhook.entry[0].changes[0].value.errors;
	}

	/** A user calls, and the business accepts. */
	async userCalls(more: Record<string, unknown> = { recording: RECORDING }) {
		const call = this.emulator.userCalls();
		const sdp = await this.business.answer(await this.sdpOf(call));
		expect((await this.answer(call, 'accept', sdp, more)).status).toBe(200);
		return { call, media: this.mediaOf(call) };
	}

	/** The business calls, and its peer has the answer, with what a workflow makes of it. */
	async businessCalls(
		more: Record<string, unknown> = { recording: RECORDING },
		change: (sdp: string) => string = (sdp) => sdp,
	) {
		const session = { sdp_type: 'offer', sdp: await this.business.offer() };
		const placed = await this.post({ action: 'connect', to: PERSON, session, ...more });
		expect(placed.status).toBe(200);
		const call = this.emulator.calls.at(-1)!;
		await this.business.accept(change(await this.sdpOf(call)));
		return { call, media: this.mediaOf(call) };
	}

	/** The file of the last event of the call, checked against its hash. */
	async recordingOf(call: Call): Promise<Buffer> {
		await this.emulator.whenIdle();
		const event = this.receiver.events.at(-1) as {
			call_recording: { audio: { url: string; sha256: string; id: string } };
		};
		expect(event).toMatchObject({ id: call.id, event: 'call_recording_available' });
		const { audio } = event.call_recording;
		expect(audio.id).toBe(call.recordingMediaId);
		const response = await download(this.emulator, audio.url);
		const file = Buffer.from(await response.arrayBuffer());
		expect(createHash('sha256').update(file).digest('base64')).toBe(audio.sha256);
		return file;
	}
}
