import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import fc from 'fast-check';

import { parseSha256 } from '../../nodes/WhatsAppBusinessCalling/media/sha256';
import { guardMediaUrl } from '../../nodes/WhatsAppBusinessCalling/media/urlGuard';
import { cleanSdp } from '../../nodes/WhatsAppBusinessCalling/resources/call/sdp';
import {
	parseBody,
	parseDelivery,
	type CallEvent,
} from '../../nodes/WhatsAppBusinessCalling/events/parseDelivery';
import { callFields } from '../../nodes/WhatsAppBusinessCalling/events/items';
import { PERSON } from '../support/constants';
import { anyWebUrl, RUNS } from '../support/properties';
import { EVERYTHING } from '../support/wanted';

jest.setTimeout(180_000);

const figures = { properties: 0, cases: 0 };

afterAll(() => {
	process.stdout.write(
		`Properties: ${figures.properties}, each with at least ${RUNS} cases; ${figures.cases} cases in all\n`,
	);
});

/** A property, tried with as many cases as was agreed. It fails by throwing. */
function holds<T>(name: string, of: fc.Arbitrary<T>, predicate: (value: T) => void): void {
	it(name, () => {
		figures.properties++;
		const counted = (value: T) => {
			figures.cases++;
			predicate(value);
		};
		fc.assert(fc.property(of, counted), { numRuns: RUNS });
	});
}

const read = (text: string | Buffer): CallEvent[] =>
	parseDelivery(parseBody(Buffer.from(text)), EVERYTHING, () => {});

/** What Meta sends, of all kinds. */
const EVENTS = [
	{
		id: 'wacid.R',
		event: 'call_recording_available',
		from: PERSON,
		from_user_id: 'US.1',
		timestamp: '1728932177',
		call_recording: {
			type: 'audio',
			audio: { id: '51', sha256: 'aGFzaA==', mime_type: 'audio/ogg', url: 'https://x.fbsbx.com/y' },
		},
	},
	{
		id: 'wacid.T',
		event: 'call_transcription_available',
		call_transcript: { document: { id: '52', mime_type: 'application/json' } },
	},
	{ id: 'wacid.C', event: 'connect', to: '1', session: { sdp_type: 'offer', sdp: 'v=0' } },
	{ id: 'wacid.E', event: 'terminate', status: ['Completed'], duration: 5, errors: [{ code: 1 }] },
];

const METADATA = { phone_number_id: '106540352242922', display_phone_number: '15550783881' };

const deliveryOf = (calls: unknown[]) => ({
	object: 'whatsapp_business_account',
	entry: [
		{
			id: '102290129340398',
			changes: [
				{
					field: 'calls',
					value: {
						messaging_product: 'whatsapp',
						metadata: METADATA,
						contacts: [{ wa_id: PERSON, profile: { name: 'Ana' } }],
						calls,
					},
				},
			],
		},
	],
});

const key = fc.constantFrom(
	...['id', 'event', 'calls', 'changes', 'entry', 'value', 'field', 'audio', 'url', 'metadata'],
	...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'toJSON', 'length', '0', ''],
);

const leaf = fc.oneof(
	fc.constantFrom<unknown>(
		...[
			'call_recording_available',
			'connect',
			'calls',
			'messages',
			'wacid.X',
			'__proto__',
			'',
			'5',
		],
		...[null, true, 0, -1, 1e308],
	),
	fc.string({ unit: 'binary', maxLength: 20 }),
	fc.double(),
);

const { tree } = fc.letrec((tie) => ({
	tree: fc.oneof(
		{ maxDepth: 4, withCrossShrink: true },
		leaf,
		fc.array(tie('tree'), { maxLength: 3 }),
		fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
	),
}));

/** Where in a value something is changed, and how. */
const change = fc.record({
	way: fc.array(fc.nat(12), { maxLength: 12 }),
	how: fc.constantFrom('replace', 'remove', 'repeat', 'addKey'),
	with: tree,
	key,
});

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** A delivery of Meta's in which some parts are not what they should be. */
const spoilt = fc
	.tuple(
		fc.array(fc.constantFrom(...EVENTS), { maxLength: 4 }),
		fc.array(change, { minLength: 1, maxLength: 4 }),
	)
	.map(([calls, changes]) => {
		const json: unknown = structuredClone(deliveryOf(calls));
		// Of its own: what is changed in one case must not be seen in the next.
		for (const one of structuredClone(changes)) spoil(json, one);
		return json;
	});

function spoil(json: unknown, { way, how, with: part, key: name }: Change): void {
	let parent: Record<string, unknown> | undefined;
	let at = '';
	let here = json;
	for (const step of way) {
		if (typeof here !== 'object' || here === null) break;
		const keys = Object.keys(here);
		if (keys.length === 0) break;
		parent = here as Record<string, unknown>;
		at = keys[step % keys.length] ?? '';
		here = parent[at];
	}
	if (!parent) return;
	if (how === 'replace') set(parent, at, part);
	else if (how === 'remove') delete parent[at];
	else if (Array.isArray(parent)) parent.push(how === 'repeat' ? structuredClone(here) : part);
	else set(parent, name, part);
}

/** As JSON would: a key `__proto__` of its own. */
const set = (object: object, name: string, value: unknown) =>
	Object.defineProperty(object, name, {
		value,
		enumerable: true,
		configurable: true,
		writable: true,
	});

/** An integer with more digits than JavaScript holds is read as the text that was sent. */
const textIfRounded = (_key: string, value: unknown) =>
	Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(Number(value)) < 1e21
		? String(value)
		: value;

/** All texts of a value, and all its parts as JSON. */
function partsOf(value: unknown, texts = new Set<string>(), parts = new Set<string>()) {
	parts.add(JSON.stringify(value));
	if (typeof value === 'string' || Number.isSafeInteger(value)) texts.add(String(value));
	if (typeof value === 'object' && value !== null) {
		for (const part of Object.values(value)) partsOf(part, texts, parts);
	}
	return { texts, parts };
}

describe('the parser of deliveries', () => {
	const bytes = fc.oneof(
		fc.uint8Array({ maxLength: 300 }),
		fc
			.tuple(fc.nat(800), fc.nat(40), fc.uint8Array({ maxLength: 8 }))
			.map(([start, length, noise]) => {
				const whole = Buffer.from(JSON.stringify(deliveryOf(EVENTS)));
				return Buffer.concat([whole.subarray(0, start), noise, whole.subarray(start + length)]);
			}),
	);

	holds('The parser never throws, whatever bytes come', bytes, (body) => {
		for (const event of read(Buffer.from(body))) callFields(event);
	});

	holds(
		'The parser never throws, whatever JSON comes',
		fc.oneof(tree, fc.jsonValue(), spoilt),
		(json) => {
			for (const event of read(JSON.stringify(json) ?? '')) callFields(event);
		},
	);

	holds('The parser yields nothing that was not in the delivery', spoilt, (json) => {
		const sent = JSON.parse(JSON.stringify(json), textIfRounded) as unknown;
		const { texts, parts } = partsOf(sent);
		const isSent = (part: unknown) => parts.has(JSON.stringify(part));
		for (const event of read(JSON.stringify(json))) {
			for (const part of Object.values(event.raw())) {
				// The contacts and errors that belong to an event need not be all of a list.
				const pieces: unknown[] = Array.isArray(part) ? part : [part];
				ok(isSent(part) || pieces.every(isSent));
			}
			const said = [
				event.call.id,
				...Object.values(event.call.from),
				...Object.values(event.call.to),
				...[event.businessAccountId, event.phoneNumberId, event.displayPhoneNumber],
				...[event.fields.contactName, event.fields.contactUsername].map(
					(name) => name as string | null,
				),
			];
			if (event.file?.media) {
				const { id, url, sha256, mimeType } = event.file.media;
				said.push(id, url, sha256);
				// Blanks around it are taken off.
				if (mimeType !== null) {
					ok([...texts].some((text) => text.trim() === mimeType));
				}
			}
			for (const text of said) ok(text === null || texts.has(text), String(text));
		}
	});

	/** Anything that is no call, change or entry of Meta's by accident. */
	const odd = tree.filter((part) => read(JSON.stringify(deliveryOf([part]))).length === 0);
	const good = fc.nat(999).map((n) => ({ ...EVENTS[n % EVENTS.length], id: `wacid.${n}` }));
	const calls = fc.array(fc.oneof(good, odd), { maxLength: 5 });
	const oddChange = tree.filter((part) => {
		const [entry] = deliveryOf([]).entry;
		return read(JSON.stringify({ entry: [{ ...entry, changes: [part] }] })).length === 0;
	});
	const changes = fc.array(
		fc.oneof(
			calls,
			oddChange.map((part) => ({ part })),
		),
		{ maxLength: 4 },
	);
	const oddEntry = tree.filter((part) => read(JSON.stringify({ entry: [part] })).length === 0);
	const entries = fc.array(
		fc.oneof(
			changes,
			oddEntry.map((part) => ({ part })),
		),
		{ maxLength: 3 },
	);

	holds('The parser does not lose a good part beside a bad one', entries, (parts) => {
		const ids: string[] = [];
		const entry = parts.map((ofEntry) => {
			if (!Array.isArray(ofEntry)) return ofEntry.part;
			return {
				id: '1',
				changes: ofEntry.map((ofChange) => {
					if (!Array.isArray(ofChange)) return ofChange.part;
					for (const call of ofChange) {
						if (isGood(call)) ids.push(call.id);
					}
					return { field: 'calls', value: { metadata: METADATA, calls: ofChange } };
				}),
			};
		});
		deepStrictEqual(
			read(JSON.stringify({ entry })).map(({ call }) => call.id),
			ids,
		);
	});

	const isGood = (call: unknown): call is { id: string } => {
		const { id } = Object(call) as { id?: unknown };
		return typeof id === 'string' && /^wacid\.\d+$/.test(id);
	};
});

describe('the guard of file URLs', () => {
	const BASES = ['https://graph.facebook.com', 'http://127.0.0.1:8080/api'];
	const piece = fc.constantFrom(
		...['https:', 'http:', 'blob:', 'file:', 'data:', 'ws:', '//', '/', '\\', '@', ':', '.', '#'],
		...['?', 'lookaside', 'fbsbx.com', 'fbcdn.net', 'graph.facebook.com', 'evil.example', 'evil'],
		...['127.0.0.1:8080', '127.1', '2130706433', '[::1]', '443', '80', '%2e', '%40', '\u3002'],
		...['\uff0f', '\uff0e', '\u00ad', '\u0445', 'xn--', ' ', '\t', '\r\n', '\0', 'user', 'user:x'],
	);
	const glued = fc.array(piece, { maxLength: 9 }).map((parts) => parts.join(''));
	const address = fc.oneof(
		glued,
		glued.map((rest) => `https://${rest}`),
		glued.map((rest) => `https://lookaside.fbsbx.com${rest}`),
		glued.map((rest) => `https://${rest}lookaside.fbsbx.com/x`),
		glued.map((rest) => `https://${rest}.fbsbx.com/x`),
		anyWebUrl(),
		fc.string({ unit: 'binary' }),
	);
	const asked = fc.tuple(address, fc.constantFrom(...BASES));

	holds(
		"The guard allows https at Meta's hosts, the origin of the base URL, and nothing else",
		asked,
		([text, base]) => {
			const guarded = guardMediaUrl(text, base);
			if (!guarded.allowed) return;
			const { protocol, hostname, port, host, username, password } = guarded.url;
			deepStrictEqual([username, password], ['', '']);
			if (`${protocol}//${host}` === new URL(base).origin) return;
			deepStrictEqual([protocol, port], ['https:', '']);
			match(hostname, /^(graph\.facebook\.com|([a-z0-9_-]+\.)+(fbsbx\.com|fbcdn\.net))$/);
		},
	);

	holds(
		'The guard allows what is requested: written out, the URL is the same and allowed again',
		asked,
		([text, base]) => {
			const guarded = guardMediaUrl(text, base);
			if (!guarded.allowed) return;
			const again = guardMediaUrl(guarded.url.href, base);
			strictEqual(again.allowed && again.url.href, guarded.url.href);
		},
	);

	holds('The guard says why, and no more of the URL than its host', asked, ([text, base]) => {
		const guarded = guardMediaUrl(`${text}/path?token=secret#secret`, base);
		if (guarded.allowed) return;
		notStrictEqual(guarded.why, '');
		ok(!JSON.stringify(guarded).includes('secret'));
	});
});

describe('the reader of hashes', () => {
	const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

	holds('The reader returns every hash, however it is written', hash, (bytes) => {
		const base64 = bytes.toString('base64');
		const urlSafe = bytes.toString('base64url');
		const hex = bytes.toString('hex');
		for (const text of [
			base64,
			base64.slice(0, -1),
			urlSafe,
			`${urlSafe}=`,
			hex,
			hex.toUpperCase(),
		]) {
			ok(parseSha256(` ${text}\n`)?.equals(bytes), text);
		}
	});

	const alike = fc
		.tuple(hash, fc.nat(70), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
		.chain(([bytes, at, length, noise]) =>
			fc.constantFrom('base64', 'base64url', 'hex').map((encoding) => {
				const text = bytes.toString(encoding as BufferEncoding);
				return text.slice(0, at) + noise + text.slice(at + length);
			}),
		);

	holds(
		'The reader accepts nothing else',
		fc.oneof(alike, fc.string(), fc.base64String(), fc.anything()),
		(value) => {
			const bytes = parseSha256(value);
			if (bytes === null) return;
			strictEqual(bytes.length, 32);
			const text = String(value).trim();
			// The last of 43 letters has bits that say nothing.
			const written = [
				bytes.toString('hex') === text.toLowerCase(),
				bytes.toString('base64').slice(0, 42) ===
					text.replaceAll('-', '+').replaceAll('_', '/').slice(0, 42),
			];
			ok(written.includes(true), text);
		},
	);
});

describe('the cleaner of SDPs', () => {
	const LINES = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'm=audio 9 RTP/SAVPF 111'];
	const line = fc
		.string({ unit: 'binary', maxLength: 40 })
		.map((text) => text.replace(/[\r\n\\]/g, ''));
	const lines = fc
		.array(line, { maxLength: 8 })
		.map((more) => [...LINES, ...more.map((text) => `a=${text}`), 'a=end']);
	const wrapped = fc.tuple(lines, fc.constantFrom('\r\n', '\n', '\r', '\\r\\n', '\\n'), fc.nat(3));

	const wrap = (text: string, how: number): unknown =>
		[
			text,
			{ type: 'offer', sdp: text },
			{ sdp: text },
			JSON.stringify({ type: 'offer', sdp: text }),
		][how];

	holds(
		'The cleaner changes no character but line ends and the blanks there',
		wrapped,
		([given, end, how]) => {
			const cleaned = cleanSdp(wrap(given.join(end), how), 'offer');
			deepStrictEqual(cleaned, {
				ok: true,
				sdp: given.map((text) => `${text.trim()}\r\n`).join(''),
			});
		},
	);

	const noise = fc.array(
		fc.constantFrom('\r', '\n', '\\r', '\\n', ' ', 'a=b', '"', '\ufeff', '{', '\0'),
		{
			maxLength: 6,
		},
	);

	holds(
		'The cleaner does not change what it has cleaned',
		fc.tuple(wrapped, noise, noise),
		([[given, end], before, after]) => {
			const once = cleanSdp(before.join('') + given.join(end) + after.join(''), 'offer');
			if (once.ok) deepStrictEqual(cleanSdp(once.sdp, 'offer'), once);
		},
	);

	const anything = fc.oneof(
		fc.anything({ withNullPrototype: true, withBigInt: true }),
		fc.json(),
		fc.string({ unit: 'binary' }),
		fc.record({ sdp: fc.anything(), type: fc.anything() }),
	);

	holds(
		'The cleaner gives lines that end with CRLF, or a reason, for anything',
		anything,
		(given) => {
			const cleaned = cleanSdp(given, 'answer');
			if (cleaned.ok) match(cleaned.sdp, /^v=0\r\n([^\r\n]*\r\n)+$/);
			else notStrictEqual(cleaned.problem, '');
		},
	);
});
