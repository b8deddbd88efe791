import fc from 'fast-check';

import {
	holdsOtherFields,
	parseDelivery,
	type CallEvent,
} from '../../../nodes/WhatsAppBusinessCalling/trigger/delivery';
import {
	callErrorSchema,
	changeSchema,
	contactSchema,
	entrySchema,
	eventNameSchema,
	permissionReplySchema,
} from '../../../nodes/WhatsAppBusinessCalling/trigger/schemas';
import { callFields } from '../../../nodes/WhatsAppBusinessCalling/trigger/items';
import { RUNS } from '../../support/properties';
import { EVERYTHING } from '../../support/wanted';

const recording = (id: string, more: object = {}) => ({
	id,
	event: 'call_recording_available',
	timestamp: '1728932177',
	call_recording: { type: 'audio', audio: { id: '5' } },
	...more,
});

/** A message that a workflow may be started by; everywhere but in the field `messages` it is none. */
const PERMISSION_REPLY = {
	id: 'wamid.R',
	from: '14085551234',
	timestamp: '1728932177',
	type: 'interactive',
	interactive: { type: 'call_permission_reply', call_permission_reply: { response: 'accept' } },
};

const METADATA = { phone_number_id: '106540352242922', display_phone_number: '15550783881' };

const change = (value: unknown, field: unknown = 'calls') => ({ field, value });
const entry = (changes: unknown, id: unknown = '102290129340398') => ({ id, changes });
const delivery = (entries: unknown) => ({ object: 'whatsapp_business_account', entry: entries });
const ofCalls = (...calls: unknown[]) => delivery([entry([change({ metadata: METADATA, calls })])]);

function parse(json: unknown, wanted = EVERYTHING): { events: CallEvent[]; skipped: string[] } {
	return parseText(JSON.stringify(json), wanted);
}

function parseText(text: string, wanted = EVERYTHING): { events: CallEvent[]; skipped: string[] } {
	const skipped: string[] = [];
	const events = parseDelivery(Buffer.from(text), wanted, (reason) => skipped.push(reason));
	return { events, skipped };
}

const CUT_OFF = 'after 10000 parts that are not used, the rest was not looked at';

const many = (text: string) => Array(100_000).fill(text).join(',');

const idsOf = (events: CallEvent[]) => events.map(({ call }) => call.id);

describe('parseDelivery', () => {
	it('reads every call of every change of every entry, in their order', () => {
		const { events, skipped } = parse(
			delivery([
				entry([
					change({ metadata: METADATA, calls: [recording('a'), recording('b')] }),
					change({ metadata: { ...METADATA, phone_number_id: '2' }, calls: [recording('c')] }),
				]),
				entry([change({ metadata: METADATA, calls: [recording('d')] })], '7'),
			]),
		);
		expect(skipped).toEqual([]);
		expect(
			events.map(({ call, phoneNumberId, businessAccountId }) => [
				call.id,
				phoneNumberId,
				businessAccountId,
			]),
		).toEqual([
			['a', '106540352242922', '102290129340398'],
			['b', '106540352242922', '102290129340398'],
			['c', '2', '102290129340398'],
			['d', '106540352242922', '7'],
		]);
	});

	it.each([
		[
			'call_recording_available',
			'call_recording_available',
			{ call_recording: { audio: { id: '5' } } },
		],
		[
			'call_transcription_available',
			'call_transcription_available',
			{ call_transcript: { document: { id: '5' } } },
		],
		[
			'call_transcript_available',
			'call_transcription_available',
			{ call_transcript: { document: { id: '5' } } },
		],
		['connect', 'connect', {}],
		['terminate', 'terminate', {}],
	])('reads the event %s as %s', (name, type, more) => {
		const { events } = parse(ofCalls({ id: 'a', event: name, ...more }));
		expect(events.map((event) => event.type.name)).toEqual([type]);
	});

	it('keeps the element as Meta sent it', () => {
		const sent = recording('a', { of_tomorrow: { x: [1] } });
		expect(parse(ofCalls(sent)).events[0].raw).toEqual(sent);
	});

	it.each<[string, unknown, string]>([
		['no event name', { id: 'a' }, 'no event name'],
		['an empty event name', { id: 'a', event: '' }, 'no event name'],
		['a number as an event name', { id: 'a', event: 7 }, 'no event name'],
		['null', null, 'no event name'],
		['a text', 'call', 'no event name'],
		['a list', [recording('a')], 'no event name'],
		['an event of tomorrow', { id: 'a', event: 'call_summary' }, '"call_summary" is not known'],
		['an event named like a part of the language', { id: 'a', event: '__proto__' }, 'is not known'],
		['an event named like another part of it', { id: 'a', event: 'constructor' }, 'is not known'],
		['no ID', recording('a', { id: undefined }), 'unknown shape'],
		['an empty ID', recording(''), 'unknown shape'],
		['a number as an ID', recording('a', { id: 5 }), 'unknown shape'],
		['a line end in its ID', recording('a\nb'), 'unknown shape'],
		['no file', recording('a', { call_recording: undefined }), 'unknown shape'],
		['a text for the file', recording('a', { call_recording: '5' }), 'unknown shape'],
		[
			'a list for the file',
			recording('a', { call_recording: { audio: [{ id: '5' }] } }),
			'unknown shape',
		],
		['a file without an ID', recording('a', { call_recording: { audio: {} } }), 'unknown shape'],
		[
			'a number as a media ID',
			recording('a', { call_recording: { audio: { id: 5 } } }),
			'unknown shape',
		],
		[
			'a path as a media ID',
			recording('a', { call_recording: { audio: { id: '../me' } } }),
			'unknown shape',
		],
	])('skips a call that is or has %s, and reads those beside it', (_, odd, reason) => {
		const { events, skipped } = parse(ofCalls(recording('before'), odd, recording('after')));
		expect(idsOf(events)).toEqual(['before', 'after']);
		expect(skipped).toEqual([expect.stringContaining(reason)]);
	});

	it.each<[string, unknown]>([
		['null', null],
		['a text', 'entry'],
		['a number', 5],
		['without changes', { id: '1' }],
		['with an object for its changes', entry({ field: 'calls' })],
		['with a text for its changes', entry('calls')],
		['with changes that are no objects', entry([null, 'x', 5, []])],
		['with a change without a field', entry([{ value: {} }])],
		['with a change whose field is a number', entry([change({}, 5)])],
		['with a change whose value is a text', entry([change('x')])],
		['with a change without a value', entry([{ field: 'calls' }])],
		[
			'with an object for its calls',
			entry([change({ metadata: METADATA, calls: recording('x') })]),
		],
		['with a text for its metadata', entry([change({ metadata: 'x', calls: [recording('x')] })])],
		[
			'with a number whose ID is no text',
			entry([change({ metadata: { phone_number_id: 5 }, calls: [recording('x')] })]),
		],
		[
			'with a number whose ID is empty',
			entry([change({ metadata: { phone_number_id: '' }, calls: [recording('x')] })]),
		],
		['with neither calls nor statuses', entry([change({ metadata: METADATA, recordings: [{}] })])],
	])('skips an entry that is %s, and reads those beside it', (_, odd) => {
		const good = (id: string) => entry([change({ metadata: METADATA, calls: [recording(id)] })]);
		const { events, skipped } = parse(delivery([good('before'), odd, good('after')]));
		expect(idsOf(events)).toEqual(['before', 'after']);
		expect(skipped.length).toBeGreaterThan(0);
	});

	it.each([
		['an empty body', ''],
		['no JSON', '{"entry":['],
		['bytes that are no text', '\ufffd\u0000'],
		['null', 'null'],
		['a text', '"entry"'],
		['a number', '5'],
		['a list', '[]'],
		['no entries', '{}'],
		['an object for its entries', '{"entry":{}}'],
	])('reads nothing out of %s', (_, text) => {
		const { events, skipped } = parseText(text);
		expect(events).toEqual([]);
		expect(skipped).toHaveLength(1);
	});

	it.each([
		['messages', { metadata: METADATA, messages: [{ id: 'wamid.1', type: 'text' }] }],
		['account_update', { event: 'VERIFIED_ACCOUNT' }],
		['account_settings_update', null],
		['account_update', { metadata: METADATA, messages: [PERMISSION_REPLY] }],
	])('passes over the field %s without a word', (field, value) => {
		expect(parse(delivery([entry([change(value, field)])]))).toEqual({ events: [], skipped: [] });
	});

	it.each([
		['entries', (rest: string) => `{"entry":[${rest}]}`],
		['changes', (rest: string) => `{"entry":[{"id":"1","changes":[${rest}]}]}`],
		['calls', (rest: string) => JSON.stringify(ofCalls('@')).replace('"@"', rest)],
		[
			'messages',
			(rest: string) =>
				`{"entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[${rest}]}}]}]}`,
		],
	])('does not look into a hundred thousand %s that are none', (_, body) => {
		const looks = [entrySchema, changeSchema, eventNameSchema, permissionReplySchema].map(
			(schema) => jest.spyOn(schema, 'safeParse'),
		);
		expect(parseText(body(many('{}'))).events).toEqual([]);
		const looked = looks.reduce((sum, { mock }) => sum + mock.calls.length, 0);
		expect(looked).toBeGreaterThan(9_000);
		expect(looked).toBeLessThan(11_000);
		jest.restoreAllMocks();
	});

	it.each<[unknown[], string | null]>([
		[[], null],
		[[{ profile: { name: 'Ana' } }], 'Ana'],
		[[{ wa_id: '1', profile: { name: 'Ana' } }], 'Ana'],
		[[{ wa_id: '14085551234' }], null],
		[[{ wa_id: '1', profile: { name: 'Eve' } }, { wa_id: '14085551234' }], null],
		[
			[
				{ wa_id: '1', profile: { name: 'Eve' } },
				{ wa_id: '14085551234', profile: { name: 'Ana' } },
			],
			'Ana',
		],
	])('with the contacts %j beside it has the name %j', (contacts, name) => {
		const calls = [
			{
				...{ id: 'a', event: 'connect', direction: 'USER_INITIATED', from: '14085551234' },
				session: { sdp_type: 'offer', sdp: 'v=0' },
			},
		];
		const { events } = parse(delivery([entry([change({ metadata: METADATA, contacts, calls })])]));
		expect(events.map(({ body }) => 'fields' in body && body.fields)).toMatchObject([
			{ contactName: name },
		]);
	});

	it('looks at each of 1,000 contacts once, however many calls are beside them', () => {
		const all = Array.from({ length: 1_000 }, (_, index) => String(index));
		const contacts = all.map((wa_id) => ({ wa_id, profile: { name: wa_id } }));
		const calls = all.map((from) => ({ id: from, from, event: 'connect', timestamp: '1' }));
		const looks = jest.spyOn(contactSchema, 'safeParse');
		const { events } = parse(delivery([entry([change({ metadata: METADATA, contacts, calls })])]));
		expect(events).toHaveLength(1_000);
		expect(looks).toHaveBeenCalledTimes(1_000);
		jest.restoreAllMocks();
	});

	it('reads ten times what Meta sends at once, and says that it leaves the rest', () => {
		const calls = many('{"event":"connect","id":"a"}');
		const { events, skipped } = parseText(
			`{"entry":[{"id":"1","changes":[{"field":"calls","value":{"calls":[${calls}]}}]}]}`,
		);
		expect(events).toHaveLength(10_000);
		expect(skipped).toEqual(['it holds more than 10000 events']);
	});

	it('reads ten of the errors beside the calls, however many calls and errors there are', () => {
		const calls = Array.from({ length: 100 }, (_, id) => ({ id: String(id), event: 'terminate' }));
		const errors = Array(10_000).fill({ code: 138_021 });
		const looks = jest.spyOn(callErrorSchema, 'safeParse');
		const { events } = parse(delivery([entry([change({ metadata: METADATA, errors, calls })])]));
		expect(events).toHaveLength(100);
		expect(looks).toHaveBeenCalledTimes(1_000);
		jest.restoreAllMocks();
	});

	it('reads calls beside lists that are null', () => {
		const value = { metadata: METADATA, calls: [recording('a')], statuses: null, messages: null };
		expect(idsOf(parse(delivery([entry([change(value)])])).events)).toEqual(['a']);
	});

	it.each([undefined, null, {}, { phone_number_id: null }])(
		'reads a call with %j for its metadata',
		(metadata) => {
			const { events, skipped } = parse(
				delivery([entry([change({ metadata, calls: [recording('a')] })], null)]),
			);
			expect(skipped).toEqual([]);
			expect(events).toMatchObject([
				{ businessAccountId: null, phoneNumberId: null, displayPhoneNumber: null },
			]);
		},
	);

	it.each<[unknown, string | null]>([
		['1728932177', '2024-10-14T18:56:17.000Z'],
		[1728932177, '2024-10-14T18:56:17.000Z'],
		['', null],
		['soon', null],
		['-5', null],
		['1e9', null],
		[-5, null],
		[1.5, null],
		[8_639_999_999_999, null],
		[{}, null],
		[null, null],
		[undefined, null],
	])('reads the timestamp %j as %j', (timestamp, expected) => {
		const { events } = parse(ofCalls(recording('a', { timestamp })));
		expect(callFields(events[0]).timestamp).toBe(expected);
	});

	it.each<[unknown, number | null]>([
		[120, 120],
		['120', 120],
		[0, 0],
		['', null],
		[null, null],
		[undefined, null],
		[false, null],
		[[], null],
		[-1, null],
		[1.5, null],
		[{ toString: 1, valueOf: 1 }, null],
	])('reads the duration %j of a call that has ended as %j', (duration, expected) => {
		const { events } = parse(ofCalls({ id: 'a', event: 'terminate', duration }));
		expect(events[0].body).toMatchObject({ fields: { durationSeconds: expected } });
	});

	it.each<[unknown, string | null]>([
		['FAILED', 'FAILED'],
		['Completed', 'COMPLETED'],
		[['Failed', 'Completed'], 'FAILED'],
		[[], null],
		[5, null],
		[undefined, null],
	])('reads the status %j of a call that has ended as %j', (status, expected) => {
		const { events } = parse(ofCalls({ id: 'a', event: 'terminate', status }));
		expect(events[0].body).toMatchObject({ fields: { status: expected } });
	});

	it('reads the errors of a failed call where Meta puts them, and skips odd ones', () => {
		const errors = [{ code: 138021, message: 'x' }, null, { code: { toString: 1 } }, 'x'];
		const calls = [{ id: 'a', event: 'terminate' }];
		const { events } = parse(delivery([entry([change({ metadata: METADATA, calls, errors })])]));
		expect(events[0].body).toMatchObject({ fields: { errors: [{ code: 138021 }] } });
	});

	it('takes keys that are special to the language as data', () => {
		const text = JSON.stringify(ofCalls(recording('a'))).replace(
			'"id":"a"',
			'"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"id":"a"',
		);
		const { events } = parseText(text);
		expect(idsOf(events)).toEqual(['a']);
		expect({}).not.toHaveProperty('polluted');
		expect(events[0].call).not.toHaveProperty('polluted');
	});

	it('reads a call beside something that is nested 100,000 levels deep', () => {
		const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
		const text = JSON.stringify(ofCalls(recording('a', { x: 'DEEP' }), 'DEEP', recording('b')));
		expect(idsOf(parseText(text.replaceAll('"DEEP"', deep)).events)).toEqual(['a', 'b']);
		expect(parseText(deep).events).toEqual([]);
		expect(parseText(`{"entry":${deep}}`).events).toEqual([]);
	});

	it('reads 1,000 updates, in their order', () => {
		const ids = Array.from({ length: 1000 }, (_, index) => `wacid.${index}`);
		const { events } = parse(ofCalls(...ids.map((id) => recording(id))));
		expect(idsOf(events)).toEqual(ids);
	});

	it('writes no name from outside to the log that could forge a line of it', () => {
		const { skipped } = parse(ofCalls({ id: 'a', event: `x\n2026 ERROR ${'y'.repeat(500)}` }));
		expect(skipped[0]).not.toMatch(/\n/);
		expect(skipped[0].length).toBeLessThan(120);
	});

	it('keeps number and order of the readable calls among anything else', () => {
		const odd = fc.oneof(fc.jsonValue(), fc.constant({ event: 'connect' }), fc.constant(null));
		const call = fc.oneof(
			fc
				.string({ minLength: 1, unit: fc.constantFrom(...'abc019._=') })
				.map((id) => ({ id, odd: null })),
			odd.map((value) => ({ id: null, odd: value })),
		);
		fc.assert(
			fc.property(fc.array(fc.array(call, { maxLength: 6 }), { maxLength: 5 }), (groups) => {
				const changes = groups.map((calls) =>
					change({
						metadata: METADATA,
						calls: calls.map(({ id, odd: value }) => (id === null ? value : recording(id))),
					}),
				);
				const expected = groups.flat().flatMap(({ id }) => id ?? []);
				expect(idsOf(parse(delivery([entry(changes)])).events)).toEqual(expected);
			}),
			{ numRuns: 1000 },
		);
	});

	it('never throws, whatever JSON comes in whatever place', () => {
		const key = fc.constantFrom(
			...[
				'id',
				'event',
				'timestamp',
				'duration',
				'status',
				'code',
				'errors',
				'call_recording',
				'audio',
			],
			...[
				'__proto__',
				'constructor',
				'toString',
				'valueOf',
				'toJSON',
				'contacts',
				'profile',
				'session',
			],
			...[
				'interactive',
				'call_permission_reply',
				'type',
				'sha256',
				'mime_type',
				'url',
				'error_data',
			],
		);
		const leaf = fc.oneof(
			fc.constantFrom<unknown>(
				'call_recording_available',
				'connect',
				'terminate',
				'call',
				1,
				null,
				'',
			),
			fc.double(),
			fc.string(),
			fc.boolean(),
		);
		const { tree } = fc.letrec((tie) => ({
			tree: fc.oneof(
				{ maxDepth: 5, withCrossShrink: true },
				leaf,
				fc.array(tie('tree'), { maxLength: 3 }),
				fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
			),
		}));
		const list = fc.oneof(fc.array(tree, { maxLength: 4 }), tree);
		const value = fc.oneof(
			tree,
			fc.record(
				{
					metadata: fc.oneof(fc.constant(METADATA), tree),
					contacts: list,
					errors: list,
					calls: list,
					statuses: list,
					messages: list,
				},
				{ requiredKeys: [] },
			),
		);
		const field = fc.oneof(fc.constantFrom<unknown>('calls', 'messages'), tree);
		const json = fc.oneof(
			fc.jsonValue(),
			tree,
			fc.record({ field, value }).map((one) => delivery([{ id: '1', changes: [one] }])),
			fc.record({ field, value }).map((one) => delivery([entry([one]), one])),
		);
		fc.assert(
			fc.property(json, (value_) => {
				for (const event of parse(value_).events) {
					expect(typeof callFields(event).event).toBe('string');
				}
			}),
			{ numRuns: RUNS },
		);
	});
});

describe('what is said of a delivery that is not used', () => {
	it.each<[string, string]>([
		['x', 'the body is not JSON'],
		['null', 'the body has no list of entries'],
		['{"entry":{}}', 'the body has no list of entries'],
		['{"entry":[5]}', 'an entry has an unknown shape'],
		['{"entry":[{"changes":[5]}]}', 'a change has an unknown shape'],
		[
			'{"entry":[{"changes":[{"field":"calls","value":5}]}]}',
			'a change of the field calls has an unknown shape',
		],
		[
			'{"entry":[{"changes":[{"field":"calls","value":{"calls":5}}]}]}',
			'a change of the field calls has an unknown shape',
		],
		[
			'{"entry":[{"changes":[{"field":"calls","value":{"statuses":[5]}}]}]}',
			'a status of a call has an unknown shape',
		],
	])('%s: %s', (text, reason) => {
		expect(parseText(text)).toEqual({ events: [], skipped: [reason] });
	});

	it.each([
		'{"entry":[{"changes":[{"field":"messages","value":5}]}]}',
		'{"entry":[{"changes":[{"field":"account_update","value":5}]}]}',
	])('nothing of what is for others: %s', (text) => {
		expect(parseText(text)).toEqual({ events: [], skipped: [] });
	});

	it('is no longer looked at after 10,000 odd parts', () => {
		const odd = (count: number) =>
			parse(
				delivery([...Array<number>(count).fill(5), entry([change({ calls: [recording('a')] })])]),
			);
		expect(odd(10_000)).toMatchObject({ events: [{ call: { id: 'a' } }] });
		expect(odd(10_001).events).toEqual([]);
		expect(odd(20_000).skipped).toHaveLength(10_002);
		expect(odd(20_000).skipped.at(-1)).toBe(CUT_OFF);
	});
});

describe('what is not wanted of a delivery', () => {
	const wanted = (events: string[], ...phoneNumberIds: string[]) => ({
		events: new Set(events),
		phoneNumberIds: new Set(phoneNumberIds),
	});
	const ofNumber = (id: string, calls: unknown[]) =>
		change({ metadata: { ...METADATA, phone_number_id: id }, calls });
	const RECORDINGS = ['call_recording_available'];
	const odd = { id: 'odd', event: 'call_recording_available' };

	it('is passed over unread where it is of another number', () => {
		const both = delivery([
			entry([ofNumber('1', [recording('a'), odd]), ofNumber('2', [recording('b')])]),
		]);
		expect(parse(both, wanted(RECORDINGS, '2', '3'))).toMatchObject({
			events: [{ call: { id: 'b' }, phoneNumberId: '2' }],
			skipped: [],
		});
		expect(parse(both, wanted(RECORDINGS)).skipped).toHaveLength(1);
	});

	it('is what names no number, where numbers are chosen', () => {
		const nameless = delivery([entry([change({ calls: [recording('a')] })])]);
		expect(parse(nameless, wanted(RECORDINGS, '1'))).toEqual({
			events: [],
			skipped: ['a change names no phone number, and only some are chosen'],
		});
		expect(parse(nameless, wanted(RECORDINGS)).events).toHaveLength(1);
	});

	it('is passed over unread where it is another event', () => {
		const json = delivery([
			entry([
				change({
					metadata: METADATA,
					calls: [odd, { id: 'b', event: 'terminate' }, recording('c')],
					statuses: [5],
				}),
				change({ metadata: METADATA, messages: [PERMISSION_REPLY] }, 'messages'),
			]),
		]);
		const read = (...events: string[]) => {
			const { events: found, skipped } = parse(json, wanted(events));
			return { types: found.map(({ type }) => type.name), skipped };
		};
		expect(read('terminate')).toEqual({ types: ['terminate'], skipped: [] });
		expect(read('status')).toEqual({
			types: [],
			skipped: ['a status of a call has an unknown shape'],
		});
		expect(read('call_permission_reply')).toEqual({
			types: ['call_permission_reply'],
			skipped: [],
		});
		expect(read(...RECORDINGS)).toEqual({
			types: RECORDINGS,
			skipped: ['an event "call_recording_available" has an unknown shape'],
		});
		expect(read()).toEqual({ types: [], skipped: [] });
	});

	it('is not asked whether it has a name that is known: that is said', () => {
		expect(parse(ofCalls({ event: 'call_moved' }), wanted(RECORDINGS)).skipped).toEqual([
			'the event "call_moved" is not known',
		]);
	});

	it('ends the reading when there were 10,000 of it', () => {
		const behind = (count: number, before: unknown) =>
			parse(
				delivery([entry([...Array<unknown>(count).fill(before), ofNumber('2', [recording('b')])])]),
				wanted(RECORDINGS, '2'),
			);
		const other = ofNumber('2', [{ id: 'a', event: 'terminate' }]);
		for (const before of [ofNumber('1', []), other]) {
			expect(behind(10_000, before).events).toHaveLength(1);
			expect(behind(10_001, before)).toEqual({ events: [], skipped: [CUT_OFF] });
		}
	});
});

describe('holdsOtherFields', () => {
	it.each<[string, unknown, boolean]>([
		['calls alone', delivery([entry([change({})])]), false],
		['messages alone', delivery([entry([change({}, 'messages')])]), true],
		['messages beside calls', delivery([entry([change({}), change({}, 'messages')])]), true],
		[
			'messages in another entry',
			delivery([entry([change({})]), entry([change({}, 'messages')])]),
			true,
		],
		['a change without a field', delivery([entry([{}])]), true],
		['a change that is null', delivery([entry([null])]), true],
		['no changes', delivery([entry([])]), false],
		['changes that are no list', delivery([entry('x')]), false],
		['an entry that is null', delivery([null]), false],
		['messages behind an odd entry', delivery([null, entry([change({}, 'messages')])]), true],
		['no entries', {}, false],
		['null', null, false],
	])('%s', (_, json, holds) => {
		expect(holdsOtherFields(Buffer.from(JSON.stringify(json)))).toBe(holds);
	});

	it('no JSON', () => expect(holdsOtherFields(Buffer.from('x'))).toBe(false));
});
