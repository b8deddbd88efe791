import { gzipSync } from 'node:zlib';
import { TRIGGER } from '../support/stage';
import type { AttackStage } from './attackStage';
import { bombInBomb, brotliBomb, deflateBomb, gzipBomb, gzipBombOfParts } from './bombs';

const MEBIBYTE = 1024 * 1024;

/** What n8n takes at most (N8N_PAYLOAD_SIZE_MAX). */
const MOST_BYTES = 16 * MEBIBYTE;

const DEPTH = 100_000;

/** A body, made from one that is good where a part of it is to be. */
type Make = (good: string) => Buffer | string;

export const wrapped = (calls: string, more = '') =>
	`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"calls","value":{"metadata":{"phone_number_id":"1","display_phone_number":"1"}${more},"calls":[${calls}]}}]}]}`;

const lists = '['.repeat(DEPTH) + ']'.repeat(DEPTH);
const objects = `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`;

/** A recording's event, with something instead of one of its parts. */
const recordingWith = (parts: { id?: string; audio?: string; more?: string }) =>
	`{"event":"call_recording_available","id":${parts.id ?? '"wacid.A"'},"timestamp":"1","call_recording":{"audio":${parts.audio ?? '{"id":"1"}'}}${parts.more ?? ''}}`;

const JSON_TYPE = 'application/json';

export interface Body {
	name: string;
	make: Make;
	type?: string;
}

/** A recording in an odd form: an item without a file, and nothing is asked for. */
export const UNREADABLE: Body[] = [
	...(
		[
			['lists', lists],
			['objects', objects],
		] as const
	).flatMap(([what, deep]): Body[] => [
		{
			name: `100,000 levels of ${what} for the ID of a call`,
			make: () => wrapped(recordingWith({ id: deep, audio: '5' })),
		},
		{
			name: `100,000 levels of ${what} for a file`,
			make: () => wrapped(recordingWith({ audio: deep })),
		},
	]),
	{
		name: 'invalid UTF-8 for the ID of a file',
		make: () => {
			const [before = '', after = ''] = wrapped(recordingWith({ audio: '{"id":"%"}' })).split('%');
			return Buffer.concat([Buffer.from(before), Buffer.from([0xc0, 0xaf]), Buffer.from(after)]);
		},
	},
];

/** None of these holds an event: a signed one is answered 200 and forgotten, or refused by n8n itself. */
export const NOTHING_IN_THEM: Body[] = [
	{ name: 'empty', make: () => '' },
	{ name: 'text', make: () => 'hello', type: 'text/plain' },
	{ name: 'text under the name of JSON', make: () => 'hello' },
	{ name: 'HTML', make: () => '<html><script>alert(1)</script></html>', type: 'text/html' },
	{ name: 'null', make: () => 'null' },
	{ name: 'a number', make: () => '1e999' },
	{ name: 'a text in JSON', make: () => '"entry"' },
	{ name: 'an empty list', make: () => '[]' },
	{ name: 'half of a delivery', make: (good) => good.slice(0, good.length / 2) },
	{ name: 'a delivery and a bracket more', make: (good) => `${good}]` },
	{ name: 'a delivery twice', make: (good) => good + good },
	{ name: 'JSON with a comment', make: (good) => `/* x */${good}` },
	{ name: 'a delivery in UTF-16', make: (good) => Buffer.from(good, 'utf16le') },
	{
		name: 'a delivery in an unknown character set',
		make: () => '{"entry":[]}',
		type: 'application/json; charset=../../x',
	},
	{
		name: 'XML with entities of entities',
		make: () =>
			`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d SYSTEM "file:///etc/passwd">]><entry>&c;&d;</entry>`,
		type: 'application/xml',
	},
	{
		name: 'a form',
		make: () => 'entry[0][changes][0][field]=calls&__proto__[polluted]=1',
		type: 'application/x-www-form-urlencoded',
	},
	{
		name: 'a form with a file',
		make: (good) =>
			`--x\r\nContent-Disposition: form-data; name="a"; filename="../../x"\r\nContent-Type: application/json\r\n\r\n${good}\r\n--x--\r\n`,
		type: 'multipart/form-data; boundary=x',
	},
	{
		name: 'a form that does not end',
		make: () => '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n',
		type: 'multipart/form-data; boundary=x',
	},
	{ name: 'a form without a boundary', make: () => 'x', type: 'multipart/form-data' },
	...(
		[
			['lists', lists],
			['objects', objects],
			['lists that do not close', '['.repeat(DEPTH)],
		] as const
	).flatMap(([what, deep]): Body[] => [
		{ name: `100,000 levels of ${what}`, make: () => deep },
		{ name: `100,000 levels of ${what} for the entries`, make: () => `{"entry":${deep}}` },
		{ name: `100,000 levels of ${what} for an entry`, make: () => `{"entry":[${deep}]}` },
		{ name: `100,000 levels of ${what} for a call`, make: () => wrapped(deep) },
	]),
	...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'].flatMap(
		(key): Body[] => [
			{ name: `the key ${key} at the top`, make: (good) => `{"${key}":${good}}` },
			{
				name: `the key ${key} instead of an event's name`,
				make: () => wrapped(`{"event":"${key}","id":"1"}`),
			},
			{
				name: `the key ${key} with a polluted prototype everywhere`,
				make: () => {
					const poison = `"${key}":{"prototype":{"polluted":1},"polluted":1,"event":"call_recording_available"}`;
					return `{${poison},"entry":[{${poison},"id":"1","changes":[{${poison},"field":"calls","value":{${poison},"calls":[{${poison},"id":"1"}]}}]}]}`;
				},
			},
		],
	),
	{
		name: 'invalid UTF-8 in a key',
		make: () =>
			Buffer.concat([Buffer.from('{"ent'), Buffer.from([0xff, 0xfe]), Buffer.from('ry":[]}')]),
	},
	{ name: 'invalid UTF-8 alone', make: () => Buffer.alloc(1000, 0x80) },
	{ name: 'NULs', make: () => Buffer.alloc(1000) },
	{ name: '16 MB of one text', make: () => `"${'x'.repeat(MOST_BYTES - 2)}"` },
	{ name: '16 MB of digits', make: () => '1'.repeat(MOST_BYTES) },
	{ name: '16 MB of brackets', make: () => '['.repeat(MOST_BYTES) },
	{
		name: '16 MB of calls that are none',
		make: () => wrapped(`${'{},'.repeat(5 * MEBIBYTE)}{}`),
	},
	{
		name: '16 MB of entries that are none',
		make: () => `{"entry":[${'1,'.repeat(7 * MEBIBYTE)}1]}`,
	},
	{
		name: '16 MB of names of events',
		make: () =>
			wrapped(Array.from({ length: 300_000 }, (_, n) => `{"event":"e${n}","id":"1"}`).join(',')),
	},
	{
		name: '16 MB of errors beside calls that were not chosen',
		make: () =>
			wrapped(
				`${'{"event":"terminate","id":"1"},'.repeat(200_000)}{}`,
				`,"errors":[${'{"code":1},'.repeat(800_000)}{}]`,
			),
	},
];

/** Signed bodies in which a recording is that must come out, and nothing else. */
const BESIDE_A_RECORDING: Array<[string, (good: Good) => Buffer | string]> = [
	[
		'calls of 100,000 levels',
		({ body }) => body.replace('"calls":[', `"calls":[${lists},${objects},`),
	],
	['entries of 100,000 levels', ({ body }) => body.replace('"entry":[', `"entry":[${lists},`)],
	[
		'errors and contacts of 100,000 levels',
		({ body }) => body.replace('"calls":[', `"errors":${lists},"contacts":${objects},"calls":[`),
	],
	[
		'100,000 levels in a field that nobody reads',
		({ body }) => body.replace('"calls":[{', `"calls":[{"of_tomorrow":${lists},`),
	],
	[
		'a polluted prototype in each object',
		({ body }) =>
			body.replaceAll(
				'{"',
				'{"__proto__":{"polluted":1,"verified":false},"constructor":{"prototype":{"polluted":1}},"',
			),
	],
	[
		'calls that are none, 10,000 of them',
		({ body }) => body.replace('"calls":[', `"calls":[${'1,'.repeat(10_000)}`),
	],
	['blanks, 16 MB of them', ({ body }) => body + ' '.repeat(MOST_BYTES - body.length)],
	[
		'a text of 8 MB',
		({ body }) =>
			body.replace('"calls":[{', `"calls":[{"of_tomorrow":"${'x'.repeat(8 * MEBIBYTE)}",`),
	],
	[
		'invalid UTF-8 in a name',
		({ body }) =>
			withBytes(
				body.replace('"calls":[', '"contacts":[{"profile":{"name":"%%"}}],"calls":['),
				[0xc3, 0x28],
			),
	],
	[
		'a NUL, escaped, in a name',
		({ body }) =>
			body.replace('"calls":[', '"contacts":[{"profile":{"name":"\\u0000"}}],"calls":['),
	],
	[
		'half of a surrogate pair in a name',
		({ body }) =>
			body.replace('"calls":[', '"contacts":[{"profile":{"name":"\\ud800"}}],"calls":['),
	],
	[
		'the same recording a thousand times',
		({ event, body }) => body.replace('"calls":[', `"calls":[${`${event},`.repeat(1_000)}`),
	],
];

interface Good {
	/** A delivery with one recording. */
	body: string;
	/** The recording's event in it. */
	event: string;
}

/** A text with bytes instead of `%%`. */
function withBytes(text: string, bytes: number[]): Buffer {
	const [before = '', after = ''] = text.split('%%');
	return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
}

/** 16 MB of blanks, packed into 16 kB. */
const packed = gzipSync(Buffer.alloc(MOST_BYTES, ' '));

const noise = Buffer.alloc(100_000, 1);

const PACKED: Array<[string, string, Make]> = [
	['a bomb of 256 MB in gzip', 'gzip', gzipBomb],
	['a bomb of 1 GB in gzip, in 64 parts', 'gzip', gzipBombOfParts],
	['a bomb of 256 MB in deflate', 'deflate', deflateBomb],
	['a bomb of 256 MB in brotli', 'br', brotliBomb],
	['a bomb in a bomb', 'gzip', bombInBomb],
	['a bomb, packed twice by its own words', 'gzip, gzip', bombInBomb],
	['a bomb that breaks off', 'gzip', () => gzipBomb().subarray(0, -1_000)],
	['a bomb that breaks after 16 MB', 'gzip', () => Buffer.concat([packed, packed, noise])],
	['a bomb and noise behind it', 'gzip', () => Buffer.concat([gzipBomb(), noise])],
	['no gzip at all', 'gzip', (good) => good],
	['no deflate at all', 'deflate', (good) => good],
	['half of a packed delivery', 'gzip', (good) => gzipSync(good).subarray(0, 100)],
	['a delivery in an encoding that nobody knows', '../../x', (good) => gzipSync(good)],
];

export function bodyAttacks(stage: () => AttackStage): void {
	const good = async (): Promise<Good & { callId: string }> => {
		const recording = await stage().recording();
		const body = stage().body(recording);
		const calls = '"calls":[';
		const start = body.indexOf(calls) + calls.length;
		const event = body.slice(start, body.indexOf('}]}', start));
		return { body, event: `${event}}`, callId: recording.callId };
	};

	/** Sends it as anybody may, and as Meta signs it. */
	async function bothWays(body: Buffer | string, headers: Record<string, string>) {
		const unsigned = await stage().send({ body, headers });
		const signed = await stage().deliver(body, { headers });
		return { unsigned: unsigned.status, signed: signed.status };
	}

	/** The one by our answer to what is not signed, the others by n8n's to what it cannot read. */
	const REFUSED = [401, 400, 413, 422];

	describe('unreadable bodies', () => {
		it.each(NOTHING_IN_THEM.map((body) => [body.name, body] as const))(
			'A body of %s executes nothing',
			async (_, { make, type }) => {
				const body = make((await good()).body);
				await stage().survives(async () => {
					await stage().withinMemory('body', async () => {
						const statuses = await bothWays(body, { 'content-type': type ?? JSON_TYPE });
						expect(REFUSED).toContain(statuses.unsigned);
						expect([200, ...REFUSED]).toContain(statuses.signed);
					});
				});
			},
		);

		it.each([
			['16 MB and a byte more', MOST_BYTES + 1],
			['32 MB', 2 * MOST_BYTES],
		])('A body of %s is rejected', async (_, size) => {
			await stage().survives(async () => {
				await stage().withinMemory('body', async () => {
					const body = Buffer.alloc(size, ' ');
					const { unsigned, signed } = await bothWays(body, { 'content-type': JSON_TYPE });
					// n8n's answer, or an end of the connection before all was sent.
					expect([413, 500, 0]).toContain(unsigned);
					expect([413, 500, 0]).toContain(signed);
				});
			});
		});
	});

	describe('unreadable recordings', () => {
		it.each(UNREADABLE.map((body) => [body.name, body] as const))(
			'A recording with %s becomes an item with an error',
			async (_, { make }) => {
				const served = stage().internet.served.length;
				const [execution] = await stage().survives(async () => {
					expect((await stage().deliver(make(''))).status).toBe(200);
					expect(stage().internet.served).toHaveLength(served);
				}, 1);
				expect(execution?.items(TRIGGER)).toMatchObject([
					{ json: { recording: { mediaId: null, error: { reason: 'unreadable' } } } },
				]);
			},
		);
	});

	it('A delivery after a byte order mark is read', async () => {
		const recording = await stage().recording();
		const body = `\ufeff${stage().body(recording)}`;
		const [execution] = await stage().survives(async () => {
			expect((await stage().deliver(body)).status).toBe(200);
		}, 1);
		expect(execution?.items(TRIGGER)).toMatchObject([{ json: { recording: { verified: true } } }]);
	});

	describe('a recording beside hostile data', () => {
		it.each(BESIDE_A_RECORDING)('A recording comes out exactly once beside %s', async (_, make) => {
			const { body, event, callId } = await good();
			const delivered = make({ body, event });
			const [execution] = await stage().survives(async () => {
				await stage().withinMemory('body', async () => {
					expect(await bothWays(delivered, { 'content-type': JSON_TYPE })).toEqual({
						unsigned: 401,
						signed: 200,
					});
				});
			}, 1);
			const items = execution?.items(TRIGGER) ?? [];
			expect(items.map(({ json }) => [json.callId, json.recording])).toEqual([
				[callId, expect.objectContaining({ verified: true })],
			]);
			expect(items[0]?.json).not.toHaveProperty('polluted');
		});
	});

	it('An event of 100,000 levels comes out without its raw form, if that was requested', async () => {
		const { url } = await stage().addWorkflow({
			parameters: {
				registration: 'manual',
				verifyToken: 'x',
				options: { includeRawEvent: true },
			},
		});
		for (const deep of [lists, objects]) {
			const { body, callId } = await good();
			const delivered = body.replace('"calls":[{', `"calls":[{"of_tomorrow":${deep},`);
			const [execution] = await stage().survives(async () => {
				expect(await stage().deliver(delivered, { url })).toMatchObject({ status: 200 });
			}, 1);
			expect(execution?.items(TRIGGER).map(({ json }) => json)).toEqual([
				expect.objectContaining({ callId, rawEvent: null }),
			]);
		}
	});

	describe('compressed bodies', () => {
		it.each(PACKED)('A compressed body is rejected if it is %s', async (_, encoding, make) => {
			const body = make((await good()).body);
			await stage().survives(async () => {
				await stage().withinMemory('bomb', async () => {
					const { unsigned, signed } = await bothWays(body, {
						'content-type': JSON_TYPE,
						'content-encoding': encoding,
					});
					expect(unsigned).not.toBe(200);
					expect(signed).not.toBe(200);
				});
			});
		});
	});
}
