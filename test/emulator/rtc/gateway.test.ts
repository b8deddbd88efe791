import { createSocket, type RemoteInfo } from 'node:dgram';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { decodeAudio } from '../../support/audio';
import { startGateway, type Gateway } from '../../support/gateway';
import { sleep } from '../../support/processes';
import { offsets, RECORDING, useCallStage, VOICE } from './callStage';
import { readOpusFile } from './opusFile';

jest.setTimeout(180_000);

const EXAMPLE = join(__dirname, '../../../examples/media-gateway');
const PROMPT = readOpusFile(readFileSync(join(EXAMPLE, 'prompt.ogg'))).streams[0]!;

interface Report {
	id: string;
	callId: string | null;
	state: string;
	reason: string | null;
	heard: { packets: number; lost: number; seconds: number };
	spoken: { packets: number; wholePrompt: boolean };
}

const stage = useCallStage();
let gateway: Gateway;

beforeAll(async () => {
	gateway = await startGateway();
});

afterAll(async () => {
	await gateway?.stop();
});

async function request<T = Record<string, string>>(
	method: string,
	path: string,
	body?: unknown,
	{ url = gateway.url, headers = {} }: { url?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: T }> {
	const response = await fetch(url + path, {
		method,
		headers,
		...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
	});
	const text = await response.text();
	return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as T };
}

const pathOf = (id: string) => `/calls/${encodeURIComponent(id)}`;
const report = async (id: string) => (await request<Report>('GET', pathOf(id))).body;
const endOf = async (id: string) => {
	for (let looks = 0; looks < 600; looks++) {
		const found = await report(id);
		if (found.state === 'ended') return found.reason;
		await sleep(50);
	}
	throw new Error('The call does not end');
};

/** A user's call, and the gateway's answer to it. */
async function ring() {
	const call = stage.emulator.userCalls();
	const offer = await stage.sdpOf(call);
	const { status, body } = await request('POST', '/answer', { callId: call.id, sdp: offer });
	expect(status).toBe(200);
	return { call, media: stage.mediaOf(call), offer, sdp: body.sdp! };
}

it('takes an incoming call, plays its prompt and listens', async () => {
	const { call, media, sdp } = await ring();
	expect((await stage.answer(call, 'accept', sdp, { recording: RECORDING })).status).toBe(200);
	await media.said;
	expect(await report(call.id)).toMatchObject({
		callId: call.id,
		state: 'connected',
		reason: null,
	});
	// Nobody speaks before WhatsApp does.
	expect(media.report()).toMatchObject({ packetsTooEarly: 0, packetsRefused: 0 });
	stage.emulator.hangUp(call.id);
	const file = await stage.recordingOf(call);
	const { seconds, channels } = await decodeAudio(file);
	expect(Math.abs(seconds - VOICE.length * 0.02)).toBeLessThan(0.5);
	for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.02);
	const places = offsets(readOpusFile(file).streams[0]!, PROMPT);
	expect(places.length).toBeGreaterThan(VOICE.length * 0.6);
	expect(new Set(places).size).toBe(1);

	expect((await request('DELETE', pathOf(call.id))).status).toBe(204);
	const ended = await report(call.id);
	expect(ended).toMatchObject({ state: 'ended', reason: 'hung up' });
	expect(ended.heard.packets).toBeGreaterThan(VOICE.length);
	expect((await request('DELETE', pathOf(call.id))).status).toBe(204);
});

it('makes an offer for a call of the business, and takes the answer to it', async () => {
	const { status, body } = await request('POST', '/offer');
	expect(status).toBe(201);
	const { id, sdp } = body as { id: string; sdp: string };
	const session = { sdp_type: 'offer', sdp };
	await stage.post({ action: 'connect', to: '14085551234', session, recording: RECORDING });
	const call = stage.emulator.calls.at(-1)!;
	expect((await request('PUT', pathOf(id), { callId: call.id })).body).toMatchObject({
		id,
		callId: call.id,
		state: 'offered',
	});
	const answer = { sdp: await stage.sdpOf(call) };
	expect((await request('PUT', `${pathOf(call.id)}/answer`, answer)).status).toBe(200);
	// Again, as a repeated webhook would.
	expect((await request('PUT', `${pathOf(id)}/answer`, answer)).status).toBe(200);
	expect(
		(await request('PUT', `${pathOf(id)}/answer`, { sdp: `${answer.sdp}a=x\r\n` })).status,
	).toBe(409);
	const media = stage.mediaOf(call);
	await media.connected;
	expect(media.report()).toMatchObject({ packetsSent: 0, packetsTooEarly: 0 });
	stage.emulator.userPicksUp(call.id);
	await media.said;
	stage.emulator.hangUp(call.id);
	const { channels } = await decodeAudio(await stage.recordingOf(call));
	for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.02);
	expect((await request('DELETE', pathOf(call.id))).status).toBe(204);
});

it('sends silence after its prompt, so that the call stays', async () => {
	const { call, media, sdp } = await ring();
	await stage.answer(call, 'accept', sdp);
	await stage.until('silence', () => media.report().packetsReceived > PROMPT.length + 100);
	expect((await report(call.id)).spoken.wholePrompt).toBe(true);
});

it('can wait with its prompt until the announcement is over', async () => {
	const patient = await startGateway({ args: ['--prompt-delay', '3'] });
	try {
		const call = stage.emulator.userCalls();
		const offer = { callId: call.id, sdp: await stage.sdpOf(call) };
		const { body } = await request('POST', '/answer', offer, { url: patient.url });
		await stage.answer(call, 'accept', body.sdp!, { recording: RECORDING });
		const { packetsReceived } = stage.mediaOf(call).report();
		await stage.until(
			'prompt',
			() => stage.mediaOf(call).report().packetsReceived > packetsReceived + 3 * 50 + 60,
		);
		stage.emulator.hangUp(call.id);
		const [left = []] = readOpusFile(await stage.recordingOf(call)).streams;
		// The whole beginning is in the recording, after some silence.
		const recorded = left.map((packet) => packet.toString('hex'));
		const beginning = PROMPT.slice(0, 20).map((packet) => packet.toString('hex'));
		const at = recorded.indexOf(beginning[5]!) - 5;
		expect(at).toBeGreaterThan(0);
		expect(recorded.slice(at, at + 20)).toEqual(beginning);
	} finally {
		await patient.stop();
	}
});

it('gives the same answer to the same offer, and none to another one', async () => {
	const { call, offer, sdp } = await ring();
	const again = { callId: call.id, sdp: offer };
	expect((await request('POST', '/answer', again)).body).toEqual({ sdp });
	const other = { callId: call.id, sdp: `${offer}a=x\r\n` };
	expect((await request('POST', '/answer', other)).status).toBe(409);
	await request('DELETE', pathOf(call.id));
	expect((await request('POST', '/answer', again)).status).toBe(409);
});

it('tries again when WhatsApp does not answer its checks at once', async () => {
	// Between both: lets nothing through at first.
	const outer = createSocket('udp4');
	const inner = createSocket('udp4');
	let open = false;
	let peer: RemoteInfo | undefined;
	await new Promise<void>((resolve) => outer.bind(0, '127.0.0.1', resolve));
	await new Promise<void>((resolve) => inner.bind(0, '127.0.0.1', resolve));
	try {
		const call = stage.emulator.userCalls();
		const offer = await stage.sdpOf(call);
		const port = Number(/m=audio (\d+)/.exec(offer)![1]);
		outer.on('message', (datagram, from) => {
			peer = from;
			if (open) inner.send(datagram, port, '127.0.0.1');
		});
		inner.on('message', (datagram) => outer.send(datagram, peer!.port, '127.0.0.1'));
		const detour = String((outer.address() as AddressInfo).port);
		const sdp = offer.replaceAll(` ${port} `, ` ${detour} `);
		const { body } = await request('POST', '/answer', { callId: call.id, sdp });
		await stage.answer(call, 'accept', body.sdp!);
		// werift gives an address up after 1.5 seconds.
		await sleep(3_000);
		expect((await report(call.id)).state).toBe('connecting');
		open = true;
		await stage.mediaOf(call).connected;
		await request('DELETE', pathOf(call.id));
	} finally {
		outer.close();
		inner.close();
	}
});

describe('what it refuses', () => {
	it.each<[string, string, string, unknown, number]>([
		['an unknown call', 'GET', '/calls/nobody', undefined, 404],
		['the answer to an unknown call', 'PUT', '/calls/nobody/answer', { sdp: 'v=0' }, 404],
		['a name that is none', 'GET', '/calls/%zz', undefined, 404],
		['an unknown address', 'POST', '/call', {}, 404],
		['another method', 'GET', '/answer', undefined, 405],
		['no JSON', 'POST', '/answer', 'sdp', 400],
		['a list', 'POST', '/answer', '[]', 400],
		['no SDP', 'POST', '/answer', { callId: 'a' }, 400],
		['an SDP that is no text', 'POST', '/answer', { callId: 'a', sdp: {} }, 400],
		['an SDP without audio', 'POST', '/answer', { callId: 'b', sdp: 'v=0\r\n' }, 422],
		['an SDP that is none', 'POST', '/answer', { callId: 'c', sdp: 'nonsense' }, 422],
		['a long body', 'POST', '/answer', 'x'.repeat(70_000), 413],
		['a very long body', 'POST', '/answer', 'x'.repeat(5_000_000), 413],
	])('%s', async (_, method, path, body, status) => {
		const refused = await request(method, path, body);
		expect(refused.status).toBe(status);
		expect(refused.body.error).toMatch(/./);
		expect((await request('GET', '/health')).status).toBe(200);
	});

	it('an offer without Opus', async () => {
		const call = stage.emulator.userCalls();
		const sdp = (await stage.sdpOf(call)).replaceAll('opus/48000/2', 'G729/8000');
		const { status } = await request('POST', '/answer', { callId: call.id, sdp });
		expect(status).toBe(422);
		expect((await report(call.id)).state).toBe('ended');
	});

	it('more calls than it may take', async () => {
		const small = await startGateway({ args: ['--max-calls', '1'] });
		try {
			const { url } = small;
			const { body } = await request('POST', '/offer', undefined, { url });
			expect((await request('POST', '/offer', undefined, { url })).status).toBe(503);
			await request('DELETE', pathOf(body.id!), undefined, { url });
			expect((await request('POST', '/offer', undefined, { url })).status).toBe(201);
		} finally {
			await small.stop();
		}
	});

	it('whoever does not know its secret', async () => {
		const secretive = await startGateway({ env: { GATEWAY_SECRET: 'open sesame' } });
		const ask = async (authorization?: string) =>
			(
				await request('GET', '/health', undefined, {
					url: secretive.url,
					headers: authorization === undefined ? {} : { authorization },
				})
			).status;
		try {
			expect(await ask()).toBe(401);
			expect(await ask('Bearer open')).toBe(401);
			expect(await ask('Bearer open sesamE')).toBe(401);
			expect(await ask('Bearer open sesame')).toBe(200);
		} finally {
			await secretive.stop();
		}
	});

	it.each([
		['other machines without a secret', ['--host', '0.0.0.0'], /Set GATEWAY_SECRET/],
		[
			'a stereo prompt',
			['--prompt', '../../test/fixtures/audio/call-recording.ogg'],
			/one channel/,
		],
		['a prompt that is none', ['--prompt', 'package.json'], /no Ogg file/],
		['a name for the media', ['--media-address', 'localhost'], /IPv4 address/],
		['a strange number', ['--idle', 'long'], /--idle must be a number/],
		['an unknown option', ['--quiet'], /Unknown option/],
	])('%s', async (_, args, message) => {
		await expect(startGateway({ args })).rejects.toThrow(message);
	});
});

it('ends calls that nobody takes', async () => {
	const impatient = await startGateway({ args: ['--idle', '0.3'] });
	try {
		const own = gateway;
		gateway = impatient;
		try {
			const { body } = await request('POST', '/offer');
			expect(await endOf(body.id!)).toBe('not answered in time');
			const { call } = await ring();
			expect(await endOf(call.id)).toBe('not connected in time');
		} finally {
			gateway = own;
		}
	} finally {
		await impatient.stop();
	}
});

it('listens on the loopback interface only, unless it is told otherwise', async () => {
	const { body } = await request('POST', '/offer');
	const addresses = [...body.sdp!.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+) /gm)];
	expect(addresses.map(([, address]) => address)).toEqual(['127.0.0.1']);
	expect(gateway.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
	await request('DELETE', pathOf(body.id!));
});
