import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { NUMBER, PERSON, SECOND_NUMBER } from '../test/support/constants';
import { download, graph } from '../test/support/graph';
import { Receiver } from '../test/support/receiver';
import { DEFAULT_RECORDING, makeSdp, startEmulator, type Emulator } from './index';

const recording = {
	status: 'ENABLED',
	purpose: 'quality assurance',
	announcement_language: 'en_US',
};

const connectBody = (more: Record<string, unknown> = {}) => ({
	messaging_product: 'whatsapp',
	to: PERSON,
	action: 'connect',
	session: { sdp_type: 'offer', sdp: makeSdp('offer') },
	...more,
});

const acceptBody = (call_id: string, more: Record<string, unknown> = {}) => ({
	messaging_product: 'whatsapp',
	call_id,
	action: 'accept',
	session: { sdp_type: 'answer', sdp: makeSdp('answer') },
	...more,
});

const actionBody = (call_id: string, action: string) => ({
	messaging_product: 'whatsapp',
	call_id,
	action,
});

let emulator: Emulator;
let receiver: Receiver;

beforeEach(async () => {
	receiver = await new Receiver().start();
	emulator = await startEmulator({ recordingDelayMs: 0, redeliveryDelaysMs: [] });
	emulator.presetSubscription(receiver.url);
});

afterEach(async () => {
	await emulator.stop();
	await receiver.stop();
});

const post = (body: unknown, headers: Record<string, string> = {}, number = NUMBER) =>
	graph(emulator, 'POST', `${number}/calls`, body, headers);

describe('a call from the business', () => {
	it('A call rings, is answered and ends, and its recording follows', async () => {
		const placed = await post(connectBody({ recording, biz_opaque_callback_data: 'case 7' }));
		expect(placed.status).toBe(200);
		expect(placed.body).toEqual({
			messaging_product: 'whatsapp',
			calls: [{ id: expect.stringMatching(/^wacid\.HBgL/) as string }],
		});
		const callId = (placed.body.calls as Array<{ id: string }>)[0]?.id ?? '';
		await emulator.whenIdle();
		expect(receiver.names).toEqual(['RINGING', 'connect']);

		emulator.userPicksUp(callId);
		emulator.clock.advance(120_000);
		expect((await post(actionBody(callId, 'terminate'))).body).toEqual({
			messaging_product: 'whatsapp',
			success: true,
		});
		await emulator.whenIdle();
		expect(receiver.names).toEqual([
			...['RINGING', 'connect', 'ACCEPTED', 'terminate', 'call_recording_available'],
		]);
		expect(receiver.events[1]).toMatchObject({
			from: '442079460958',
			to: PERSON,
			direction: 'BUSINESS_INITIATED',
			session: { sdp_type: 'answer', sdp: expect.stringMatching(/^v=0\r\n/) as string },
		});
		expect(receiver.events[3]).toMatchObject({
			status: 'COMPLETED',
			duration: 120,
			biz_opaque_callback_data: 'case 7',
		});

		const event = receiver.events[4] as {
			call_recording: { audio: { url: string; sha256: string; id: string } };
		};
		expect(event).toEqual({
			id: callId,
			from: PERSON,
			from_user_id: 'US.13491208655302741918',
			from_parent_user_id: 'US.ENT.11815799212886844830',
			timestamp: expect.stringMatching(/^\d{10}$/) as string,
			event: 'call_recording_available',
			call_recording: {
				type: 'audio',
				audio: {
					id: expect.stringMatching(/^\d{16}$/) as string,
					sha256: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/) as string,
					mime_type: 'audio/ogg; codecs=opus',
					url: expect.stringContaining(
						`${emulator.baseUrl}/whatsapp_business/attachments/?mid=133`,
					) as string,
				},
			},
		});
		const { audio } = event.call_recording;
		const file = Buffer.from(await (await download(emulator, audio.url)).arrayBuffer());
		expect(file.equals(readFileSync(DEFAULT_RECORDING))).toBe(true);
		expect(createHash('sha256').update(file).digest('base64')).toBe(audio.sha256);
	});

	it('A call that is not answered completes without times and without a recording', async () => {
		const placed = await post(connectBody({ recording }));
		const callId = (placed.body.calls as Array<{ id: string }>)[0]?.id ?? '';
		emulator.userRejects(callId);
		await emulator.whenIdle();
		expect(receiver.names).toEqual(['RINGING', 'connect', 'REJECTED', 'terminate']);
		const terminate = receiver.events[3] ?? {};
		expect(terminate).toMatchObject({ status: 'COMPLETED' });
		expect(terminate).not.toHaveProperty('start_time');
		expect(terminate).not.toHaveProperty('duration');
	});

	it('A call that cannot be placed is rejected', async () => {
		const cases: Array<[string, Record<string, unknown>, number, number]> = [
			['106000000000003', {}, 138000, 401],
			['106000000000004', {}, 131055, 400],
			[NUMBER, { to: '14085555678' }, 138006, 401],
			[NUMBER, { to: '14085550000' }, 138001, 400],
		];
		for (const [number, more, code, status] of cases) {
			const answer = await post(connectBody(more), {}, number);
			expect([answer.status, answer.error.code]).toEqual([status, code]);
		}
	});

	it('A call goes to `to` when `recipient` names another person', async () => {
		await post(connectBody({ recipient: 'US.20762481193605518247' }));
		expect(emulator.calls[0]?.user.waId).toBe(PERSON);
	});

	it('A customer can have only one call at a time', async () => {
		await post(connectBody());
		const second = await post(connectBody());
		expect([second.status, second.error.code]).toEqual([400, 138003]);
		expect((await post(connectBody(), {}, SECOND_NUMBER)).status).toBe(200);
	});

	it('Numbers of some countries cannot call', async () => {
		const first = emulator.account.phoneNumbers[0];
		if (first) first.displayPhoneNumber = '+1 202-555-0100';
		expect((await post(connectBody())).error.code).toBe(138013);
	});
});

describe('a call from a customer', () => {
	it('A call is pre-accepted, accepted with recording and transcription, and ends', async () => {
		const call = emulator.userCalls({ deeplinkPayload: 'from the shop' });
		const sdp = makeSdp('answer');
		const session = { sdp_type: 'answer', sdp };
		const preAccept = { ...actionBody(call.id, 'pre_accept'), session };
		expect((await post(preAccept)).body).toEqual({ messaging_product: 'whatsapp', success: true });
		const other = await post(acceptBody(call.id));
		expect(other.error.error_data?.details).toMatch(/must equal the one of pre_accept/);
		const accept = acceptBody(call.id, { session, recording, transcription: recording });
		expect((await post(accept)).status).toBe(200);
		expect((await post(accept)).status).toBe(400);

		emulator.hangUp(call.id, { durationSeconds: 90 });
		await emulator.whenIdle();
		expect(receiver.names.slice(0, 2)).toEqual(['connect', 'terminate']);
		expect(receiver.names.slice(2).sort()).toEqual([
			'call_recording_available',
			'call_transcription_available',
		]);
		expect(receiver.events[0]).toMatchObject({
			from: PERSON,
			to: '442079460958',
			direction: 'USER_INITIATED',
			deeplink_payload: 'from the shop',
			session: { sdp_type: 'offer' },
		});
		expect(receiver.events[1]).toMatchObject({ duration: 90 });
		const transcription = receiver.events.find(
			({ event }) => event === 'call_transcription_available',
		) as { call_transcript: { document: { url: string; mime_type: string } } };
		expect(transcription.call_transcript).not.toHaveProperty('type');
		const { document } = transcription.call_transcript;
		expect(document.mime_type).toBe('application/json');
		expect(await (await download(emulator, document.url)).json()).toMatchObject({
			metadata: { audio: { channels: 2 } },
			transcript: { language: 'en', segments: expect.any(Array) as unknown[] },
		});
		expect((await post(actionBody(call.id, 'terminate'))).status).toBe(400);
	});

	it('A call can be rejected', async () => {
		const call = emulator.userCalls();
		expect((await post(actionBody(call.id, 'reject'))).status).toBe(200);
		await emulator.whenIdle();
		expect(receiver.names).toEqual(['connect', 'terminate']);
		expect((await post(acceptBody(call.id))).status).toBe(400);
	});

	it('A call that ends during the announcement leaves no recording', async () => {
		const call = emulator.userCalls();
		await post(acceptBody(call.id, { recording }));
		emulator.hangUp(call.id, { duringAnnouncement: true });
		await emulator.whenIdle();
		expect(receiver.names).toEqual(['connect', 'terminate']);
	});

	it('A call with recording off leaves no recording', async () => {
		const call = emulator.userCalls();
		await post(acceptBody(call.id, { recording: { status: 'DISABLED' } }));
		emulator.hangUp(call.id);
		await emulator.whenIdle();
		expect(receiver.names).toEqual(['connect', 'terminate']);
	});

	it('A call that is not answered in time ends', async () => {
		await emulator.stop();
		emulator = await startEmulator({ ringTimeoutMs: 20, redeliveryDelaysMs: [] });
		emulator.presetSubscription(receiver.url);
		const call = emulator.userCalls();
		await new Promise((resolve) => setTimeout(resolve, 60));
		await emulator.whenIdle();
		expect(receiver.names).toEqual(['connect', 'terminate']);
		expect(receiver.events[1]).toMatchObject({ status: 'FAILED' });
		expect((await post(acceptBody(call.id))).error.code).toBe(138007);
	});

	it('A call can hide the phone number', async () => {
		const hidden = emulator.userCalls({ from: 'GB.94640118273650027741' });
		await emulator.whenIdle();
		expect(receiver.events[0]).not.toHaveProperty('from');
		emulator.hangUp(hidden.id);
		hidden.user.phoneShown = 'empty';
		emulator.userCalls({ from: 'GB.94640118273650027741' });
		await emulator.whenIdle();
		expect(receiver.events.at(-1)).toMatchObject({
			from: '',
			from_user_id: 'GB.94640118273650027741',
		});
	});
});

describe('the check of a request to calls', () => {
	const rejects = async (body: unknown, cause: RegExp, headers: Record<string, string> = {}) => {
		const answer = await post(body, headers);
		expect([answer.status, answer.error.code]).toEqual([400, 100]);
		expect(answer.error.error_data?.details ?? answer.error.message).toMatch(cause);
		return answer;
	};
	const without = (name: string, body: Record<string, unknown> = connectBody()) => {
		const copy = { ...body };
		delete copy[name];
		return copy;
	};
	const withSdp = (sdp: unknown, type = 'offer') =>
		connectBody({ session: { sdp_type: type, sdp } });
	const good = makeSdp('offer');

	it('The check tells the four errors of a recording apart', async () => {
		const missing = await rejects(
			connectBody({ recording: without('purpose', recording) }),
			/'required'.*recording.*missing : 'purpose'/,
		);
		expect(missing.error).not.toHaveProperty('error_data');
		await rejects(
			connectBody({ recording: { ...recording, purpose: ' \n' } }),
			/recording\.purpose must not be empty/,
		);
		await rejects(
			connectBody({ recording: { ...recording, purpose: 'x'.repeat(251) } }),
			/recording\.purpose must not have more than 250/,
		);
		await rejects(
			connectBody({ recording: { ...recording, announcement_language: 'pt_BR' } }),
			/recording\.announcement_language must be one of/,
		);
		await rejects(
			connectBody({ recording: { ...recording, status: 'enabled' } }),
			/recording\.status must be one of/,
		);
		await rejects(
			connectBody({ recording: without('announcement_language', recording) }),
			/missing : 'announcement_language'/,
		);
		await rejects(
			connectBody({ transcription: { ...recording, purpose: '' } }),
			/transcription\.purpose must not be empty/,
		);
		expect(emulator.calls).toEqual([]);
	});

	it('The check accepts a purpose of 250 characters, whatever their size in bytes', async () => {
		const purpose = 'ü'.repeat(250);
		expect((await post(connectBody({ recording: { ...recording, purpose } }))).status).toBe(200);
	});

	it('The check requires every mandatory field', async () => {
		await rejects(without('messaging_product'), /missing : 'messaging_product'/);
		await rejects(without('action'), /missing : 'action'/);
		await rejects(without('to'), /missing : 'to'/);
		await rejects(without('session'), /missing : 'session'/);
		await rejects(connectBody({ session: { sdp_type: 'offer' } }), /missing : 'sdp'/);
		await rejects(connectBody({ session: { sdp: good } }), /missing : 'sdp_type'/);
		await rejects(without('call_id', actionBody('', 'accept')), /missing : 'call_id'/);
	});

	it('The check rejects unknown fields', async () => {
		await rejects(connectBody({ foo: 1 }), /Unexpected field 'foo'/);
		await rejects(connectBody({ call_id: 'wacid.x' }), /Unexpected field 'call_id'/);
		await rejects(connectBody({ recording: { ...recording, language: 'en' } }), /'language'/);
		const { id } = emulator.userCalls();
		for (const action of ['pre_accept', 'reject', 'terminate']) {
			await rejects({ ...acceptBody(id, { recording }), action }, /Unexpected field/);
		}
		const early = { ...acceptBody(id), action: 'pre_accept', biz_opaque_callback_data: 'x' };
		await rejects(early, /Unexpected field 'biz_opaque_callback_data'/);
	});

	it('The check rejects wrong values', async () => {
		await rejects(connectBody({ messaging_product: 'sms' }), /messaging_product/);
		await rejects(connectBody({ action: 'hold' }), /action must be one of/);
		await rejects(connectBody({ to: '+1 408 555 1234' }), /digits only/);
		await rejects(connectBody({ to: 14085551234 }), /digits only/);
		await rejects(connectBody({ recipient: PERSON }), /business-scoped user ID/);
		await rejects(connectBody({ biz_opaque_callback_data: 'x'.repeat(513) }), /512/);
		await rejects(connectBody({ session: JSON.stringify({}) }), /session must be an object/);
		await rejects(actionBody('abc', 'terminate'), /call_id is not a call ID/);
		await rejects(actionBody('wacid.abc', 'terminate'), /there is no such call/);
		await rejects('{"messaging_product":', /not valid JSON/);
		await rejects('a=b', /Content-Type/, { 'content-type': 'application/x-www-form-urlencoded' });
	});

	it('The check rejects an SDP with an error of its own', async () => {
		await rejects(withSdp(7), /must be a string/);
		const broken = withSdp(good.replace('opus/48000/2', 'G729/8000'));
		const { status, error } = await post(broken);
		expect([status, error.code]).toEqual([400, 138008]);
		expect(error.message).toBe('(#138008) SDP Validation error');
		expect(error.error_data?.details).toMatch(/^SDP validation error: .*opus\/48000\/2/);
		emulator.variants.sdpErrorCode = '100';
		await rejects(broken, /^SDP validation error: .*opus\/48000\/2/);
		expect(emulator.calls).toEqual([]);
	});

	it('The check requires the offer from the caller and the answer from the called side', async () => {
		await rejects(withSdp(good, 'answer'), /must be offer/);
		const { id } = emulator.userCalls();
		await rejects(acceptBody(id, { session: { sdp_type: 'offer', sdp: good } }), /must be answer/);
	});

	it('The check does not find the call of another number', async () => {
		const { id } = emulator.userCalls();
		const answer = await post(acceptBody(id), {}, SECOND_NUMBER);
		expect(answer.error.error_data?.details).toMatch(/no such call/);
	});
});
