import type { IDataObject, INode, INodeParameters } from 'n8n-workflow';
import { NUMBER, PERSON, SECOND_NUMBER } from '../support/constants';
import {
	ANNOUNCEMENT_LANGUAGES,
	makeSdp,
	makeWhatsAppSdp,
	type Fault,
	type LoggedRequest,
} from '../../emulator';
import type { ActionRun, NodeFailure } from './engine/actionRun';
import { everythingIn } from './engine/everythingIn';
import { useStage } from './engineStage';

const stage = useStage();

const byId = (value: string) => ({ __rl: true, mode: 'id', value });

async function call(
	operation: string,
	parameters: INodeParameters,
	items?: IDataObject[],
	settings?: Partial<INode>,
): Promise<ActionRun> {
	return await stage.engine.run(
		stage.credential,
		{ resource: 'call', operation, phoneNumberId: byId(NUMBER), ...parameters },
		items,
		settings,
	);
}

function start(parameters: INodeParameters = {}, items?: IDataObject[], settings?: Partial<INode>) {
	return call('start', { to: PERSON, sdp: makeSdp('offer'), ...parameters }, items, settings);
}

/** Bodies of the requests to `calls`. */
const bodies = () => stage.requests('calls').map(({ body }) => body as IDataObject);

const enabled = (purpose: string, language = 'en_US') => ({
	status: 'ENABLED',
	purpose,
	announcement_language: language,
});

describe('starting a call', () => {
	it('A response without a call ID is an error that warns against another call', async () => {
		const body = { messaging_product: 'whatsapp', success: true };
		stage.emulator.failNext('calls', { status: 200, body, takesEffect: true });
		const { error } = await start();
		expect(error.message).toBe(
			'WhatsApp accepted the request, but its response contains no call ID',
		);
		expect(error.description).toContain('Do not start the call again');
		expect(bodies()).toHaveLength(1);
	});

	it('The request is what Meta documents, and the item has the call ID', async () => {
		const sdp = makeSdp('offer');
		const { items } = await start({ sdp });
		expect(bodies()).toEqual([
			{
				messaging_product: 'whatsapp',
				to: PERSON,
				action: 'connect',
				session: { sdp_type: 'offer', sdp },
			},
		]);
		const [placed] = stage.emulator.calls;
		expect(items).toEqual([
			{
				json: {
					callId: placed.id,
					phoneNumberId: NUMBER,
					to: PERSON,
					userId: null,
					recordCall: false,
					transcribeCall: false,
					purpose: null,
					announcementLanguage: null,
					announcement: null,
				},
				pairedItem: { item: 0 },
			},
		]);
		const [{ path, headers }] = stage.requests('calls');
		expect(path).toBe(`/v26.0/${NUMBER}/calls`);
		expect(headers.authorization).toBe(`Bearer ${stage.emulator.account.accessToken}`);
		expect(headers['user-agent']).toBe('n8n-nodes-whatsapp-business-calling');
	});

	it('A call is not recorded and not transcribed unless the operator asks for it', async () => {
		await start();
		expect(stage.emulator.calls[0].recording).toBeUndefined();
		expect(stage.emulator.calls[0].transcription).toBeUndefined();
	});

	it('A call with recording sends recording only, and the item has what both sides hear', async () => {
		const { items } = await start({
			recordCall: true,
			recordingPurpose: 'quality assurance',
			recordingLanguage: 'en_US',
		});
		expect(bodies()[0].recording).toEqual(enabled('quality assurance'));
		expect(bodies()[0]).not.toHaveProperty('transcription');
		expect(items[0].json).toMatchObject({
			recordCall: true,
			transcribeCall: false,
			purpose: 'quality assurance',
			announcementLanguage: 'en_US',
			announcement:
				'The audio of this call will be recorded for the following purpose: quality assurance',
		});
	});

	it('A call with transcription sends transcription only', async () => {
		const { items } = await start({
			transcribeCall: true,
			transcriptionPurpose: 'notes',
			transcriptionLanguage: 'de',
		});
		expect(bodies()[0].transcription).toEqual(enabled('notes', 'de'));
		expect(bodies()[0]).not.toHaveProperty('recording');
		expect(items[0].json).toMatchObject({
			recordCall: false,
			transcribeCall: true,
			purpose: 'notes',
			announcementLanguage: 'de',
			announcement: null,
		});
	});

	it('A call with both sends both, with the purpose and language of the recording', async () => {
		const { items } = await start({
			recordCall: true,
			recordingPurpose: 'Qualität',
			recordingLanguage: 'de',
			transcribeCall: true,
		});
		expect(bodies()[0]).toMatchObject({
			recording: enabled('Qualität', 'de'),
			transcription: enabled('Qualität', 'de'),
		});
		expect(items[0].json).toMatchObject({
			recordCall: true,
			transcribeCall: true,
			purpose: 'Qualität',
			announcementLanguage: 'de',
			announcement:
				'Dieser Anruf wird zu folgenden Zwecken aufgezeichnet und transkribiert: Qualität',
		});
	});

	it.each(ANNOUNCEMENT_LANGUAGES)('The recording can be announced in %s', async (language) => {
		const { items } = await start({
			recordCall: true,
			recordingPurpose: 'x'.repeat(250),
			recordingLanguage: language,
		});
		expect(items).toHaveLength(1);
		expect(bodies()[0].recording).toEqual(enabled('x'.repeat(250), language));
	});

	it('The purpose is counted in characters, as Meta does', async () => {
		const { items } = await start({
			recordCall: true,
			recordingPurpose: '📞'.repeat(250),
			recordingLanguage: 'en',
		});
		expect(items).toHaveLength(1);
	});

	it.each<unknown>([' +1 (408) 555-1234 ', 14085551234, '14085551234.0', 'whatsapp:+14085551234'])(
		'The phone number %j is accepted',
		async (to) => {
			await start({ to: '={{ $json.to }}' }, [{ to } as IDataObject]);
			expect(bodies()[0].to).toBe(PERSON);
		},
	);

	it('A user ID is accepted instead of the number, or beside it', async () => {
		await start({ to: '', userId: 'US.13491208655302741918' });
		expect(bodies()[0]).toMatchObject({ recipient: 'US.13491208655302741918' });
		expect(bodies()[0]).not.toHaveProperty('to');
		stage.emulator.hangUp(stage.emulator.calls[0].id);
		await start({ userId: 'US.13491208655302741918' });
		expect(bodies()[1]).toMatchObject({ to: PERSON, recipient: 'US.13491208655302741918' });
	});

	it.each<[string, unknown, string | undefined]>([
		['as it is', ' ticket-4711 ', ' ticket-4711 '],
		['of 512 characters, also of such that are two units', '📞'.repeat(512), '📞'.repeat(512)],
		['that is an object, as JSON', { ticket: 4711 }, '{"ticket":4711}'],
		['not at all where it shows nothing', '\u200b\u2060 ', undefined],
	])('The callback data is sent %s', async (_, data, sent) => {
		const options = { bizOpaqueCallbackData: '={{ $json.data }}' };
		await start({ options }, [{ data } as IDataObject]);
		expect(bodies()[0].biz_opaque_callback_data).toBe(sent);
		expect(stage.emulator.calls[0].bizOpaqueCallbackData).toBe(sent);
	});

	it('The SHA-256 fingerprint is the only one sent', async () => {
		const sdp = makeSdp('offer');
		const others = 'a=fingerprint:sha-384 AA:BB\r\na=fingerprint:sha-512 AA:BB\r\n';
		await start({ sdp: sdp + others });
		expect(bodies()[0].session).toEqual({ sdp_type: 'offer', sdp });
	});

	it.each<[string, (sdp: string) => string]>([
		['with plain line ends', (sdp) => sdp.replaceAll('\r\n', '\n')],
		['with line ends as characters', (sdp) => sdp.replaceAll('\r\n', '\\r\\n')],
		['as the JSON of a browser', (sdp) => JSON.stringify({ type: 'offer', sdp })],
		['with blank lines around it', (sdp) => `\n\n${sdp}\n\n`],
	])('An SDP is accepted %s', async (_, written) => {
		const sdp = makeSdp('offer');
		await start({ sdp: '={{ $json.sdp }}' }, [{ sdp: written(sdp) }]);
		expect(bodies()[0].session).toEqual({ sdp_type: 'offer', sdp });
	});

	it('The parameters are read from each item', async () => {
		stage.emulator.setPermission('447700900123', 'permanent');
		const { items } = await start({ to: '={{ $json.phone }}', sdp: '={{ $json.offer }}' }, [
			{ phone: PERSON, offer: makeSdp('offer') },
			{ phone: '447700900123', offer: makeSdp('offer') },
		]);
		expect(bodies().map(({ to }) => to)).toEqual([PERSON, '447700900123']);
		expect(items.map(({ json }) => json.callId)).toEqual(stage.emulator.calls.map(({ id }) => id));
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual([{ item: 0 }, { item: 1 }]);
	});

	it('A number chosen from the list is accepted', async () => {
		await start({ phoneNumberId: { __rl: true, mode: 'list', value: NUMBER } });
		expect(stage.emulator.calls[0].phoneNumberId).toBe(NUMBER);
	});
});

describe('answering a call', () => {
	it('Pre-Accept and Accept send the same SDP', async () => {
		const incoming = stage.emulator.userCalls();
		const sdp = makeSdp('answer');
		const accepted = await call('accept', {
			callId: incoming.id,
			sdp,
			recordCall: true,
			recordingPurpose: 'training',
			recordingLanguage: 'en',
		});
		expect(accepted.items[0].json).toMatchObject({ success: true, preAccepted: true });
		const common = {
			messaging_product: 'whatsapp',
			call_id: incoming.id,
			session: { sdp_type: 'answer', sdp },
		};
		expect(bodies()).toEqual([
			{ ...common, action: 'pre_accept' },
			{ ...common, action: 'accept', recording: enabled('training', 'en') },
		]);
	});

	it.each<[string, INodeParameters, string[]]>([
		['by default', {}, ['pre_accept', 'accept']],
		['if it is on', { preAcceptFirst: true }, ['pre_accept', 'accept']],
		['if an expression says so', { preAcceptFirst: '={{ "true" }}' }, ['pre_accept', 'accept']],
		['not if it is off', { preAcceptFirst: false }, ['accept']],
		['not if an expression says so', { preAcceptFirst: '={{ 0 }}' }, ['accept']],
	])('Accept pre-accepts first %s', async (_, options, actions) => {
		const incoming = stage.emulator.userCalls();
		const { items } = await call('accept', {
			callId: incoming.id,
			sdp: makeSdp('answer'),
			options,
		});
		expect(bodies().map(({ action }) => action)).toEqual(actions);
		expect(items[0].json.preAccepted).toBe(actions.length === 2);
	});

	it.each<[string, Fault, number]>([
		['Meta is unavailable for a while', { errorCode: 131000 }, 3],
		['Meta refuses it for good', { errorCode: 100 }, 1],
		['a proxy answers', { status: 502, body: '<html>' }, 1],
		['the connection is cut', { reset: true }, 1],
		['the answer is lost', { reset: true, takesEffect: true }, 1],
		['Meta does not confirm it', { status: 200, body: { success: false } }, 1],
	])('A call is accepted although pre-accepting fails: %s', async (_, fault, times) => {
		const incoming = stage.emulator.userCalls();
		stage.emulator.failNext('calls', fault, { times });
		const { items } = await call('accept', { callId: incoming.id, sdp: makeSdp('answer') });
		expect(items[0].json).toMatchObject({ success: true, preAccepted: false });
		expect(stage.emulator.call(incoming.id)).toMatchObject({ state: 'inProgress' });
	});

	it('The error is that of accept if neither works', async () => {
		const { id } = stage.emulator.userCalls();
		stage.emulator.hangUp(id);
		const { error } = await call('accept', { callId: id, sdp: makeSdp('answer') });
		expect(error.message).toBe('WhatsApp did not accept the action on this call');
		expect(error.description).toContain('The call may be over, answered already');
		expect(bodies().map(({ action }) => action)).toEqual(['pre_accept', 'accept']);
	});

	it('A code that means something else on Start has its own text', async () => {
		const { id } = stage.emulator.userCalls();
		stage.emulator.failNext('calls', { errorCode: 138006 }, { times: Infinity });
		const { error } = await call('accept', { callId: id, sdp: makeSdp('answer') });
		expect(error.message).toBe('This call no longer exists');
		expect(error.description).not.toContain('Permission > Request');
	});

	it('A call is pre-accepted, accepted with recording, and ended', async () => {
		const incoming = stage.emulator.userCalls();
		const sdp = makeSdp('answer');
		const preAccepted = await call('preAccept', { callId: incoming.id, sdp });
		expect(preAccepted.items[0].json).toEqual({ callId: incoming.id, success: true });
		const accepted = await call(
			'accept',
			{
				callId: '={{ $json.callId }}',
				sdp,
				recordCall: true,
				recordingPurpose: 'quality assurance',
				recordingLanguage: 'en_US',
				options: { bizOpaqueCallbackData: 'ticket-4711' },
			},
			[{ callId: incoming.id }],
		);
		expect(accepted.items[0].json).toMatchObject({
			callId: incoming.id,
			success: true,
			recordCall: true,
			transcribeCall: false,
			purpose: 'quality assurance',
		});
		const terminated = await call('terminate', { callId: incoming.id });
		expect(terminated.items[0].json).toEqual({ callId: incoming.id, success: true });
		const session = { sdp_type: 'answer', sdp };
		const common = { messaging_product: 'whatsapp', call_id: incoming.id };
		expect(bodies()).toEqual([
			{ ...common, action: 'pre_accept', session },
			// Accept pre-accepts first, also after a Pre-Accept of its own.
			{ ...common, action: 'pre_accept', session },
			{
				...common,
				action: 'accept',
				session,
				recording: enabled('quality assurance'),
				biz_opaque_callback_data: 'ticket-4711',
			},
			{ ...common, action: 'terminate' },
		]);
		expect(stage.emulator.call(incoming.id)).toMatchObject({ state: 'ended' });
	});

	it.each([
		['neither', false, false],
		['recording', true, false],
		['transcription', false, true],
		['both', true, true],
	])('A call is accepted with %s', async (_, recordCall, transcribeCall) => {
		const incoming = stage.emulator.userCalls();
		await call('accept', {
			callId: incoming.id,
			sdp: makeSdp('answer'),
			recordCall,
			transcribeCall,
			recordingPurpose: 'training',
			recordingLanguage: 'es',
			transcriptionPurpose: 'training',
			transcriptionLanguage: 'es',
		});
		const [, accepted] = bodies();
		expect(accepted.recording).toEqual(recordCall ? enabled('training', 'es') : undefined);
		expect(accepted.transcription).toEqual(transcribeCall ? enabled('training', 'es') : undefined);
	});

	it('A call is rejected', async () => {
		const incoming = stage.emulator.userCalls();
		const { items } = await call('reject', { callId: incoming.id });
		expect(items[0].json).toEqual({ callId: incoming.id, success: true });
		expect(bodies()).toEqual([
			{ messaging_product: 'whatsapp', call_id: incoming.id, action: 'reject' },
		]);
	});

	it.each(['preAccept', 'accept', 'reject', 'terminate'])(
		'An operation fails where WhatsApp does not confirm it: %s',
		async (operation) => {
			const incoming = stage.emulator.userCalls();
			const unconfirmed = { status: 200, body: { success: false } };
			stage.emulator.failNext('calls', unconfirmed, { times: Infinity });
			const { error } = await call(operation, { callId: incoming.id, sdp: makeSdp('answer') });
			expect(error.message).toBe('WhatsApp responded, but did not confirm the action');
			expect(error.description).toContain('before running this step again');
			expect(bodies()).toHaveLength(operation === 'accept' ? 2 : 1);
		},
	);

	it('The trigger gets the recording after the call', async () => {
		const trigger = stage.trigger();
		const incoming = stage.emulator.userCalls();
		await call('accept', {
			callId: incoming.id,
			sdp: makeSdp('answer'),
			recordCall: true,
			recordingPurpose: 'training',
			recordingLanguage: 'en',
		});
		stage.emulator.hangUp(incoming.id, { durationSeconds: 20 });
		await stage.emulator.whenIdle();
		expect(trigger.items.map(({ json }) => json)).toEqual([
			expect.objectContaining({
				callId: incoming.id,
				recording: expect.objectContaining({ verified: true }),
			}),
		]);
	});
});

describe('input that cannot be right', () => {
	const recording = { recordCall: true, recordingPurpose: 'x', recordingLanguage: 'en' };
	const written = (value: unknown) => `={{ ${JSON.stringify(value)} }}`;

	it.each<[string, string, INodeParameters, RegExp]>([
		['no purpose', 'start', { ...recording, recordingPurpose: written('') }, /needs a purpose/],
		[
			'a blank purpose',
			'start',
			{ ...recording, recordingPurpose: written(' \t') },
			/needs a purpose/,
		],
		[
			'a purpose with nothing to see in it',
			'start',
			{ ...recording, recordingPurpose: written('\u200b\u200f\ufe0f') },
			/needs a purpose/,
		],
		[
			'a purpose of 251 characters',
			'start',
			{ ...recording, recordingPurpose: 'x'.repeat(251) },
			/251 characters/,
		],
		[
			'an unknown language',
			'start',
			{ ...recording, recordingLanguage: written('en-US') },
			/did you mean "en_US"/,
		],
		[
			'no language',
			'start',
			{ ...recording, recordingLanguage: written('') },
			/language is missing/,
		],
		[
			'a transcription without purpose',
			'start',
			{ transcribeCall: true, transcriptionPurpose: written('') },
			/needs a purpose/,
		],
		['nobody to call', 'start', { to: '', userId: '' }, /No recipient: fill in To or User ID/],
		['a number without digits', 'start', { to: 'Ana' }, /not a phone number/],
		['a number with a leading zero', 'start', { to: '0408 555 1234' }, /not a phone number/],
		['a number with a fraction', 'start', { to: written(14085551234.5) }, /"14085551234.5" is not/],
		['two numbers', 'start', { to: '14085551234, 14085551235' }, /not a phone number/],
		['a user ID that is none', 'start', { userId: 'Ana' }, /not a user ID/],
		['no SDP', 'start', { sdp: written('') }, /SDP offer cannot be used/],
		['an SDP that is none', 'start', { sdp: 'hello' }, /SDP offer cannot be used/],
		[
			'an answer as the offer',
			'start',
			{ sdp: JSON.stringify({ type: 'answer', sdp: 'v=0' }) },
			/SDP offer cannot be used/,
		],
		[
			'callback data of 513 characters',
			'start',
			{ options: { bizOpaqueCallbackData: 'x'.repeat(513) } },
			/513 characters/,
		],
		[
			'no business number',
			'start',
			{ phoneNumberId: byId(written('')) },
			/No phone number was chosen/,
		],
		[
			'a business number that is a path',
			'start',
			{ phoneNumberId: byId('1/../2') },
			/not a phone number ID/,
		],
		['no call ID', 'accept', { callId: written('') }, /call ID is missing/],
		['a call ID of something else', 'reject', { callId: 'wamid.HBgL' }, /not a call ID/],
		[
			'an SDP offer as the answer',
			'accept',
			{ callId: 'wacid.1', sdp: JSON.stringify({ type: 'offer', sdp: 'v=0' }) },
			/^This SDP is an offer, not an answer$/,
		],
		[
			"WhatsApp's own offer as the answer",
			'accept',
			{ callId: 'wacid.1', sdp: makeWhatsAppSdp('offer') },
			/^This is WhatsApp's own offer, not an answer$/,
		],
		[
			"WhatsApp's own answer as the offer",
			'start',
			{ sdp: makeWhatsAppSdp('answer') },
			/^This is WhatsApp's own answer, not an offer$/,
		],
		['an operation that does not exist', 'hold', {}, /does not exist/],
	])(
		'Input such as %s is rejected before anything is sent',
		async (_, operation, parameters, message) => {
			const run = await (operation === 'start'
				? start(parameters)
				: call(operation, { sdp: makeSdp('answer'), ...parameters }));
			expect(run.error.message).toMatch(message);
			expect(run.error.description).toBeTruthy();
			expect(run.error.context.itemIndex).toBe(0);
			expect(stage.emulator.requests).toEqual([]);
		},
	);

	it('A wrong one of several items is named by its number, and the items before it are done', async () => {
		const run = await start({ to: '={{ $json.to }}' }, [{ to: PERSON }, { to: 'Ana' }]);
		expect(run.error.message).toContain('Ana');
		expect(run.error.context.itemIndex).toBe(1);
		expect(bodies().map(({ to }) => to)).toEqual([PERSON]);
	});

	it.each<[string, Partial<INode>]>([
		['Continue', { onError: 'continueRegularOutput' }],
		['the older Continue On Fail', { continueOnFail: true }],
	])(
		'A wrong item with %s becomes an item in its place, and the others are done',
		async (_, settings) => {
			const { items } = await start(
				{ to: '={{ $json.to }}' },
				[{ to: 'Ana' }, { to: PERSON }],
				settings,
			);
			expect(items).toHaveLength(2);
			expect(items[0].json.error).toMatchObject({ message: '"Ana" is not a phone number' });
			expect(items[0].pairedItem).toEqual({ item: 0 });
			expect(items[1].json).toMatchObject({ to: PERSON });
			expect(items[1].pairedItem).toEqual({ item: 1 });
		},
	);

	it('A wrong item with the error output goes there, with the fields of its input item', async () => {
		const run = await start({ to: '={{ $json.to }}' }, [{ to: 'Ana', ticket: 7 }, { to: PERSON }], {
			onError: 'continueErrorOutput',
		});
		expect(run.items.map(({ json }) => json.to)).toEqual([PERSON]);
		expect(run.errorItems).toHaveLength(1);
		expect(run.errorItems[0].json).toMatchObject({
			ticket: 7,
			error: {
				message: '"Ana" is not a phone number',
				description: expect.stringContaining('country code'),
			},
		});
	});
});

describe('errors of Meta', () => {
	const facts = ({ context }: NodeFailure) => context.whatsApp;

	it.each<[number, INodeParameters, string, RegExp]>([
		[
			138000,
			{ phoneNumberId: byId('106000000000003') },
			'Calling is not turned on for this phone number',
			/WhatsApp Manager/,
		],
		[
			131055,
			{ phoneNumberId: byId('106000000000004') },
			'This phone number is set up for SIP',
			/SIP/,
		],
		[
			138006,
			{ to: '14085555678' },
			'This person has not given permission to be called',
			/Permission > Request/,
		],
		[
			138001,
			{ to: '14085550000' },
			'This person cannot be called on WhatsApp',
			/may not use WhatsApp/,
		],
	])(
		'The error %i has a title, a hint, and what Meta said',
		async (code, parameters, title, hint) => {
			const { error } = await start(parameters);
			const [refused] = stage.requests('calls');
			expect(error.name).toBe('NodeApiError');
			expect(error.message).toBe(title);
			expect(error.description).toMatch(hint);
			expect(error.messages?.join('\n')).toContain(`code ${code}`);
			expect(error.messages?.join('\n')).toContain(`(#${code})`);
			expect(error.httpCode).toBe(String(code));
			expect(facts(error)).toMatchObject({
				code,
				httpStatus: refused.status,
				traceId: expect.stringMatching(/^A/),
				details: expect.any(String),
			});
			expect(error.messages?.join('\n')).toContain(String(facts(error)?.traceId));
		},
	);

	it('Code, subcode, details and trace ID stay as Meta gave them', async () => {
		stage.emulator.failNext('calls', {
			status: 400,
			body: {
				error: {
					message: '(#138013) Business initiated calls are not available',
					code: 138013,
					error_subcode: 2593139,
					error_data: { messaging_product: 'whatsapp', details: 'Country not supported' },
					fbtrace_id: 'AbCdEf123',
				},
			},
		});
		const { error } = await start();
		expect(facts(error)).toEqual({
			code: 138013,
			subcode: 2593139,
			details: 'Country not supported',
			traceId: 'AbCdEf123',
			httpStatus: 400,
		});
		const messages = error.messages?.join('\n');
		expect(messages).toContain('Country not supported');
		expect(messages).toContain('subcode 2593139');
		expect(messages).toContain('AbCdEf123');
	});

	it('A duplicate call, an ended call and another SDP have their own errors', async () => {
		await start();
		expect((await start()).error.message).toBe('This person is already in a call with you');
		const incoming = stage.emulator.userCalls({ from: '447700900123' });
		const callId = incoming.id;
		await call('preAccept', { callId, sdp: makeSdp('answer') });
		const other = await call('accept', { callId, sdp: makeSdp('answer') });
		expect(other.error.message).toBe('WhatsApp did not accept the action on this call');
		expect(other.error.description).toContain('pre_accept');
		await call('reject', { callId });
		const ended = await call('terminate', { callId });
		expect(ended.error.description).toContain('has ended already');
	});

	it.each<[string, Fault, RegExp]>([
		['an expired token', { errorCode: 190 }, /access token/],
		['a missing permission', { errorCode: 200 }, /lacks a permission/],
		['an unknown code', { status: 400, body: { error: { message: 'New', code: 4711 } } }, /4711/],
		['an answer that is no JSON', { status: 400, body: '<html>no</html>' }, /400/],
		['an empty answer', { status: 404, body: '' }, /404/],
	])('The error for %s says so', async (_, fault, message) => {
		stage.emulator.failNext('calls', fault, { times: Infinity });
		expect((await start()).error.message).toMatch(message);
	});

	it.each<[string, Fault]>([
		['Meta refuses', { errorCode: 138006 }],
		['Meta answers without JSON', { status: 400, body: '<html>no</html>' }],
		['the connection is cut', { reset: true }],
		['Meta answers 401', { errorCode: 190 }],
	])('An error never contains the token or the app secret, when %s', async (_, fault) => {
		stage.emulator.failNext('calls', fault, { times: Infinity });
		const { accessToken, appSecret } = stage.emulator.account;
		const stopped = await start();
		const continued = await start({}, [{}], { onError: 'continueRegularOutput' });
		for (const run of [stopped.run, continued.run]) {
			const text = JSON.stringify(run.data.resultData) + everythingIn(run.data.resultData);
			expect(text).not.toContain(accessToken);
			expect(text).not.toContain(appSecret);
		}
		expect(stage.engine.logs.join('\n')).not.toContain(accessToken);
	});

	it('An error with Continue is an item with the facts to decide on', async () => {
		const { items } = await start({ to: '14085555678' }, [{}], {
			onError: 'continueRegularOutput',
		});
		expect(items[0].json.error).toMatchObject({
			message: 'This person has not given permission to be called',
			description: expect.stringContaining('permission'),
			code: 138006,
			httpStatus: 401,
			traceId: expect.any(String),
		});
	});

	it('An error with the error output is there with the same facts', async () => {
		const run = await start({ to: '={{ $json.to }}' }, [{ to: '14085555678', ticket: 7 }], {
			onError: 'continueErrorOutput',
		});
		expect(run.items).toEqual([]);
		expect(run.errorItems[0].json).toMatchObject({ ticket: 7, error: { code: 138006 } });
	});
});

describe('a failed request', () => {
	const RETRY_ON_FAIL = { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 };
	const sent = (action: string): LoggedRequest[] =>
		stage.requests('calls').filter(({ body }) => (body as IDataObject).action === action);

	it.each<[string, Fault]>([
		['the connection was interrupted', { reset: true }],
		['the answer was cut', { cutAfterBytes: 10 }],
		['Meta was unavailable (131000)', { errorCode: 131000 }],
		['Meta was unavailable (1)', { errorCode: 1 }],
		['the connection to the person failed (138004)', { errorCode: 138004 }],
		['a gateway answered 502', { status: 502, body: '<html>bad gateway</html>' }],
		['a gateway answered 429', { status: 429, body: 'slow down' }],
	])(
		"A call is not started a second time when %s, not by n8n's Retry On Fail either: the person might ring twice",
		async (_, fault) => {
			stage.emulator.failNext('calls', { ...fault, takesEffect: true });
			const run = await start({}, undefined, RETRY_ON_FAIL);
			expect(run.error.description).toMatch(/phone may (?:be ringing|have rung)/);
			expect(sent('connect')).toHaveLength(1);
			expect(stage.emulator.calls).toHaveLength(1);
		},
	);

	it('Retry On Fail does not start the calls of the other items again, and starts the one that was rejected', async () => {
		const other = '447700900123';
		stage.emulator.setPermission(other, 'permanent');
		stage.emulator.failNext('calls', { errorCode: 138003 }, { after: 1 });
		const people = [{ to: PERSON }, { to: other }];
		const run = await start({ to: '={{ $json.to }}' }, people, RETRY_ON_FAIL);
		expect(run.items).toHaveLength(2);
		expect(sent('connect').map(({ body }) => (body as IDataObject).to)).toEqual([
			PERSON,
			other,
			other,
		]);
	});

	it.each([138005, 138002, 130429, 80007, 4])(
		'A call is started again after a rate limit, which proves that no phone rang (%i)',
		async (errorCode) => {
			stage.emulator.failNext('calls', { errorCode });
			const { items } = await start();
			expect(items).toHaveLength(1);
			expect(sent('connect')).toHaveLength(2);
			expect(stage.emulator.calls).toHaveLength(1);
		},
	);

	it('A rate limit that stays is an error', async () => {
		stage.emulator.failNext('calls', { errorCode: 138005 }, { times: Infinity });
		const run = await start();
		expect(run.error.message).toBe('Calls are being started too fast');
		expect(sent('connect')).toHaveLength(3);
	});

	it.each([131000, 1, 131016])(
		'A call is accepted again when Meta says that it may be (%i)',
		async (errorCode) => {
			const incoming = stage.emulator.userCalls();
			stage.emulator.failNext('calls', { errorCode });
			const { items } = await call('accept', {
				callId: incoming.id,
				sdp: makeSdp('answer'),
				options: { preAcceptFirst: false },
			});
			expect(items[0].json.success).toBe(true);
			expect(sent('accept')).toHaveLength(2);
		},
	);

	it.each<[string, Fault]>([
		['the connection was interrupted', { reset: true }],
		['Meta refused for good', { errorCode: 100 }],
		['a gateway answered 502', { status: 502, body: '<html>bad gateway</html>' }],
	])('A call is not accepted again when %s', async (_, fault) => {
		const incoming = stage.emulator.userCalls();
		stage.emulator.failNext('calls', fault, { times: 2 });
		const run = await call('accept', {
			callId: incoming.id,
			sdp: makeSdp('answer'),
			options: { preAcceptFirst: false },
		});
		expect(run.succeeded).toBe(false);
		expect(sent('accept')).toHaveLength(1);
	});

	it('The error says that Meta could not be reached, and where', async () => {
		stage.emulator.failNext('calls', { reset: true });
		const { error } = await start();
		expect(error.message).toBe('Meta could not be reached');
		expect(error.description).toContain(new URL(stage.emulator.baseUrl).host);
	});
});

describe('the credential of the action', () => {
	it.each<[string, Record<string, string>, RegExp]>([
		['without a base URL', { baseUrl: '' }, /Base URL/],
		['with a version that is none', { apiVersion: 'newest' }, /API Version/],
		['without an app secret', { appSecret: '' }, /App Secret/],
	])('A credential %s is rejected before anything is sent', async (_, fields, message) => {
		const run = await stage.engine.run(
			{ ...stage.credential, ...fields },
			{ resource: 'call', operation: 'start', phoneNumberId: byId(NUMBER), to: PERSON, sdp: 'v=0' },
		);
		expect(run.error.message).toMatch(message);
		expect(stage.emulator.requests).toEqual([]);
	});

	it('A credential works with the spaces and slashes that copying adds', async () => {
		const { credential } = stage;
		const run = await stage.engine.run(
			{
				...credential,
				accessToken: ` ${credential.accessToken}\n`,
				apiVersion: ' V26.0 ',
				baseUrl: `${credential.baseUrl}// `,
			},
			{
				resource: 'call',
				operation: 'start',
				phoneNumberId: byId(NUMBER),
				to: PERSON,
				sdp: makeSdp('offer'),
			},
		);
		expect(run.items).toHaveLength(1);
	});
});

describe('the list of phone numbers', () => {
	it('The list shows names and numbers, with the ID behind them', async () => {
		const { results, paginationToken } = await stage.engine.searchPhoneNumbers(stage.credential);
		expect(results).toContainEqual({
			name: 'Emulated Support · +44 20 7946 0958',
			value: NUMBER,
		});
		expect(results).toHaveLength(4);
		expect(paginationToken).toBeUndefined();
	});

	it.each([
		['the name', 'sales', [SECOND_NUMBER]],
		['the number', '7946', [NUMBER]],
		['the ID', '000003', ['106000000000003']],
		['nothing that is there', 'zzz', []],
	])('The list is searched by %s', async (_, filter, ids) => {
		const { results } = await stage.engine.searchPhoneNumbers(stage.credential, filter);
		expect(results.map(({ value }) => value)).toEqual(ids);
	});

	it('The list continues page after page', async () => {
		const [first] = stage.emulator.account.phoneNumbers;
		const numbers = Array.from({ length: 250 }, (_, index) => ({
			...first,
			id: `1060000001${String(index).padStart(5, '0')}`,
		}));
		stage.emulator.account.phoneNumbers.splice(0, Infinity, ...numbers);
		const seen: unknown[] = [];
		let token: unknown;
		do {
			const page = await stage.engine.searchPhoneNumbers(
				stage.credential,
				undefined,
				token as string | undefined,
			);
			seen.push(...page.results.map(({ value }) => value));
			token = page.paginationToken;
		} while (token !== undefined);
		expect(seen).toEqual(numbers.map(({ id }) => id));
		expect(stage.requests('phoneNumbers')).toHaveLength(3);
		const options = await stage.engine.phoneNumberOptions(stage.credential);
		expect(options).toHaveLength(250);
	});

	it('The list shows the ID of a number that has no name yet', async () => {
		const body = { data: [{ id: '5' }] };
		stage.emulator.failNext('phoneNumbers', { status: 200, body });
		const { results } = await stage.engine.searchPhoneNumbers(stage.credential);
		expect(results).toEqual([{ name: '5', value: '5' }]);
	});

	it('The list says what is wrong with the token, in both nodes', async () => {
		stage.emulator.revokeToken();
		const message = 'WhatsApp did not accept the access token';
		await expect(stage.engine.searchPhoneNumbers(stage.credential)).rejects.toThrow(message);
		await expect(stage.engine.phoneNumberOptions(stage.credential)).rejects.toThrow(message);
	});
});
