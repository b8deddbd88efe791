import fc from 'fast-check';

import {
	callEventType,
	EVENT_TYPES,
	eventOptions,
	eventTypesOf,
	isoTime,
	webhookFields,
	type ReadEvent,
	type Surroundings,
} from '../../../nodes/WhatsAppBusinessCalling/trigger/events';

const NOTHING_BESIDE: Surroundings = { contactName: null, errors: [] };

function read(
	name: string,
	element: unknown,
	beside: Partial<Surroundings> = {},
): ReadEvent | null {
	const type = EVENT_TYPES.find((known) => known.name === name);
	if (!type) throw new Error(`No event ${name}`);
	return type.read(element, { ...NOTHING_BESIDE, ...beside });
}

function fieldsOf(name: string, element: unknown, beside: Partial<Surroundings> = {}) {
	const event = read(name, element, beside);
	if (event?.body.kind !== 'fields') throw new Error('The event has no fields');
	return event.body.fields;
}

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

describe('terminate', () => {
	it.each<[unknown, string | null]>([
		['COMPLETED', 'COMPLETED'],
		['Failed', 'FAILED'],
		[['Completed'], 'COMPLETED'],
		[['failed', 'completed'], 'FAILED'],
		[undefined, null],
		[[], null],
		[7, null],
		[{}, null],
	])('reads the status %j as %j', (said, expected) => {
		expect(fieldsOf('terminate', ended({ status: said })).status).toBe(expected);
	});

	it('is answered where it has a start, whatever its status', () => {
		const answered = fieldsOf(
			'terminate',
			ended({ status: 'FAILED', start_time: '1728932000', end_time: '1728932120', duration: 120 }),
		);
		expect(answered).toMatchObject({
			answered: true,
			startedAt: '2024-10-14T18:53:20.000Z',
			endedAt: '2024-10-14T18:55:20.000Z',
			durationSeconds: 120,
		});
		expect(fieldsOf('terminate', ended({ status: 'COMPLETED' }))).toMatchObject({
			answered: false,
			startedAt: null,
			endedAt: null,
			durationSeconds: null,
		});
	});

	it.each<[unknown, number | null]>([
		[0, 0],
		['12', 12],
		[-1, null],
		[1.5, null],
		['', null],
		[null, null],
		['1e3', null],
	])('reads the duration %j as %j', (duration, expected) => {
		expect(fieldsOf('terminate', ended({ duration })).durationSeconds).toBe(expected);
	});

	const timeout = {
		code: 138021,
		message: 'Media receive timeout',
		error_data: { details: 'No packets' },
	};

	it('takes its errors from beside the call, with title and hint of the catalogue', () => {
		const [error] = fieldsOf('terminate', ended(), { errors: [timeout] }).errors as object[];
		expect(error).toEqual({
			code: 138021,
			title: 'The audio connection of the call failed',
			message: 'Media receive timeout',
			details: 'No packets',
			hint: expect.stringContaining('firewall'),
		});
	});

	it('takes its errors from the call itself where there are none beside it', () => {
		const { errors } = fieldsOf('terminate', ended({ errors: [timeout] }));
		expect(errors).toMatchObject([{ code: 138021 }]);
		const both = fieldsOf('terminate', ended({ errors: [timeout] }), {
			errors: [{ code: 131044 }],
		});
		expect(both.errors).toMatchObject([{ code: 131044 }]);
	});

	it('keeps an error that the catalogue does not know, and leaves out what is none', () => {
		const { errors } = fieldsOf('terminate', ended(), {
			errors: [{ code: '999999', title: 'New', message: '' }, null, 'x', {}, { code: 'x' }],
		});
		expect(errors).toEqual([
			{ code: 999999, title: 'New', message: 'New', details: null, hint: null },
		]);
	});
});

describe('status', () => {
	it.each<[unknown, string]>([
		['RINGING', 'RINGING'],
		['accepted', 'ACCEPTED'],
		[['Rejected'], 'REJECTED'],
	])('reads %j as %s, which also tells it from the others of its call', (said, expected) => {
		const event = read('status', status({ status: said }));
		expect(event?.detail).toBe(expected);
		expect(fieldsOf('status', status({ status: said })).status).toBe(expected);
	});

	it('names the person called as the one to whom it went', () => {
		const event = read(
			'status',
			status({
				recipient_id: '14085551234',
				recipient_user_id: 'US.1',
				recipient_parent_user_id: 'US.ENT.1',
			}),
		);
		expect(event?.call).toMatchObject({
			from: null,
			to: '14085551234',
			to_user_id: 'US.1',
			to_parent_user_id: 'US.ENT.1',
		});
	});

	it.each<[string, object]>([
		['of a message', { type: 'message' }],
		['without a status', { status: undefined }],
		['with a number as status', { status: 1 }],
		['without an ID', { id: undefined }],
	])('%s is not read', (_, more) => expect(read('status', status(more))).toBeNull());
});

describe('call_permission_reply', () => {
	it('that is temporary', () => {
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
			callId: null,
			messageId: 'wamid.R',
			requestMessageId: 'wamid.Q',
			response: 'accept',
			accepted: true,
			isPermanent: false,
			expiresAt: '2024-10-21T18:56:17.000Z',
			responseSource: 'user_action',
		});
	});

	it('that is permanent does not end', () => {
		const fields = fieldsOf('call_permission_reply', reply({ is_permanent: true }));
		expect(fields).toMatchObject({ accepted: true, isPermanent: true, expiresAt: null });
	});

	it('that came of a call names the call', () => {
		const fields = fieldsOf('call_permission_reply', reply({}, { context: { id: 'wacid.C' } }));
		expect(fields).toMatchObject({ callId: 'wacid.C', requestMessageId: null });
	});

	it.each<[string, object]>([
		['no context', {}],
		['an empty one', { context: {} }],
		['one of another kind', { context: { id: 'x' } }],
		['a text', { context: 'wacid.C' }],
	])('with %s names neither call nor request', (_, more) => {
		const fields = fieldsOf('call_permission_reply', reply({}, more));
		expect(fields).toMatchObject({ callId: null, requestMessageId: null });
	});

	it('that WhatsApp itself gave is a rejection with its source', () => {
		const fields = fieldsOf(
			'call_permission_reply',
			reply({ response: 'reject', response_source: 'automatic' }),
		);
		expect(fields).toMatchObject({
			response: 'reject',
			accepted: false,
			isPermanent: false,
			expiresAt: null,
			responseSource: 'automatic',
		});
	});

	it.each<[string, unknown]>([
		['a text message', { id: 'wamid.R', type: 'text', text: { body: 'hello' } }],
		['another interactive message', reply({}, { interactive: { type: 'button_reply' } })],
		['a reply without its answer', reply({}, { interactive: { type: 'call_permission_reply' } })],
		['a reply without an ID', reply({}, { id: undefined })],
		['nothing', null],
	])('is not %s', (_, element) => expect(read('call_permission_reply', element)).toBeNull());
});

describe('all events', () => {
	it('of the list calls are found by name and alias', () => {
		expect(callEventType('call_transcript_available')?.name).toBe('call_transcription_available');
		expect(callEventType('terminate')?.name).toBe('terminate');
		for (const name of ['status', 'call_permission_reply', 'toString', '__proto__', '']) {
			expect(callEventType(name)).toBeUndefined();
		}
		expect(eventTypesOf('statuses').map(({ name }) => name)).toEqual(['status']);
		expect(eventTypesOf('messages').map(({ name }) => name)).toEqual(['call_permission_reply']);
	});

	it('can be chosen', () => {
		expect(eventOptions.map(({ value }) => value)).toEqual(EVENT_TYPES.map(({ name }) => name));
	});

	it.each([
		[[], ['calls']],
		[['call_recording_available', 'terminate', 'status'], ['calls']],
		[['call_permission_reply'], ['calls', 'messages']],
		[['nonsense'], ['calls']],
	])('%j need the fields %j', (events, fields) => {
		expect(webhookFields(events)).toEqual(fields);
	});

	it('can be read from anything without throwing', () => {
		fc.assert(
			fc.property(fc.constantFrom(...EVENT_TYPES), fc.anything(), (type, element) => {
				type.read(element, NOTHING_BESIDE);
			}),
		);
	});

	it('with odd values in known places are read without throwing', () => {
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
					type.read(element, { contactName: null, errors });
				},
			),
		);
	});

	it('have times in ISO form', () => {
		expect(isoTime(1_728_932_177_000)).toBe('2024-10-14T18:56:17.000Z');
		expect(isoTime(null)).toBeNull();
	});
});
