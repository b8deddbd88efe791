import fc from 'fast-check';

import {
	callEventType,
	EVENT_TYPES,
	eventOptions,
	eventTypesOf,
	webhookFields,
	type ChangeContext,
	type ReadEvent,
} from '../../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { Contacts } from '../../../nodes/WhatsAppBusinessCalling/events/contacts';

const NOTHING_NEXT_TO_IT: ChangeContext = { contact: null, errors: [], displayPhoneNumber: null };

type Element = Record<string, unknown>;

const typeOf = (name: string) => EVENT_TYPES.find((known) => known.name === name);

function read(
	name: string,
	element: Element,
	context: Partial<ChangeContext> = {},
): ReadEvent | null {
	const type = typeOf(name);
	if (!type) throw new Error(`No event ${name}`);
	return type.read(element, { ...NOTHING_NEXT_TO_IT, ...context });
}

function eventOf(name: string, element: Element, context: Partial<ChangeContext> = {}): ReadEvent {
	const event = read(name, element, context);
	if (event === null) throw new Error('It is not such an event');
	return event;
}

const fieldsOf = (name: string, element: Element, context: Partial<ChangeContext> = {}) =>
	eventOf(name, element, context).fields;

const contactOf = (contact: object) => new Contacts([contact]).of([], null, () => true);

const CALL = { id: 'wacid.A', timestamp: '1728932177' };
const ended = (more: object = {}) => ({ ...CALL, event: 'terminate', ...more });
const status = (more: object = {}) => ({ ...CALL, type: 'call', status: 'RINGING', ...more });
const reply = (answer: object = {}, more: object = {}) => ({
	id: 'wamid.R',
	timestamp: '1728932177',
	from: '14085551234',
	interactive: {
		type: 'call_permission_reply',
		call_permission_reply: { response: 'accept', ...answer },
	},
	...more,
});

describe('the end of a call (terminate)', () => {
	it.each<[unknown, string | null]>([
		['COMPLETED', 'COMPLETED'],
		['Failed', 'FAILED'],
		[['Completed'], 'COMPLETED'],
		[['failed', 'completed'], 'FAILED'],
		[undefined, null],
		[[], null],
		[7, null],
		[{}, null],
	])('The status %j is read as %j', (said, expected) => {
		expect(fieldsOf('terminate', ended({ status: said })).status).toBe(expected);
	});

	it.each<[string, boolean | null, Element]>([
		['has a start, whatever its status', true, { status: 'FAILED', start_time: '1728932000' }],
		['lasted', true, { status: 'FAILED', duration: '20' }],
		['lasted no time', false, { status: 'FAILED', duration: 0 }],
		['is complete without any time, as Meta reports a missed call', false, { status: 'COMPLETED' }],
		['failed without a sign', null, { status: 'FAILED' }],
		['has a start that cannot be read', null, { status: 'COMPLETED', start_time: 'soon' }],
		['says nothing', null, {}],
	])('A call that %s has answered %j', (_, answered, more) => {
		expect(fieldsOf('terminate', ended(more)).answered).toBe(answered);
	});

	it('The end has its times', () => {
		const times = { start_time: '1728932000', end_time: 1728932120, duration: '120' };
		expect(fieldsOf('terminate', ended(times))).toMatchObject({
			startedAt: '2024-10-14T18:53:20.000Z',
			endedAt: '2024-10-14T18:55:20.000Z',
			durationSeconds: 120,
		});
	});

	it.each<[unknown, number | null]>([
		[0, 0],
		['12', 12],
		[-1, null],
		[1.5, 1.5],
		['', null],
		[null, null],
		['1e3', null],
		[Infinity, null],
	])('The duration %j is read as %j', (duration, expected) => {
		expect(fieldsOf('terminate', ended({ duration })).durationSeconds).toBe(expected);
	});

	const timeout = {
		code: 138021,
		message: 'Media receive timeout',
		error_data: { details: 'No packets' },
	};

	it('The errors beside the call are used, with title and hint of the catalogue', () => {
		const [error] = fieldsOf('terminate', ended(), { errors: [timeout] }).errors as object[];
		expect(error).toEqual({
			code: 138021,
			title: 'The audio connection of the call failed',
			message: 'Media receive timeout',
			details: 'No packets',
			hint: expect.stringContaining('UDP'),
		});
	});

	it('The errors of the call itself are preferred', () => {
		const { errors } = fieldsOf('terminate', ended({ errors: [timeout] }), {
			errors: [{ code: 131044 }],
		});
		expect(errors).toMatchObject([{ code: 138021 }]);
	});

	it('An error that the catalogue does not know is kept, and what is no error is left out', () => {
		const { errors } = fieldsOf('terminate', ended(), {
			errors: [
				{ code: '999999', title: 'New', message: '' },
				null,
				'x',
				{},
				{ code: 'x', message: 'Odd' },
			],
		});
		expect(errors).toEqual([
			{ code: 999999, title: 'New', message: 'New', details: null, hint: null },
			{ code: null, title: 'Odd', message: 'Odd', details: null, hint: null },
		]);
	});
});

describe('the status of a call', () => {
	it.each<[unknown, string]>([
		['RINGING', 'RINGING'],
		['accepted', 'ACCEPTED'],
		[['Rejected'], 'REJECTED'],
	])(
		'The status %j is read as %s, which also distinguishes it from others of its call',
		(said, expected) => {
			expect(eventOf('status', status({ status: said })).detail).toBe(expected);
			expect(fieldsOf('status', status({ status: said })).status).toBe(expected);
		},
	);

	it('The person called is the recipient', () => {
		const { call } = eventOf(
			'status',
			status({
				recipient_id: '14085551234',
				recipient_user_id: 'US.1',
				recipient_parent_user_id: 'US.ENT.1',
			}),
		);
		expect(call.from).toEqual({ phoneNumber: null, userId: null, parentUserId: null });
		expect(call.to).toEqual({
			phoneNumber: '14085551234',
			userId: 'US.1',
			parentUserId: 'US.ENT.1',
		});
	});

	it('The status of a message is not one of a call', () => {
		expect(read('status', status({ type: 'message' }))).toBeNull();
	});

	it.each<[string, Element]>([
		['without a status', { status: undefined }],
		['with a number as status', { status: 1 }],
		['without an ID', { id: undefined }],
	])('A status %s is an event all the same, distinguished by all that it contains', (_, more) => {
		const event = eventOf('status', status(more));
		expect(event.isIncomplete).toBe(true);
		expect(event.detail).not.toBe(eventOf('status', status({ ...more, x: 1 })).detail);
	});
});

describe('the answer to a permission request (call_permission_reply)', () => {
	it('A temporary permission has its end', () => {
		const fields = fieldsOf(
			'call_permission_reply',
			reply(
				{
					is_permanent: false,
					expiration_timestamp: '1729536977',
					response_source: 'user_action',
				},
				{ context: { from: '442079460958', id: 'wamid.Q' } },
			),
		);
		expect(fields).toEqual({
			messageId: 'wamid.R',
			requestMessageId: 'wamid.Q',
			response: 'accept',
			accepted: true,
			isPermanent: false,
			expiresAt: '2024-10-21T18:56:17.000Z',
			responseSource: 'user_action',
			contactName: null,
			contactUsername: null,
		});
	});

	it('A permanent permission has no end', () => {
		const fields = fieldsOf('call_permission_reply', reply({ is_permanent: true }));
		expect(fields).toMatchObject({ accepted: true, isPermanent: true, expiresAt: null });
	});

	it.each<[string, unknown, string | null, string | null]>([
		['its request', { id: 'wamid.Q' }, null, 'wamid.Q'],
		['a call', { id: 'wacid.C' }, 'wacid.C', null],
		['nothing', undefined, null, null],
		['an empty context', {}, null, null],
		['something of another kind', { id: 'x' }, null, null],
		['a text', 'wacid.C', null, null],
	])('An answer that names %s has that ID', (_, context, callId, requestMessageId) => {
		const event = eventOf('call_permission_reply', reply({}, { context }));
		expect(event.call.id).toBe(callId);
		expect(event.fields.requestMessageId).toBe(requestMessageId);
	});

	it.each<[unknown, boolean | null]>([
		['accept', true],
		['accepted', true],
		['Accept', true],
		['reject', false],
		['REJECTED', false],
		['declined', false],
		['not_accepted', null],
		['not_rejected', null],
		['later', null],
		[undefined, null],
		[{}, null],
	])('The response %j has accepted %j', (response, accepted) => {
		expect(fieldsOf('call_permission_reply', reply({ response })).accepted).toBe(accepted);
	});

	it.each<[unknown, boolean | null]>([
		[true, true],
		['true', true],
		[false, false],
		['False', false],
		[undefined, null],
		[{}, null],
	])('The field is_permanent %j is read as %j', (given, isPermanent) => {
		const fields = fieldsOf('call_permission_reply', reply({ is_permanent: given }));
		expect(fields.isPermanent).toBe(isPermanent);
	});

	it('A rejection by WhatsApp itself has its source', () => {
		const automatic = reply({ response: 'reject', response_source: 'automatic' });
		expect(fieldsOf('call_permission_reply', automatic)).toMatchObject({
			response: 'reject',
			accepted: false,
			expiresAt: null,
			responseSource: 'automatic',
		});
	});

	it.each<[string, Element]>([
		['a text message', { id: 'wamid.R', type: 'text', text: { body: 'hello' } }],
		['another interactive message', reply({}, { interactive: { type: 'button_reply' } })],
		['nothing', {}],
	])('No answer is read from %s', (_, element) =>
		expect(read('call_permission_reply', element)).toBeNull(),
	);

	it.each<[string, Element]>([
		['without its answer', reply({}, { interactive: { type: 'call_permission_reply' } })],
		['without a response', reply({ response: {} })],
	])('An answer %s is an event all the same', (_, element) => {
		expect(eventOf('call_permission_reply', element)).toMatchObject({
			fields: { messageId: 'wamid.R', accepted: null },
			isIncomplete: true,
		});
	});
});

describe('a connecting call (connect)', () => {
	const connect = (more: Element = {}) => ({ ...CALL, event: 'connect', ...more });
	const sdp = 'v=0\r\n';
	const carried = (value: unknown) => connect({ connection: { webrtc: { sdp: value } } });

	it.each<[string, Element, object | null]>([
		['a session', connect({ session: { sdp_type: 'Offer', sdp } }), { sdpType: 'offer', sdp }],
		['half a session', connect({ session: { sdp } }), { sdpType: null, sdp }],
		[
			'JSON under connection',
			carried(JSON.stringify({ sdp, type: 'answer' })),
			{ sdpType: 'answer', sdp },
		],
		['JSON without a type', carried(JSON.stringify({ sdp })), { sdpType: null, sdp }],
		['bare SDP under connection', carried(sdp), { sdpType: null, sdp }],
		['an empty session beside it', { ...carried(sdp), session: {} }, { sdpType: null, sdp }],
		['something else under connection', carried('hello'), null],
		['a text for the session', connect({ session: sdp }), null],
		['nothing', connect(), null],
	])('The SDP is read of %s', (_, element, session) => {
		const event = eventOf('connect', element);
		expect(event.fields.session).toEqual(session);
		expect(event.isIncomplete).toBe(session === null);
		// One without its SDP does not pass for the one that has it.
		expect(event.detail === '').toBe(session !== null);
	});

	it.each<[string, Element, string | null]>([
		['rings', { session: { sdp_type: 'offer', sdp } }, '2024-10-14T18:56:47.000Z'],
		['rings, as its direction says', { direction: 'USER_INITIATED' }, '2024-10-14T18:56:47.000Z'],
		['is answered', { session: { sdp_type: 'answer', sdp } }, null],
		['does not say since when', { session: { sdp_type: 'offer', sdp }, timestamp: 'x' }, null],
	])('A call that %s must be answered before %j', (_, more, answerBefore) => {
		expect(fieldsOf('connect', connect(more)).answerBefore).toBe(answerBefore);
	});
});

describe('events of files', () => {
	const audio = { id: '5', sha256: 'h', mime_type: 'audio/ogg', url: 'https://x' };
	const file = { ...audio, mime_type: 'application/json' };
	const recording = (call_recording: unknown) => ({ ...CALL, call_recording });

	it.each<[string, string, Element]>([
		['as documented', 'recording', recording({ type: 'audio', audio })],
		['without a type', 'recording', recording({ audio })],
		['of another type', 'recording', recording({ type: 'video', video: audio })],
		['under a name of its own', 'recording', recording({ type: 'audio', clip: audio })],
		['directly', 'recording', recording(audio)],
		['in lists', 'recording', recording([{ type: 'audio', audio: [audio] }])],
		['in a list with one that cannot be read', 'recording', recording({ audio: [{}, audio] })],
		['as its type says', 'recording', recording({ type: 'video', audio: {}, video: audio })],
		['with a number as its ID', 'recording', recording({ audio: { ...audio, id: 5 } })],
		['as documented', 'transcription', { ...CALL, call_transcript: { document: file } }],
		['under the other key', 'transcription', { ...CALL, call_transcription: { document: file } }],
		['directly', 'transcription', { ...CALL, call_transcript: file }],
	])('A file named %s is a %s', (_, property, element) => {
		const event = eventOf(`call_${property}_available`, element);
		const mimeType = property === 'recording' ? 'audio/ogg' : 'application/json';
		const media = { id: '5', sha256: 'h', mimeType, url: 'https://x' };
		expect(event.file).toEqual({ property, media });
		expect(event.isIncomplete).toBe(false);
	});

	it.each<[string, unknown]>([
		['no file', undefined],
		['a text', '5'],
		['a list without a file', { audio: [[{ id: '5' }], 5] }],
		['a file without an ID', { audio: {} }],
		['a path as its ID', { audio: { id: '../me' } }],
		['ten objects before its file', { audio: [...Array<object>(10).fill({}), audio] }],
		['ten other fields before its file', { ...Array<object>(10).fill({}), clip: audio }],
		['an ID that JavaScript has rounded', { audio: { id: 2 ** 60 } }],
		['a type that is part of the language', { type: 'constructor' }],
		['another file next to one that cannot be read', { audio: { id: {} }, thumbnail: { id: '7' } }],
	])('An event with %s is an event all the same', (_, call_recording) => {
		const event = eventOf('call_recording_available', recording(call_recording));
		expect(event).toMatchObject({
			call: { id: 'wacid.A' },
			file: { property: 'recording', media: null },
			isIncomplete: true,
		});
	});

	it('An event has what the call said of itself', () => {
		const more = { audio, direction: 'BUSINESS_INITIATED', biz_opaque_callback_data: 'ticket-1' };
		expect(
			fieldsOf('call_recording_available', { ...recording({ audio }), ...more }),
		).toMatchObject({
			direction: 'BUSINESS_INITIATED',
			bizOpaqueCallbackData: 'ticket-1',
		});
	});

	it('An event that is corrected with another hash is another event', () => {
		const detail = (sha256: string) =>
			eventOf('call_recording_available', recording({ audio: { ...audio, sha256 } })).detail;
		expect(detail('a')).not.toBe(detail('b'));
		expect(detail('a')).toBe(detail('a'));
		const hash = Buffer.alloc(32, 7);
		expect(detail(hash.toString('hex').toUpperCase())).toBe(detail(hash.toString('base64')));
	});
});

describe('other events', () => {
	it('Other events keep their name, and are distinguished by all that they contain', () => {
		const of = (more: Element) => eventOf('other', { ...CALL, event: 'call_moved', ...more });
		expect(of({})).toMatchObject({
			name: 'call_moved',
			call: { id: 'wacid.A', timestamp: 1_728_932_177_000 },
			isIncomplete: true,
		});
		expect(of({ step: 1 }).detail).not.toBe(of({ step: 2 }).detail);
		const deep = (open: string, close: string): unknown =>
			JSON.parse(open.repeat(100_000) + '1' + close.repeat(100_000));
		const lists = of({ step: deep('[', ']') }).detail;
		expect(lists).not.toBe(of({ step: deep('{"a":', '}') }).detail);
		expect(lists).toBe(of({ step: deep('[', ']') }).detail);
	});
});

describe('a voicemail', () => {
	const message = (more: Element = {}) => ({
		id: 'wacid.A',
		timestamp: '1728932177',
		from: '14085551234',
		type: 'audio',
		audio: { id: '5', sha256: 'h', mime_type: 'audio/ogg' },
		...more,
	});

	it('A voicemail is the recording of the call whose ID it has', () => {
		expect(eventOf('voicemail', message({ to: '15550783881' }))).toMatchObject({
			name: 'voicemail',
			call: { id: 'wacid.A', from: { phoneNumber: '14085551234' }, to: { phoneNumber: null } },
			file: { property: 'recording', media: { id: '5', sha256: 'h', mimeType: 'audio/ogg' } },
			detail: '5\nh',
			isIncomplete: false,
		});
	});

	it.each<[string, Element]>([
		['an audio message of a person', { id: 'wamid.A' }],
		['an audio message without an ID', { id: undefined }],
		['an audio message with an ID that could forge a line', { id: 'wacid.A\nB' }],
		['another message', { type: 'text', audio: undefined }],
	])('No voicemail is read from %s', (_, more) => {
		expect(read('voicemail', message(more))).toBeNull();
	});

	it.each<[string, unknown]>([
		['no audio', undefined],
		['a link', 'https://x'],
		['a list', [{ id: '5' }]],
		['a path as its ID', { id: '../me' }],
		['an ID that JavaScript has rounded', { id: 2 ** 60 }],
	])('A voicemail with %s is incomplete', (_, audio) => {
		expect(eventOf('voicemail', message({ audio }))).toMatchObject({
			file: { property: 'recording', media: null },
			isIncomplete: true,
		});
	});
});

describe('the contact of an event', () => {
	const ana = {
		profile: { name: 'Ana', username: 'ana.calls' },
		wa_id: '14085551234',
		user_id: 'US.1',
		parent_user_id: 'US.ENT.1',
	};
	const person = { phoneNumber: '14085551234', userId: 'US.1', parentUserId: 'US.ENT.1' };
	const nobody = { phoneNumber: null, userId: null, parentUserId: null };

	it.each(EVENT_TYPES.map(({ name }) => [name]))(
		'The event %s has a name and a username',
		(name) => {
			const message = name === 'voicemail' ? { ...CALL, type: 'audio' } : reply();
			const element = typeOf(name)?.field === 'messages' ? message : { ...CALL, event: name };
			expect(fieldsOf(name, element, { contact: contactOf(ana) })).toMatchObject({
				contactName: 'Ana',
				contactUsername: 'ana.calls',
			});
		},
	);

	it.each<[string, string, Element, 'from' | 'to' | null]>([
		['the number that both have', 'terminate', { to: '14085551234', from: '1555' }, 'to'],
		['the user ID that both have', 'terminate', { from_user_id: 'US.1' }, 'from'],
		['the direction', 'terminate', { direction: 'BUSINESS_INITIATED' }, 'to'],
		['the other direction', 'terminate', { direction: 'USER_INITIATED' }, 'from'],
		['the business number', 'terminate', { to: '+15550783881' }, 'from'],
		['the business number that called', 'terminate', { from: '+15550783881' }, 'to'],
		['an offer', 'connect', { session: { sdp_type: 'offer', sdp: 'v=0' } }, 'from'],
		['an answer', 'connect', { session: { sdp_type: 'answer', sdp: 'v=0' } }, 'to'],
		['the recipient of a status', 'status', { status: 'RINGING' }, 'to'],
		['the person of a recording', 'call_recording_available', {}, 'from'],
		['nothing', 'terminate', {}, null],
	])('The IDs are filled of the side that is determined by %s', (_, name, more, side) => {
		const context = { contact: contactOf(ana), displayPhoneNumber: '15550783881' };
		const { call } = eventOf(name, { ...CALL, event: name, ...more }, context);
		if (side === null) expect([call.from, call.to]).toEqual([nobody, nobody]);
		else expect(call[side]).toEqual(person);
	});

	it('Without a business number, a side without a number is not taken for it', () => {
		const { call } = eventOf('terminate', { ...CALL }, { contact: contactOf(ana) });
		expect([call.from, call.to]).toEqual([nobody, nobody]);
	});

	it('The contact does not replace what the call says itself', () => {
		const { call } = eventOf(
			'call_recording_available',
			{ ...CALL, from: '14085551234', from_user_id: 'US.2' },
			{ contact: contactOf(ana) },
		);
		expect(call.from).toEqual({ ...person, userId: 'US.2' });
	});
});

describe('all events', () => {
	it('The events of the calls list are found by name and alias', () => {
		expect(callEventType('call_transcript_available')?.name).toBe('call_transcription_available');
		expect(callEventType('terminate')?.name).toBe('terminate');
		for (const name of ['status', 'call_permission_reply', 'other', 'toString', '__proto__', '']) {
			expect(callEventType(name)).toBeUndefined();
		}
		expect(eventTypesOf('statuses').map(({ name }) => name)).toEqual(['status']);
		expect(eventTypesOf('messages').map(({ name }) => name)).toEqual([
			'call_permission_reply',
			'voicemail',
		]);
	});

	it('The events can be chosen', () => {
		expect(eventOptions.map(({ value }) => value)).toEqual(EVENT_TYPES.map(({ name }) => name));
	});

	it.each([
		[[], ['calls']],
		[['call_recording_available', 'terminate', 'status'], ['calls']],
		[['call_permission_reply'], ['calls', 'messages']],
		[['other'], ['calls']],
		[['nonsense'], ['calls']],
	])('The events %j need the fields %j', (events, fields) => {
		expect(webhookFields(events)).toEqual(fields);
	});

	it('No odd value in a known place throws', () => {
		const odd = fc.oneof(fc.anything(), fc.constantFrom('COMPLETED', 'RINGING', '1728932177'));
		const shape = fc.record(
			{
				id: fc.constant('wacid.A'),
				timestamp: odd,
				status: odd,
				type: odd,
				start_time: odd,
				end_time: odd,
				duration: odd,
				errors: fc.oneof(odd, fc.array(odd)),
				session: odd,
				direction: odd,
				context: odd,
				interactive: fc.record({
					type: fc.constant('call_permission_reply'),
					call_permission_reply: fc.record({
						response: odd,
						is_permanent: odd,
						expiration_timestamp: odd,
					}),
				}),
			},
			{ requiredKeys: ['id'] },
		);
		fc.assert(
			fc.property(
				fc.constantFrom(...EVENT_TYPES),
				shape,
				fc.array(odd),
				(type, element, errors) => {
					type.read(element, { ...NOTHING_NEXT_TO_IT, errors });
				},
			),
		);
	});
});
