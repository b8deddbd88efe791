import fc from 'fast-check';
import type { IDataObject } from 'n8n-workflow';

import {
	holdsOtherFields,
	parseBody,
	parseDelivery,
	type CallEvent,
} from '../../../nodes/WhatsAppBusinessCalling/events/parseDelivery';
import { callFields, rawEvent } from '../../../nodes/WhatsAppBusinessCalling/events/items';
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
	const events = parseDelivery(parseBody(Buffer.from(text)), wanted, (reason) =>
		skipped.push(reason),
	);
	return { events, skipped };
}

const CUT_OFF = 'after 10000 unused parts, the rest was not read';

const LATE = change({ calls: [recording('late')] });

const many = (text: string) => Array(100_000).fill(text).join(',');

const idsOf = (events: CallEvent[]) => events.map(({ call }) => call.id);

describe('parseDelivery', () => {
	it('Every call of every change of every entry is read, in order', () => {
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
		['call_summary', 'other', {}],
		['__proto__', 'other', {}],
		['constructor', 'other', {}],
	])('The event %s is read as %s', (name, type, more) => {
		const { events } = parse(ofCalls({ id: 'a', event: name, ...more }));
		expect(events.map((event) => event.type.name)).toEqual([type]);
	});

	it('The element is kept as Meta sent it, with what stands next to it and belongs to it', () => {
		const ana = { wa_id: '14085551234', profile: { name: 'Ana', nickname: 'A' } };
		const sent = recording('a', { from: '14085551234', of_tomorrow: { x: [1] } });
		const value = { metadata: METADATA, contacts: [{ wa_id: '1' }, ana], calls: [sent] };
		const { events } = parse(delivery([entry([change(value)])]));
		expect(events[0].raw()).toEqual({ ...sent, metadata: METADATA, contacts: [ana] });
	});

	it('The element is kept with the errors next to it, if it has none of its own', () => {
		const errors = [{ code: 138021 }];
		const rawOf = (sent: object) =>
			parse(delivery([entry([change({ calls: [sent], errors })])])).events[0].raw();
		const sent = { id: 'a', event: 'terminate' };
		expect(rawOf(sent)).toEqual({ ...sent, errors });
		const own = { ...sent, errors: [{ code: 138019 }] };
		expect(rawOf(own)).toEqual(own);
	});

	it.each<[string, unknown]>([
		['no event name', { id: 'a' }],
		['an empty event name', { id: 'a', event: '' }],
		['an object for its event name', { id: 'a', event: {} }],
		['null', null],
		['a text', 'call'],
		['a list', [recording('a')]],
	])('A call that is or has %s is skipped, and those beside it are read', (_, odd) => {
		const { events, skipped } = parse(ofCalls(recording('before'), odd, recording('after')), {
			...EVERYTHING,
			events: new Set(['call_recording_available']),
		});
		expect(idsOf(events)).toEqual(['before', 'after']);
		expect(skipped).toEqual(['a call has no event name']);
	});

	it.each<[string, unknown, string | null]>([
		['no ID', recording('a', { id: undefined }), null],
		['an empty ID', recording(''), null],
		['a number as an ID', recording('a', { id: 5 }), '5'],
		['an object as an ID', recording('a', { id: {} }), null],
		['a line end in its ID', recording('a\nb'), null],
		['513 characters as its ID', recording('a'.repeat(513)), null],
		['no file', recording('a', { call_recording: undefined }), 'a'],
		['a text for the file', recording('a', { call_recording: '5' }), 'a'],
		['a path as a media ID', recording('a', { call_recording: { audio: { id: '../me' } } }), 'a'],
	])('A recording that has %s is an event', (_, odd, id) => {
		const { events, skipped } = parse(ofCalls(recording('before'), odd, recording('after')));
		expect(idsOf(events)).toEqual(['before', id, 'after']);
		expect(skipped).toEqual([]);
		expect(events.map(({ name }) => name)).toEqual(Array(3).fill('call_recording_available'));
	});

	it('An ID with more digits than JavaScript holds is read as Meta wrote it', () => {
		const text = JSON.stringify(ofCalls(recording('a'))).replace(
			'"id":"5"',
			'"id":98765432109876543210',
		);
		expect(parseText(text).events[0].file?.media?.id).toBe('98765432109876543210');
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
		['with a text for its calls', entry([change({ metadata: METADATA, calls: 'x' })])],
		['with neither calls nor statuses', entry([change({ metadata: METADATA, recordings: [{}] })])],
	])('An entry that is %s is skipped, and those beside it are read', (_, odd) => {
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
	])('Nothing is read from %s', (_, text) => {
		const { events, skipped } = parseText(text);
		expect(events).toEqual([]);
		expect(skipped).toHaveLength(1);
	});

	it.each([
		['messages', { metadata: METADATA, messages: [{ id: 'wamid.1', type: 'text' }] }],
		['account_update', { event: 'VERIFIED_ACCOUNT' }],
		['account_settings_update', null],
		['account_update', { metadata: METADATA, messages: [PERMISSION_REPLY] }],
	])('The field %s is skipped silently', (field, value) => {
		expect(parse(delivery([entry([change(value, field)])]))).toEqual({ events: [], skipped: [] });
	});

	it.each<[string, unknown]>([
		['a text for its metadata', { metadata: 'x' }],
		['a list for its metadata', { metadata: [METADATA] }],
		['an object for the ID of its number', { metadata: { phone_number_id: {} } }],
		['an empty ID of its number', { metadata: { phone_number_id: '' } }],
		['a text for its statuses', { statuses: 'x' }],
		['a number for its messages', { messages: 5 }],
		['a text for its contacts', { contacts: 'x' }],
		['odd contacts', { contacts: [null, 5, 'x', [], { profile: 'x' }] }],
		['a text for its errors', { errors: 'x' }],
		['null for all the others', { statuses: null, messages: null, contacts: null, errors: null }],
	])('The calls of a change that has %s are read', (_, more) => {
		const value = { metadata: METADATA, calls: [recording('a')], ...(more as object) };
		const { events } = parse(delivery([entry([change(value)])]));
		expect(idsOf(events)).toEqual(['a']);
		expect(events[0].fields.contactName).toBeNull();
	});

	it.each<[string, unknown]>([
		['in a list', { type: 'audio', audio: [{ id: '5' }, { id: '6' }, { id: '5' }] }],
		[
			'each with what is around it',
			[{ type: 'audio', audio: { id: '5' } }, { audio: { id: '6' } }],
		],
		['of two types', { type: 'video', video: { id: '5' }, audio: { id: '6' } }],
	])('An event that names several files, %s, is an event of each of them', (_, call_recording) => {
		const { events } = parse(ofCalls(recording('a', { call_recording }), recording('b')));
		const files = events.map(({ call, file, detail }) => [call.id, file?.media?.id, detail]);
		expect(files.slice(0, 2)).toEqual([
			['a', '5', '5\n'],
			['a', '6', '6\n'],
		]);
		expect(files.at(-1)?.slice(0, 2)).toEqual(['b', '5']);
	});

	it('Files without the ID of their call are told apart', () => {
		const nameless = recording('a', {
			id: null,
			call_recording: { audio: [{ id: '5' }, { id: '6' }] },
		});
		const details = parse(ofCalls(nameless)).events.map(({ detail }) => detail);
		expect(new Set(details).size).toBe(2);
	});

	it('One call that is not in a list is read as a list of one', () => {
		expect(idsOf(parse(delivery([entry([change({ calls: recording('a') })])])).events)).toEqual([
			'a',
		]);
	});

	it.each([
		['entries', (rest: string) => `{"entry":[${rest},${JSON.stringify(entry([LATE]))}]}`],
		[
			'changes',
			(rest: string) => `{"entry":[{"id":"1","changes":[${rest},${JSON.stringify(LATE)}]}]}`,
		],
		[
			'calls',
			(rest: string) =>
				JSON.stringify(ofCalls('@', recording('late'))).replace(
					'"@"',
					rest.replaceAll('{}', 'null'),
				),
		],
		[
			'messages',
			(rest: string) =>
				`{"entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[${rest},${JSON.stringify(PERMISSION_REPLY)}]}}]}]}`,
		],
	])('Nothing is read after a hundred thousand %s that are none', (_, body) => {
		expect(parseText(body('{}')).events).toHaveLength(1);
		const { events, skipped } = parseText(body(many('{}')));
		expect(events).toEqual([]);
		expect(skipped.at(-1)).toBe(CUT_OFF);
	});

	it.each<[unknown[], string | null]>([
		[[], null],
		[[{ profile: { name: 'Ana' } }], 'Ana'],
		[[{ wa_id: '1', profile: { name: 'Eve' } }], null],
		[[{ wa_id: '1485551234', profile: { name: 'Ana' } }], 'Ana'],
		[[{ user_id: 'US.1', profile: { name: 'Ana' } }], 'Ana'],
		[[{ wa_id: '14085551234' }], null],
		[[{ wa_id: '1', profile: { name: 'Eve' } }, { wa_id: '14085551234' }], null],
		[
			[
				{ wa_id: '1', profile: { name: 'Eve' } },
				{ wa_id: '14085551234', profile: { name: 'Ana' } },
			],
			'Ana',
		],
	])('The name with the contacts %j beside the call is %j', (contacts, name) => {
		const calls = [
			{
				...{ id: 'a', event: 'connect', direction: 'USER_INITIATED', from: '14085551234' },
				session: { sdp_type: 'offer', sdp: 'v=0' },
			},
		];
		const { events } = parse(delivery([entry([change({ metadata: METADATA, contacts, calls })])]));
		expect(events.map(({ fields }) => fields.contactName)).toEqual([name]);
	});

	it.each<[string, object[], Array<string | null>]>([
		['that both calls are with', [{ from: '1' }, { from: '1' }], ['Ana', 'Ana']],
		['of one of two calls', [{ from: '1' }, { from: '2' }], ['Ana', null]],
		['of nobody in two calls', [{}, {}], [null, null]],
		['of nobody in two events of one call', [{ id: 'a' }, { id: 'a' }], ['Ana', 'Ana']],
	])('One contact %s is used only where it belongs', (_, calls, names) => {
		const elements = calls.map((call, index) => ({ id: String(index), event: 'connect', ...call }));
		const contacts = [{ wa_id: '1', profile: { name: 'Ana' } }];
		const { events } = parse(delivery([entry([change({ contacts, calls: elements })])]));
		expect(events.map(({ fields }) => fields.contactName)).toEqual(names);
	});

	it('No event gets the contact of another person, even without a business number', () => {
		const contacts = [{ user_id: 'US.2', wa_id: '4915100000000', profile: { name: 'Eve' } }];
		const call = { id: 'a', event: 'connect', direction: 'USER_INITIATED', from_user_id: 'US.1' };
		const [event] = parse(
			delivery([entry([change({ metadata: { phone_number_id: '9' }, contacts, calls: [call] })])]),
		).events;
		expect(event.fields.contactName).toBeNull();
		expect(event.call.from).toEqual({ phoneNumber: null, userId: 'US.1', parentUserId: null });
		const nameless = [{ event: 'connect' }, { event: 'connect' }];
		const { events } = parse(delivery([entry([change({ contacts, calls: nameless })])]));
		expect(events.map(({ fields }) => fields.contactName)).toEqual([null, null]);
	});

	it('The contacts of 1,000 calls are found among 1,000', () => {
		const all = Array.from({ length: 1_000 }, (_, index) => String(index));
		const contacts = all.map((wa_id) => ({ wa_id, profile: { name: `${wa_id}!` } }));
		const calls = all.map((from) => ({ id: from, from, event: 'connect', timestamp: '1' }));
		const { events } = parse(delivery([entry([change({ metadata: METADATA, contacts, calls })])]));
		expect(events.map(({ fields }) => fields.contactName)).toEqual(all.map((id) => `${id}!`));
	});

	describe('errors next to several calls', () => {
		const failed = (more: object = {}) => ({ event: 'terminate', status: 'FAILED', ...more });
		const own = failed({ errors: [{ code: 138021 }] });
		const completed = failed({ status: 'COMPLETED' });
		const shared = [{ code: 138019 }];

		it.each<[string, object[], number[][]]>([
			['belong to the only call', [failed()], [[138019]]],
			['belong to the only call, complete or not', [completed], [[138019]]],
			['do not belong to a call that has its own', [own, failed()], [[138021], [138019]]],
			['do not belong to a call that completed', [completed, failed()], [[], [138019]]],
			['belong to nobody where two calls may own them', [failed(), failed()], [[], []]],
			['repeat those in the call', [completed, own], [[], [138021]]],
			['do not belong to a call that rings', [{ event: 'connect' }, failed()], [[], [138019]]],
		])('The errors %s', (_, calls, expected) => {
			const elements = calls.map((call, index) => ({ id: String(index), ...call }));
			const { events } = parse(delivery([entry([change({ calls: elements, errors: shared })])]));
			const codes = events.map(({ fields }) =>
				((fields.errors ?? []) as IDataObject[]).map(({ code }) => code),
			);
			expect(codes).toEqual(expected);
		});
	});

	describe('the order within a delivery', () => {
		const status = (id: string, said: string) => ({ id, type: 'call', status: said });
		const end = (id: string) => ({ id, event: 'terminate' });
		const namesOf = (events: CallEvent[]) =>
			events.map(
				({ name, call, fields }) => `${call.id} ${name === 'status' ? fields.status : name}`,
			);

		it('The statuses of a call come before its end, also of another change or entry', () => {
			const { events } = parse(
				delivery([
					entry([
						change({ calls: [end('a'), end('b')], statuses: [status('a', 'RINGING')] }),
						change({ statuses: [status('c', 'RINGING')] }),
					]),
					entry([change({ statuses: [status('a', 'REJECTED')], calls: [recording('a')] })]),
				]),
			);
			expect(namesOf(events)).toEqual([
				'b terminate',
				'a RINGING',
				'c RINGING',
				'a call_recording_available',
				'a REJECTED',
				'a terminate',
			]);
		});

		it('Everything else stays in the order of the delivery', () => {
			const { events } = parse(
				delivery([entry([change({ calls: [end('a'), recording('a'), end('b')], statuses: [] })])]),
			);
			expect(namesOf(events)).toEqual(['a terminate', 'a call_recording_available', 'b terminate']);
		});
	});

	it('Ten times what Meta sends at once is read, and the rest is reported as left out', () => {
		const calls = many('{"event":"connect","id":"a"}');
		const { events, skipped } = parseText(
			`{"entry":[{"id":"1","changes":[{"field":"calls","value":{"calls":[${calls}]}}]}]}`,
		);
		expect(events).toHaveLength(10_000);
		expect(skipped).toEqual(['it contains more than 10000 events']);
	});

	it.each([undefined, null, {}, { phone_number_id: null }])(
		'A call with %j for its metadata is read',
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
		['2026-05-05T18:16:42Z', '2026-05-05T18:16:42.000Z'],
		['2026-13-05T18:16:42Z', null],
		[-5, null],
		[1.5, null],
		[8_639_999_999_999, null],
		[{}, null],
		[null, null],
		[undefined, null],
	])('The timestamp %j is read as %j', (timestamp, expected) => {
		const { events } = parse(ofCalls(recording('a', { timestamp })));
		expect(callFields(events[0]).timestamp).toBe(expected);
	});

	it('Keys that are special to the language are data', () => {
		const text = JSON.stringify(ofCalls(recording('a'))).replace(
			'"id":"a"',
			'"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"id":"a"',
		);
		const { events } = parseText(text);
		expect(idsOf(events)).toEqual(['a']);
		expect({}).not.toHaveProperty('polluted');
		expect(events[0].call).not.toHaveProperty('polluted');
	});

	it('A call beside something that is nested 100,000 levels deep is read', () => {
		const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
		const text = JSON.stringify(ofCalls(recording('a', { x: 'DEEP' }), 'DEEP', recording('b')));
		expect(idsOf(parseText(text.replaceAll('"DEEP"', deep)).events)).toEqual(['a', 'b']);
		expect(parseText(deep).events).toEqual([]);
		expect(parseText(`{"entry":${deep}}`).events).toEqual([]);
	});

	it('1,000 updates are read, in order', () => {
		const ids = Array.from({ length: 1000 }, (_, index) => `wacid.${index}`);
		const { events } = parse(ofCalls(...ids.map((id) => recording(id))));
		expect(idsOf(events)).toEqual(ids);
	});

	it('No name from outside can forge a log line', () => {
		const { skipped } = parse(ofCalls({ id: 'a', event: `x\n2026 ERROR ${'y'.repeat(500)}` }), {
			...EVERYTHING,
			events: new Set(['connect']),
		});
		expect(skipped[0]).not.toMatch(/\n/);
		expect(skipped[0].length).toBeLessThan(160);
	});

	it('Number and order of the readable calls stay among anything else', () => {
		const odd = fc.oneof(fc.jsonValue(), fc.constant({ event: 'connect' }), fc.constant(null));
		const wanted = { ...EVERYTHING, events: new Set(['call_recording_available']) };
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
				expect(idsOf(parse(delivery([entry(changes)]), wanted).events)).toEqual(expected);
			}),
			{ numRuns: 1000 },
		);
	});

	it('No JSON in any place throws', () => {
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
					expect(callFields(event)).toHaveProperty('event');
					rawEvent(event);
				}
			}),
			{ numRuns: RUNS },
		);
	});
});

describe('a delivery with an object where Meta has a list', () => {
	const aChange = change({ calls: [recording('a')] });

	it.each<[string, unknown]>([
		['entry', delivery(entry([aChange]))],
		['changes', delivery([entry(aChange)])],
		['calls', delivery([entry([change({ calls: recording('a') })])])],
	])('The event is read if %s is one', (_, json) => {
		expect(parse(json)).toMatchObject({ events: [{ call: { id: 'a' } }], skipped: [] });
	});
});

describe('the log about an unused delivery', () => {
	it.each<[string, string]>([
		['x', 'the body is not JSON'],
		['null', 'the body has no list of entries'],
		['{"entry":5}', 'the body has no list of entries'],
		['{"entry":{}}', 'an entry has an unknown shape'],
		['{"entry":[5]}', 'an entry has an unknown shape'],
		['{"entry":[{"changes":[5]}]}', 'a change has an unknown shape'],
		[
			'{"entry":[{"changes":[{"field":"calls","value":5}]}]}',
			'a change of the field calls has an unknown shape',
		],
		[
			'{"entry":[{"changes":[{"field":"calls","value":{"calls":5}}]}]}',
			'"calls" of a change is not a list',
		],
		[
			'{"entry":[{"changes":[{"field":"calls","value":{"statuses":[5]}}]}]}',
			'a status of a call has an unknown shape',
		],
	])('The log says for %s: %s', (text, reason) => {
		expect(parseText(text)).toEqual({ events: [], skipped: [reason] });
	});

	it.each([
		'{"entry":[{"changes":[{"field":"messages","value":5}]}]}',
		'{"entry":[{"changes":[{"field":"account_update","value":5}]}]}',
	])('The log says nothing about what is for others: %s', (text) => {
		expect(parseText(text)).toEqual({ events: [], skipped: [] });
	});

	it('Reading stops after 10,000 odd parts', () => {
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

describe('the unwanted part of a delivery', () => {
	const wanted = (events: string[], ...phoneNumbers: string[]) => ({
		events: new Set(events),
		phoneNumbers: new Set(phoneNumbers),
	});
	const ofNumber = (id: string, calls: unknown[]) =>
		change({ metadata: { ...METADATA, phone_number_id: id }, calls });
	const RECORDINGS = ['call_recording_available'];
	const odd = { id: 'odd' };

	it('An event of another number is skipped unread', () => {
		const both = delivery([
			entry([ofNumber('1', [recording('a'), odd]), ofNumber('2', [recording('b')])]),
		]);
		expect(parse(both, wanted(RECORDINGS, '2', '3'))).toMatchObject({
			events: [{ call: { id: 'b' }, phoneNumberId: '2' }],
			skipped: [],
		});
		expect(parse(both, wanted(RECORDINGS)).skipped).toHaveLength(1);
	});

	it.each<[string, unknown, boolean]>([
		['the account', '102290129340398', true],
		['the account, as a number', 102290129340398, true],
		['another account', '102290129340399', false],
		['no account', undefined, true],
		["the account of a test in Meta's app dashboard", '0', true],
		['an account that is none', {}, true],
		['an ID with something before it', 'x102290129340399', true],
		['an ID with something after it', '102290129340399x', true],
	])('With a chosen account, an entry is compared: it names %s', (_, id, isRead) => {
		const one = { ...entry([change({ metadata: METADATA, calls: [recording('a')] })]), id };
		const { events, skipped } = parse(delivery([one]), {
			...wanted(RECORDINGS),
			businessAccountId: '102290129340398',
		});
		expect(events).toHaveLength(isRead ? 1 : 0);
		expect(skipped).toEqual(
			isRead ? [] : [expect.stringContaining('account 102290129340399') as string],
		);
	});

	it.each<[string, unknown, string[], boolean, boolean]>([
		['the ID', METADATA, ['106540352242922'], true, false],
		['the display number', METADATA, ['15550783881'], true, false],
		['another ID', METADATA, ['106540352242923'], false, false],
		['another display number', METADATA, ['15550783882'], false, false],
		[
			'another ID, and the change only an ID',
			{ phone_number_id: '106540352242922' },
			['106540352242923'],
			false,
			false,
		],
		[
			'another ID and a display number, and the change only an ID',
			{ phone_number_id: '106540352242922' },
			['106540352242923', '15550783881'],
			true,
			true,
		],
		['an ID, and the change no number', undefined, ['106540352242922'], true, true],
		['an ID, and the change an odd number', { phone_number_id: {} }, ['1'], true, true],
		[
			'an ID, and the change only how it is displayed',
			{ display_phone_number: '+1 555 078 3881' },
			['1'],
			true,
			true,
		],
		[
			'a display number, and the change only that',
			{ display_phone_number: '+1 555 078 3881' },
			['15550783881'],
			true,
			false,
		],
		[
			'a display number, and the change only an ID',
			{ phone_number_id: '106540352242922' },
			['15550783881'],
			true,
			true,
		],
	])('The number is compared: the operator chose %s', (_, metadata, chosen, isRead, isNoted) => {
		const { events, skipped } = parse(
			delivery([entry([change({ metadata, calls: [recording('a')] })])]),
			wanted(RECORDINGS, ...chosen),
		);
		expect(events).toHaveLength(isRead ? 1 : 0);
		expect(skipped).toEqual(
			isNoted
				? ['a change does not name a chosen phone number; its events are emitted anyway']
				: [],
		);
	});

	it('An event of another kind is skipped unread', () => {
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
		expect(read('terminate')).toEqual({
			types: ['terminate'],
			skipped: ['a call has no event name'],
		});
		expect(read('status')).toEqual({
			types: [],
			skipped: ['a call has no event name', 'a status of a call has an unknown shape'],
		});
		expect(read('call_permission_reply')).toEqual({
			types: ['call_permission_reply'],
			skipped: [],
		});
		expect(read(...RECORDINGS)).toEqual({
			types: RECORDINGS,
			skipped: ['a call has no event name'],
		});
		expect(read()).toEqual({ types: [], skipped: [] });
	});

	it('The log names an event that is unknown and was not chosen', () => {
		expect(parse(ofCalls({ event: 'call_moved' }), wanted(RECORDINGS)).skipped).toEqual([
			'the event "call_moved" is not known (choose Other Call Events to receive it)',
		]);
	});

	it('Reading stops after 10,000 unwanted events', () => {
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
		['messages that are in no list', delivery(entry(change({}, 'messages'))), true],
		['an entry that is null', delivery([null]), false],
		['messages behind an odd entry', delivery([null, entry([change({}, 'messages')])]), true],
		['no entries', {}, false],
		['null', null, false],
	])('The answer is right for %s', (_, json, holds) => {
		expect(holdsOtherFields(json)).toBe(holds);
	});

	it('The answer is no for what is no JSON', () =>
		expect(holdsOtherFields(parseBody(Buffer.from('x')))).toBe(false));
});
