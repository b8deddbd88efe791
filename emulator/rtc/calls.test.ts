import { decodeAudio } from '../../test/support/audio';
import { startEmulator } from '../index';
import { BusinessPeer } from './businessPeer';
import type { CallMedia } from './callMedia';
import {
	ANNOUNCEMENT,
	offsets,
	PROMPT,
	RECORDING,
	texts,
	useCallStage,
	VOICE,
	WHOLE_ANNOUNCEMENT,
} from './callStage';
import { SILENCE } from './opus';
import { readOpusFile } from './opusFile';

jest.setTimeout(180_000);

const stage = useCallStage();

/** How long the talk lasted by its packets: all were paced by the audio's clock. */
const talkSeconds = (file: Buffer) => readOpusFile(file).streams[0].length * 0.02;

describe('a call from a customer, with recording', () => {
	it('The announcement is played to the business, and both sides are recorded after it', async () => {
		const { call, media } = await stage.userCalls();
		await media.connected;
		stage.business.speak(PROMPT);
		await media.said;
		stage.emulator.hangUp(call.id);
		const file = await stage.recordingOf(call);
		expect(stage.receiver.names).toEqual(['connect', 'terminate', 'call_recording_available']);

		const { seconds, channels, problems } = await decodeAudio(file);
		expect(Math.abs(seconds - VOICE.length * 0.02)).toBeLessThan(0.5);
		for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.02);
		expect(problems).toEqual([]);

		// The user's side is what the user sent, byte for byte, and nothing of the announcement.
		const [left = [], right = []] = readOpusFile(file).streams;
		expect(texts(right.slice(0, VOICE.length))).toEqual(texts(VOICE));
		expect(new Set(texts(right.slice(VOICE.length)))).toEqual(
			right.length > VOICE.length ? new Set(texts([SILENCE])) : new Set(),
		);
		// The business's side is what its peer sent, without what came during the announcement.
		const places = offsets(left, PROMPT);
		expect(places.length).toBeGreaterThan(left.length * 0.7);
		expect(new Set(places).size).toBe(1);
		expect(places[0]).toBeGreaterThan(0);

		// And the business has heard all of it.
		const heard = texts(stage.business.heard);
		const start = heard.indexOf(texts(ANNOUNCEMENT)[0]);
		expect(heard.slice(start, start + ANNOUNCEMENT.length)).toEqual(texts(ANNOUNCEMENT));
		expect(heard).toEqual(expect.arrayContaining(texts(VOICE.slice(0, -5))));
		expect(media.report()).toMatchObject({
			phase: 'ended',
			packetsTooEarly: 0,
			packetsRefused: 0,
			checksRefused: 0,
		});
	});

	it('Pre-accept sets the call up, without audio before accept, and fixes the SDP answer', async () => {
		const call = stage.emulator.userCalls();
		const media = stage.mediaOf(call);
		const sdp = await stage.business.answer(await stage.sdpOf(call));
		expect((await stage.answer(call, 'pre_accept', sdp)).status).toBe(200);
		await media.connected;
		stage.business.speak(PROMPT);
		await stage.until('early packets', () => media.report().packetsTooEarly > 5);
		expect(media.report()).toMatchObject({
			phase: 'connected',
			packetsSent: 0,
			packetsReceived: 0,
		});

		const other = new BusinessPeer();
		const otherSdp = await other.answer(await stage.sdpOf(call));
		await other.close();
		const refused = await stage.answer(call, 'accept', otherSdp, { recording: RECORDING });
		expect([refused.status, refused.error.code]).toEqual([400, 100]);
		expect(refused.error.error_data?.details).toMatch(/must equal the one of pre_accept/);

		expect((await stage.answer(call, 'accept', sdp, { recording: RECORDING })).status).toBe(200);
		await media.said;
		stage.emulator.hangUp(call.id);
		const file = await stage.recordingOf(call);
		expect(talkSeconds(file)).toBeGreaterThanOrEqual(VOICE.length * 0.02);
	});

	it('The call also connects when the business leaves the start of the handshake to WhatsApp', async () => {
		const call = stage.emulator.userCalls();
		const sdp = await stage.business.answer(await stage.sdpOf(call), 'passive');
		expect(sdp).toContain('a=setup:passive');
		await stage.answer(call, 'accept', sdp, { recording: RECORDING });
		await stage.mediaOf(call).connected;
		stage.business.speak(PROMPT);
		await stage.mediaOf(call).talking;
		expect(texts(stage.business.heard)).toContain(texts(ANNOUNCEMENT)[3]);
	});

	it('The call also connects when the answer takes its time', async () => {
		const call = stage.emulator.userCalls();
		const sdp = await stage.business.answer(await stage.sdpOf(call));
		// Longer than werift repeats its first check.
		await new Promise((resolve) => setTimeout(resolve, 2_500));
		await stage.answer(call, 'accept', sdp);
		await stage.mediaOf(call).connected;
	});

	it.each([
		['before the media is connected', async () => undefined],
		['before the announcement', async ({ connected }: CallMedia) => await connected],
		[
			'during the announcement',
			async (media: CallMedia) => {
				await media.connected;
				stage.business.speak(PROMPT);
				await stage.until('the announcement', () => media.phase === 'announcing');
			},
		],
	])('The call is not recorded when the customer hangs up %s', async (_, moment) => {
		await stage.restart({ announcement: WHOLE_ANNOUNCEMENT });
		const { call, media } = await stage.userCalls({
			recording: RECORDING,
			transcription: RECORDING,
		});
		await moment(media);
		expect(media.phase).not.toBe('talking');
		stage.emulator.hangUp(call.id);
		await stage.emulator.whenIdle();
		expect(stage.receiver.names).toEqual(['connect', 'terminate']);
		expect(stage.receiver.events[1]).toMatchObject({ status: 'COMPLETED' });
		await expect(media.talking).rejects.toThrow('The call ended before the announcement was over');
	});

	it('The call is recorded until the business ends it', async () => {
		const { call, media } = await stage.userCalls();
		await media.connected;
		stage.business.speak(PROMPT);
		await stage.until('a second of talk', () => media.report().recordedSeconds > 1);
		expect((await stage.post({ call_id: call.id, action: 'terminate' })).status).toBe(200);
		const file = await stage.recordingOf(call);
		expect(talkSeconds(file)).toBeGreaterThan(1);
		expect(talkSeconds(file)).toBeLessThan(VOICE.length * 0.02 + 1);
	});
});

describe('a call from a customer', () => {
	it('A call with recording off has no announcement and no recording', async () => {
		const { call, media } = await stage.userCalls({});
		await media.connected;
		stage.business.speak(PROMPT);
		await media.said;
		stage.emulator.hangUp(call.id);
		await stage.emulator.whenIdle();
		expect(stage.receiver.names).toEqual(['connect', 'terminate']);
		expect(texts(stage.business.heard)).not.toContain(texts(ANNOUNCEMENT)[3]);
		expect(texts(stage.business.heard)).toContain(texts(VOICE)[20]);
	});

	it('A call that is only transcribed is announced too', async () => {
		const { call, media } = await stage.userCalls({ transcription: RECORDING });
		await media.connected;
		stage.business.speak(PROMPT);
		await stage.until('a packet of the voice', () =>
			texts(stage.business.heard).includes(texts(VOICE)[3]),
		);
		expect(texts(stage.business.heard)).toContain(texts(ANNOUNCEMENT)[3]);
		stage.emulator.hangUp(call.id);
		await stage.emulator.whenIdle();
		expect(stage.receiver.names).toEqual(['connect', 'terminate', 'call_transcription_available']);
	});

	it('A rejected call has no media any more', async () => {
		const call = stage.emulator.userCalls();
		await stage.sdpOf(call);
		expect((await stage.post({ call_id: call.id, action: 'reject' })).status).toBe(200);
		await stage.emulator.whenIdle();
		expect(stage.receiver.names).toEqual(['connect', 'terminate']);
		expect(stage.mediaOf(call).phase).toBe('ended');
	});

	it('A call can end before its offer is made', async () => {
		const call = stage.emulator.userCalls();
		stage.emulator.hangUp(call.id);
		await stage.emulator.whenIdle();
		expect(stage.receiver.names).toEqual(['connect', 'terminate']);
	});
});

describe('a call from the business, with recording', () => {
	it('Audio flows once the customer picks up, and is recorded after the announcement', async () => {
		const { call, media } = await stage.businessCalls();
		await media.connected;
		stage.business.speak(PROMPT);
		await stage.until('early packets', () => media.report().packetsTooEarly > 5);
		expect(media.report()).toMatchObject({ phase: 'connected', packetsSent: 0 });
		stage.emulator.userPicksUp(call.id);
		await media.said;
		stage.emulator.hangUp(call.id);
		const file = await stage.recordingOf(call);
		expect(stage.receiver.names).toEqual([
			...['RINGING', 'connect', 'ACCEPTED', 'terminate', 'call_recording_available'],
		]);
		const { seconds, channels } = await decodeAudio(file);
		expect(Math.abs(seconds - VOICE.length * 0.02)).toBeLessThan(0.5);
		for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.02);
		expect(texts(readOpusFile(file).streams[1].slice(0, VOICE.length))).toEqual(texts(VOICE));
	});

	it.each([
		['passive', 'passive'],
		['active', 'active'],
		// What projects make of an answer that browsers refuse: the one or the other.
		['actpass', 'passive'],
		['actpass', 'active'],
		['actpass', 'actpass'],
	] as const)(
		'The call connects when the answer says %s and the business takes it as %s',
		async (setup, as) => {
			await stage.restart({}, { answerSetup: setup });
			const { call, media } = await stage.businessCalls({}, (sdp) => {
				expect(sdp).toContain(`a=setup:${setup}\r\n`);
				return sdp.replace(`a=setup:${setup}`, `a=setup:${as}`);
			});
			await media.connected;
			stage.emulator.userPicksUp(call.id);
			stage.business.speak(PROMPT);
			await stage.until('sound', () => stage.business.heard.length > 20);
			expect(media.report()).toMatchObject({ phase: 'talking', packetsRefused: 0 });
		},
	);

	it('A declined call leaves nothing behind', async () => {
		const { call, media } = await stage.businessCalls();
		stage.emulator.userRejects(call.id);
		await stage.emulator.whenIdle();
		expect(stage.receiver.names).toEqual(['RINGING', 'connect', 'REJECTED', 'terminate']);
		expect(media.phase).toBe('ended');
	});
});

describe('the media address', () => {
	// Linux lets a program listen at all of 127.0.0.0/8.
	const OTHER = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';

	it('The media address is in the SDP, and audio flows there', async () => {
		await stage.restart({ mediaAddress: OTHER });
		const { call, media } = await stage.userCalls({});
		const { sdp } = call;
		expect(sdp).toContain(`c=IN IP4 ${OTHER}\r\n`);
		expect(sdp).toMatch(new RegExp(`^a=candidate:\\d+ 1 udp \\d+ ${OTHER} \\d+ typ host`, 'm'));
		await media.connected;
		stage.business.speak(PROMPT);
		await media.talking;
		expect(stage.business.heard.length).toBeGreaterThan(0);
	});

	it.each(['192.0.2.77', '0.0.0.0', '224.0.0.1', '::1', 'localhost', ''])(
		'A media address that is not of this machine is rejected: %j',
		async (mediaAddress) => {
			await expect(startEmulator({ webRtc: { mediaAddress } })).rejects.toThrow(
				/is not an IPv4 address of this machine.*127\.0\.0\.1/,
			);
		},
	);
});

it('The emulator reports over HTTP how the audio of a call is doing', async () => {
	const { call, media } = await stage.userCalls({});
	await media.connected;
	stage.business.speak(PROMPT);
	await media.talking;
	const get = async (path: string) => {
		const response = await fetch(`${stage.emulator.baseUrl}/_emulator${path}`);
		return { status: response.status, body: (await response.json()) as unknown };
	};
	expect(await get('/calls/latest/media')).toMatchObject({
		status: 200,
		body: { phase: 'talking' },
	});
	stage.emulator.hangUp(call.id);
	expect(await get(`/calls/${encodeURIComponent(call.id)}/media`)).toMatchObject({
		body: { phase: 'ended' },
	});
	expect(await get('/calls/none/media')).toMatchObject({
		status: 404,
		body: { error: expect.stringContaining('--media') as string },
	});
});
