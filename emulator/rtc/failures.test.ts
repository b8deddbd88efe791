import { decodeAudio } from '../../test/support/audio';
import { PERSON } from '../../test/support/constants';
import { BusinessPeer } from './businessPeer';
import { offsets, PROMPT, RECORDING, texts, useCallStage, VOICE } from './callStage';
import { readOpusFile } from './opusFile';

jest.setTimeout(180_000);

const stage = useCallStage();

describe('a call without media', () => {
	const terminated = async () => {
		await stage.until('terminate', () => stage.receiver.names.includes('terminate'));
		await stage.emulator.whenIdle();
		// An event of the recording would come now.
		expect(stage.receiver.names.at(-1)).toBe('terminate');
		const [error] = stage.terminateErrors();
		return { ...error, status: stage.receiver.events.at(-1)!.status };
	};
	/** Changes one character. */
	const changed = (sdp: string, attribute: string) => {
		const at = sdp.indexOf(`a=${attribute}:`) + attribute.length + 20;
		const other = sdp[at] === 'A' ? 'B' : 'A';
		const result = sdp.slice(0, at) + other + sdp.slice(at + 1);
		expect(result).not.toBe(sdp);
		return result;
	};

	it('The call ends when nothing connects in time', async () => {
		await stage.restart({ noMediaAtStartMs: 600 });
		const other = new BusinessPeer();
		const call = stage.emulator.userCalls();
		const sdp = await other.answer(await stage.sdpOf(call));
		await other.close();
		await stage.answer(call, 'accept', sdp, { recording: RECORDING });
		expect(await terminated()).toMatchObject({ status: 'FAILED', code: 138023 });
	});

	it('The call ends when the business is silent at the start', async () => {
		await stage.restart({ noMediaAtStartMs: 300 });
		const call = stage.emulator.userCalls();
		const sdp = await stage.business.answer(await stage.sdpOf(call));
		await stage.answer(call, 'pre_accept', sdp);
		await stage.mediaOf(call).connected;
		await stage.answer(call, 'accept', sdp, { recording: RECORDING });
		expect(await terminated()).toMatchObject({ status: 'FAILED', code: 138021 });
	});

	it('The call ends when the business falls silent, and keeps what was recorded before', async () => {
		await stage.restart({ noMediaLaterMs: 4_000 });
		const { call, media } = await stage.userCalls();
		await media.connected;
		stage.business.speak(PROMPT.slice(0, 75));
		await stage.until('terminate', () => stage.receiver.names.includes('terminate'));
		const file = await stage.recordingOf(call);
		expect(stage.receiver.events.at(-2)).toMatchObject({ event: 'terminate', status: 'FAILED' });
		expect((await decodeAudio(file)).channels[0].loudness).toBeGreaterThan(0.01);
	});

	it.each([
		['the password of the offer', 'ice-pwd', (sdp: string) => changed(sdp, 'ice-pwd')],
		['the fingerprint of the offer', 'fingerprint', (sdp: string) => changed(sdp, 'fingerprint')],
	])('The call ends when %s was changed on its way', async (_, attribute, change) => {
		await stage.restart({ noMediaAtStartMs: 2_000 });
		const call = stage.emulator.userCalls();
		const sdp = await stage.business.answer(change(await stage.sdpOf(call)));
		expect(sdp).toContain(`a=${attribute}:`);
		await stage.answer(call, 'accept', sdp, { recording: RECORDING });
		expect((await terminated()).status).toBe('FAILED');
		expect(stage.business.heard).toEqual([]);
	});

	it.each([
		[
			'the name',
			(sdp: string) => sdp.replace(/(a=ice-ufrag:)(.)/, (_, a, b) => a + (b === 'x' ? 'y' : 'x')),
		],
		['the fingerprint', (sdp: string) => changed(sdp, 'fingerprint')],
	])('The call ends when %s of the answer was changed on its way', async (_, change) => {
		await stage.restart({ noMediaAtStartMs: 2_000 });
		const call = stage.emulator.userCalls();
		const sdp = await stage.business.answer(await stage.sdpOf(call));
		await stage.answer(call, 'accept', change(sdp), { recording: RECORDING });
		expect(await terminated()).toMatchObject({ status: 'FAILED', code: 138023 });
		expect(stage.business.heard).toEqual([]);
	});
});

describe('a bad network', () => {
	it.each([
		[0.05, 40],
		[0.2, 80],
	])(
		'A loss of %d and %d ms of jitter leave the file complete and audible',
		async (loss, jitterMs) => {
			await stage.restart({ network: { loss, jitterMs, seed: 7 } });
			const { call, media } = await stage.userCalls();
			await media.connected;
			stage.business.speak(PROMPT);
			await media.said;
			const { packetsReceived } = media.report();
			stage.emulator.hangUp(call.id);
			const file = await stage.recordingOf(call);
			const { seconds, channels, problems } = await decodeAudio(file);
			expect(Math.abs(seconds - VOICE.length * 0.02)).toBeLessThan(0.5);
			for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.015);
			expect(problems).toEqual([]);
			// The right share was lost, and what came is at its place.
			const [left = []] = readOpusFile(file).streams;
			const places = offsets(left, PROMPT);
			expect(new Set(places).size).toBe(1);
			// At the end, some are still on their way.
			const sent = new Set(texts(PROMPT));
			const length = texts(left).findLastIndex((packet) => sent.has(packet)) + 1;
			expect(places.length / length).toBeLessThan(1 - loss / 3);
			expect(places.length / length).toBeGreaterThan(0.85 - loss * 2);
			expect(packetsReceived).toBeGreaterThan(50);
		},
	);
});

describe('an SDP that does not match the call', () => {
	it('A wrong SDP answer is rejected while the call keeps ringing', async () => {
		const call = stage.emulator.userCalls();
		const sdp = await stage.business.answer(await stage.sdpOf(call));
		const refused = sdp.replace('opus/48000/2', 'G729/8000');
		const { status, error } = await stage.answer(call, 'accept', refused, { recording: RECORDING });
		expect([status, error.code]).toEqual([400, 138008]);
		expect(error.error_data?.details).toMatch(/opus\/48000\/2/);
		expect(call.state).toBe('ringing');
		expect((await stage.answer(call, 'accept', sdp)).status).toBe(200);
		await stage.mediaOf(call).connected;
	});

	it('A wrong SDP offer keeps a call from the business from starting', async () => {
		const sdp = (await stage.business.offer()).replace('opus/48000/2', 'G729/8000');
		const session = { sdp_type: 'offer', sdp };
		const { error } = await stage.post({ action: 'connect', to: PERSON, session });
		expect(error.error_data?.details).toMatch(/opus\/48000\/2/);
		expect(stage.emulator.calls).toEqual([]);
	});
});

it('Packets that last longer than the SDP allows are rejected', async () => {
	const { media } = await stage.userCalls({});
	await media.connected;
	const sixtyMs = Buffer.from([(31 << 3) | 3, 3, 1, 1, 1]);
	stage.business.speak(Array<Buffer>(20).fill(sixtyMs));
	await stage.until('refused packets', () => media.report().packetsRefused > 5);
});

it('The emulator reports what is odd about a call that connects all the same', async () => {
	const call = stage.emulator.userCalls();
	const sdp = await stage.business.answer(await stage.sdpOf(call));
	const early = sdp.replace(/a=candidate:.*\r\n/g, '');
	expect((await stage.answer(call, 'accept', early)).status).toBe(200);
	const media = stage.mediaOf(call);
	await media.connected;
	stage.business.speak(PROMPT);
	await media.talking;
	expect(media.report().warnings).toEqual([expect.stringMatching(/no usable candidate/)]);
	stage.business.changeSsrc();
	await stage.until('second warning', () => media.report().warnings.length === 2);
	expect(media.report().warnings[1]).toMatch(/2 SSRCs/);
});

describe('two sides that both wait to be heard first', () => {
	it.each([
		['by an order for one call', {}, { silentUntilHeard: true }],
		['for all calls', { silentUntilHeard: 'yes' }, {}],
	] as const)(
		'Neither side hears anything, and the call ends for lack of media: %s',
		async (_, behavior, order) => {
			await stage.restart({ noMediaAtStartMs: 1_000 }, behavior);
			const call = stage.emulator.userCalls(order);
			const sdp = await stage.business.answer(await stage.sdpOf(call));
			await stage.answer(call, 'accept', sdp, { recording: RECORDING });
			await stage.mediaOf(call).connected;
			await stage.until('terminate', () => stage.receiver.names.includes('terminate'));
			expect(stage.receiver.events.at(-1)).toMatchObject({ status: 'FAILED' });
			expect(stage.terminateErrors()).toMatchObject([{ code: 138021 }]);
			expect(stage.business.heard).toEqual([]);
			expect(stage.mediaOf(call).report()).toMatchObject({ packetsSent: 0, recordedSeconds: 0 });
		},
	);

	it('The sides talk once the business begins', async () => {
		await stage.restart({}, { silentUntilHeard: 'yes' });
		const { call, media } = await stage.businessCalls();
		await media.connected;
		stage.emulator.userPicksUp(call.id);
		stage.business.speak(PROMPT);
		await media.said;
		stage.emulator.hangUp(call.id);
		const { channels } = await decodeAudio(await stage.recordingOf(call));
		for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.02);
	});
});
