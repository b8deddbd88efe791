import { X509Certificate } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeAudio } from '../../test/support/audio';
import { PERSON } from '../../test/support/constants';
import { startGateway, type Gateway } from '../../test/support/gateway';
import { sleep } from '../../test/support/processes';
import type { Call } from '../index';
import { offsets, RECORDING, useCallStage, VOICE } from './callStage';
import { readOpusFile } from './opusFile';

jest.setTimeout(180_000);

const EXAMPLE = join(__dirname, '../../examples/media-gateway');
const PROMPT = readOpusFile(readFileSync(join(EXAMPLE, 'prompt.ogg'))).streams[0];

interface Report {
	id: string;
	callId: string | null;
	state: string;
	reason: string | null;
	accepted: boolean;
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

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const addressesOf = (sdp: string) =>
	[...sdp.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+) /gm)].map(([, address]) => address);

/** A user's call, and the gateway's answer to it. */
async function ring() {
	const call = stage.emulator.userCalls();
	const offer = await stage.sdpOf(call);
	const { status, body } = await request('POST', '/answer', { callId: call.id, sdp: offer });
	expect(status).toBe(200);
	return { call, media: stage.mediaOf(call), offer, sdp: body.sdp };
}

/** A call of the business whose user has not picked up yet. */
async function callOut() {
	const { status, body } = await request('POST', '/offer');
	expect(status).toBe(201);
	const { id, sdp } = body as { id: string; sdp: string };
	const session = { sdp_type: 'offer', sdp };
	const order = { action: 'connect', to: PERSON, session, recording: RECORDING };
	expect((await stage.post(order)).status).toBe(200);
	const call = stage.emulator.calls.at(-1)!;
	const answer = { sdp: await stage.sdpOf(call) };
	expect((await request('PUT', `${pathOf(id)}/answer`, answer)).status).toBe(200);
	return { call, id, answer };
}

const accepted = async (id: string) => await request<Report>('PUT', `${pathOf(id)}/accepted`);

it('The gateway answers an incoming call, plays its prompt and listens', async () => {
	const { call, media, sdp } = await ring();
	expect((await stage.answer(call, 'accept', sdp, { recording: RECORDING })).status).toBe(200);
	expect(await accepted(call.id)).toMatchObject({ status: 200, body: { accepted: true } });
	await media.said;
	expect(await report(call.id)).toMatchObject({
		callId: call.id,
		state: 'connected',
		reason: null,
	});
	expect(media.report()).toMatchObject({ packetsTooEarly: 0, packetsRefused: 0 });
	stage.emulator.hangUp(call.id);
	const file = await stage.recordingOf(call);
	const { seconds, channels } = await decodeAudio(file);
	expect(Math.abs(seconds - VOICE.length * 0.02)).toBeLessThan(0.5);
	for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.02);
	const places = offsets(readOpusFile(file).streams[0], PROMPT);
	expect(places.length).toBeGreaterThan(VOICE.length * 0.6);
	expect(new Set(places).size).toBe(1);

	expect((await request('DELETE', pathOf(call.id))).status).toBe(204);
	const ended = await report(call.id);
	expect(ended).toMatchObject({ state: 'ended', reason: 'hung up' });
	expect(ended.heard.packets).toBeGreaterThan(VOICE.length);
	expect((await request('DELETE', pathOf(call.id))).status).toBe(204);
});

it('The gateway makes an offer for a call from the business, and takes the answer to it', async () => {
	const { call, id, answer } = await callOut();
	expect((await request('PUT', pathOf(id), { callId: call.id })).body).toMatchObject({
		id,
		callId: call.id,
	});
	// Again, as a repeated webhook would.
	expect((await request('PUT', `${pathOf(call.id)}/answer`, answer)).status).toBe(200);
	expect(
		(await request('PUT', `${pathOf(id)}/answer`, { sdp: `${answer.sdp}a=x\r\n` })).status,
	).toBe(409);
	const media = stage.mediaOf(call);
	await media.connected;
	// Silence, while the phone rings; the prompt has to wait.
	await stage.until('silence', () => media.report().packetsTooEarly > 20);
	expect((await report(id)).spoken).toMatchObject({ wholePrompt: false });
	expect(media.report()).toMatchObject({ packetsSent: 0 });
	stage.emulator.userPicksUp(call.id);
	await media.said;
	stage.emulator.hangUp(call.id);
	const { channels } = await decodeAudio(await stage.recordingOf(call));
	for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.02);
	expect((await request('DELETE', pathOf(call.id))).status).toBe(204);
});

describe('a customer who is silent until the business is heard', () => {
	/** The recording holds the prompt of the gateway and the voice of the user. */
	async function expectBoth(call: Call): Promise<void> {
		await stage.mediaOf(call).said;
		stage.emulator.hangUp(call.id);
		const file = await stage.recordingOf(call);
		for (const { loudness } of (await decodeAudio(file)).channels) {
			expect(loudness).toBeGreaterThan(0.02);
		}
		expect(offsets(readOpusFile(file).streams[0], PROMPT).length).toBeGreaterThan(50);
	}

	it('The gateway speaks first in an incoming call as soon as it learns that the call is accepted', async () => {
		await stage.restart({ noMediaAtStartMs: 20_000 }, { silentUntilHeard: 'yes' });
		const { call, media, sdp } = await ring();
		await stage.answer(call, 'pre_accept', sdp);
		await media.connected;
		await sleep(500);
		expect(media.report()).toMatchObject({ packetsTooEarly: 0 });
		await stage.answer(call, 'accept', sdp, { recording: RECORDING });
		const before = performance.now();
		await accepted(call.id);
		await stage.until('sound', () => media.report().packetsReceived > 0);
		// Well before it would have assumed so.
		expect(performance.now() - before).toBeLessThan(2_000);
		expect(media.report()).toMatchObject({ packetsTooEarly: 0 });
		await expectBoth(call);
	});

	it('The gateway speaks first in an incoming call even if it never learns of the accept', async () => {
		await stage.restart({ noMediaAtStartMs: 20_000 }, { silentUntilHeard: 'yes' });
		const { call, media, sdp } = await ring();
		await stage.answer(call, 'accept', sdp, { recording: RECORDING });
		await media.connected;
		expect(media.report()).toMatchObject({ packetsReceived: 0 });
		await expectBoth(call);
	});

	it.each([true, false])(
		'The gateway speaks first in its own call; told of the pick-up: %s',
		async (told) => {
			await stage.restart({ noMediaAtStartMs: 20_000 }, { silentUntilHeard: 'yes' });
			const { call, id } = await callOut();
			await stage.mediaOf(call).connected;
			stage.emulator.userPicksUp(call.id);
			if (told) await accepted(id);
			await expectBoth(call);
		},
	);
});

it('The gateway can learn of the accept before the call connects, and not after its end', async () => {
	const { call, media, sdp } = await ring();
	await accepted(call.id);
	await stage.answer(call, 'accept', sdp);
	await stage.until('sound', () => media.report().packetsReceived > 0);
	await request('DELETE', pathOf(call.id));
	expect((await accepted(call.id)).status).toBe(409);
	expect((await accepted('nobody')).status).toBe(404);
});

it('The gateway shows an ECDSA P-256 certificate, and starts the handshake', async () => {
	const { call, media, sdp } = await ring();
	expect(sdp).toContain('a=setup:active\r\n');
	expect(sdp.match(/^a=fingerprint:/gm)).toHaveLength(1);
	await stage.answer(call, 'accept', sdp);
	await media.connected;
	const { secure } = media as unknown as { secure: { dtls: { remoteCertificate: Buffer } } };
	const { publicKey } = new X509Certificate(secure.dtls.remoteCertificate);
	expect(publicKey.asymmetricKeyType).toBe('ec');
	expect(publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
});

describe('the gateway with a STUN server', () => {
	/** Answers with an address that is not this machine's. */
	async function startStunServer(answers: boolean) {
		const server = createSocket('udp4');
		server.on('message', (asked, { port }) => {
			const mapped = hex('0001 0000 cb007107');
			mapped.writeUInt16BE(40_000 ^ 0x2112, 2);
			for (const [at, byte] of [0x21, 0x12, 0xa4, 0x42].entries()) mapped[4 + at] ^= byte;
			const attribute = Buffer.concat([hex('0020 0008'), mapped]);
			const head = Buffer.concat([hex('0101 000c'), asked.subarray(4, 20)]);
			if (answers) server.send(Buffer.concat([head, attribute]), port, '127.0.0.1');
		});
		await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
		return server;
	}

	it.each([
		['names its public address too', true, ['127.0.0.1', '203.0.113.7']],
		['does not wait long for one that does not answer', false, ['127.0.0.1']],
	])('The gateway %s', async (_, answers, expected) => {
		const server = await startStunServer(answers);
		const { port } = server.address();
		const behindNat = await startGateway({ args: ['--stun', `127.0.0.1:${port}`] });
		try {
			const before = performance.now();
			const { body } = await request('POST', '/offer', undefined, { url: behindNat.url });
			// n8n waits 10 seconds in the examples.
			expect(performance.now() - before).toBeLessThan(5_000);
			expect(addressesOf(body.sdp)).toEqual(expected);
		} finally {
			await behindNat.stop();
			server.close();
		}
	});
});

it('The gateway sends silence after its prompt, so that the call stays connected', async () => {
	const { call, media, sdp } = await ring();
	await stage.answer(call, 'accept', sdp);
	await stage.until('silence', () => media.report().packetsReceived > PROMPT.length + 100);
	expect((await report(call.id)).spoken.wholePrompt).toBe(true);
});

it('The gateway can hold its prompt back until the announcement is over', async () => {
	const patient = await startGateway({ args: ['--prompt-delay', '3'] });
	try {
		const call = stage.emulator.userCalls();
		const offer = { callId: call.id, sdp: await stage.sdpOf(call) };
		const { body } = await request('POST', '/answer', offer, { url: patient.url });
		await stage.answer(call, 'accept', body.sdp, { recording: RECORDING });
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
		const at = recorded.indexOf(beginning[5]) - 5;
		expect(at).toBeGreaterThan(0);
		expect(recorded.slice(at, at + 20)).toEqual(beginning);
	} finally {
		await patient.stop();
	}
});

it('The same offer gets the same answer, and another offer gets none', async () => {
	const { call, offer, sdp } = await ring();
	const again = { callId: call.id, sdp: offer };
	expect((await request('POST', '/answer', again)).body).toEqual({ sdp });
	const other = { callId: call.id, sdp: `${offer}a=x\r\n` };
	expect((await request('POST', '/answer', other)).status).toBe(409);
	await request('DELETE', pathOf(call.id));
	expect((await request('POST', '/answer', again)).status).toBe(409);
});

it('The gateway tries again when WhatsApp does not answer its checks at once', async () => {
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
		const detour = String(outer.address().port);
		const sdp = offer.replaceAll(` ${port} `, ` ${detour} `);
		const { body } = await request('POST', '/answer', { callId: call.id, sdp });
		await stage.answer(call, 'accept', body.sdp);
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

describe('what the gateway rejects', () => {
	it.each<[string, string, string, unknown, number]>([
		['an unknown call', 'GET', '/calls/nobody', undefined, 404],
		['the answer to an unknown call', 'PUT', '/calls/nobody/answer', { sdp: 'v=0' }, 404],
		['a name that is none', 'GET', '/calls/%zz', undefined, 404],
		['an unknown address', 'POST', '/call', {}, 404],
		['another method', 'GET', '/answer', undefined, 405],
		['another method of a call', 'POST', '/calls/nobody/accepted', {}, 405],
		['no JSON', 'POST', '/answer', 'sdp', 400],
		['a list', 'POST', '/answer', '[]', 400],
		['no SDP', 'POST', '/answer', { callId: 'a' }, 400],
		['an SDP that is no text', 'POST', '/answer', { callId: 'a', sdp: {} }, 400],
		['an SDP without audio', 'POST', '/answer', { callId: 'b', sdp: 'v=0\r\n' }, 422],
		['an SDP that is none', 'POST', '/answer', { callId: 'c', sdp: 'nonsense' }, 422],
		['a long body', 'POST', '/answer', 'x'.repeat(70_000), 413],
		['a very long body', 'POST', '/answer', 'x'.repeat(5_000_000), 413],
	])('The gateway rejects %s', async (_, method, path, body, status) => {
		const refused = await request(method, path, body);
		expect(refused.status).toBe(status);
		expect(refused.body.error).toMatch(/./);
		expect((await request('GET', '/health')).status).toBe(200);
	});

	it('The gateway rejects an offer without Opus', async () => {
		const call = stage.emulator.userCalls();
		const sdp = (await stage.sdpOf(call)).replaceAll('opus/48000/2', 'G729/8000');
		const { status } = await request('POST', '/answer', { callId: call.id, sdp });
		expect(status).toBe(422);
		expect((await report(call.id)).state).toBe('ended');
	});

	it('The gateway rejects more calls than its limit', async () => {
		const small = await startGateway({ args: ['--max-calls', '1'] });
		try {
			const { url } = small;
			const { body } = await request('POST', '/offer', undefined, { url });
			expect((await request('POST', '/offer', undefined, { url })).status).toBe(503);
			await request('DELETE', pathOf(body.id), undefined, { url });
			expect((await request('POST', '/offer', undefined, { url })).status).toBe(201);
		} finally {
			await small.stop();
		}
	});

	it('The gateway rejects a request without its secret', async () => {
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
		['a STUN server without a port', ['--stun', 'stun.example.com'], /HOST:PORT/],
		['a strange number', ['--idle', 'long'], /--idle must be a number/],
		['an unknown option', ['--quiet'], /Unknown option/],
	])('The gateway does not start with %s', async (_, args, message) => {
		await expect(startGateway({ args })).rejects.toThrow(message);
	});
});

it('The gateway ends calls that never connect', async () => {
	const impatient = await startGateway({ args: ['--idle', '0.3'] });
	try {
		const own = gateway;
		gateway = impatient;
		try {
			const { body } = await request('POST', '/offer');
			expect(await endOf(body.id)).toBe('not answered in time');
			const { call } = await ring();
			expect(await endOf(call.id)).toBe('not connected in time');
		} finally {
			gateway = own;
		}
	} finally {
		await impatient.stop();
	}
});

it('The gateway listens only on the loopback interface unless it is configured otherwise', async () => {
	const { body } = await request('POST', '/offer');
	expect(addressesOf(body.sdp)).toEqual(['127.0.0.1']);
	expect(gateway.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
	await request('DELETE', pathOf(body.id));
});
