import { Readable } from 'node:stream';
import { createGunzip, gzipSync } from 'node:zlib';

import {
	ResponseTooLargeError,
	MAX_BODY_BYTES,
	readBody,
} from '../../../nodes/WhatsAppBusinessCalling/http/body';
import { graphRequest } from '../../../nodes/WhatsAppBusinessCalling/graph/request';
import { ACCOUNT, fakeExecution } from '../fakes';

const NEVER = new AbortController().signal;
const BLOCK = Buffer.alloc(64 * 1024, ' ');

/** An answer without an end, which counts what was taken of it. */
function endless() {
	const taken = { bytes: 0 };
	const stream = new Readable({
		read() {
			taken.bytes += BLOCK.length;
			this.push(BLOCK);
		},
	});
	return { stream, taken };
}

describe('readBody', () => {
	it.each<[string, string, unknown]>([
		['JSON', '{"id":"1","name":"\u00e4"}', { id: '1', name: '\u00e4' }],
		['JSON behind a byte order mark', '\ufeff{"id":"1"}', { id: '1' }],
		['a number', '5', 5],
		['the largest number that is exact', '{"id":9007199254740991}', { id: 9007199254740991 }],
		['a longer number as text', '{"id":9007199254740993}', { id: '9007199254740993' }],
		['numbers in lists', '[ -90071992547409931 ,1]', ['-90071992547409931', 1]],
		['a longer fraction', '[0.12345678901234567890,1e20]', [0.12345678901234568, 1e20]],
		[
			'a number within a text',
			String.raw`{"a\":9007199254740993,":"\\\":9007199254740993,"}`,
			{ 'a":9007199254740993,': '\\":9007199254740993,' },
		],
		['a page of a proxy', '<html></html>', '<html></html>'],
		['half an answer', '{"id":', '{"id":'],
		['nothing', '', ''],
	])('The body %s is read', async (_, text, expected) => {
		// Byte by byte, so that characters come in parts.
		const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
		expect(await readBody(Readable.from(bytes), NEVER)).toEqual(expected);
	});

	it.each([[{ id: '1' }], ['text'], [null], [undefined]])(
		'A body that n8n has read already stays as it is: %j',
		async (body) => expect(await readBody(body, NEVER)).toBe(body),
	);

	it('As much is read as is allowed, and not a byte more', async () => {
		const most = Buffer.alloc(MAX_BODY_BYTES, ' ');
		most.write('1', MAX_BODY_BYTES - 1);
		expect(await readBody(Readable.from([most]), NEVER)).toBe(1);
		const more = readBody(Readable.from([most, Buffer.from(' ')]), NEVER);
		await expect(more).rejects.toBeInstanceOf(ResponseTooLargeError);
	});

	it('A long text with a long number beside it is read', async () => {
		const long = '\\"x'.repeat(MAX_BODY_BYTES / 4);
		const json = Buffer.from(`["${long}",90071992547409931]`);
		expect(await readBody(Readable.from([json]), NEVER)).toEqual([
			'"x'.repeat(MAX_BODY_BYTES / 4),
			'90071992547409931',
		]);
	});

	it('A response that does not end is dropped', async () => {
		const { stream, taken } = endless();
		await expect(readBody(stream, NEVER)).rejects.toBeInstanceOf(ResponseTooLargeError);
		expect(stream.destroyed).toBe(true);
		expect(taken.bytes).toBeLessThan(2 * MAX_BODY_BYTES);
	});

	it('The limit applies to the decompressed size', async () => {
		const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
		const unpacked = Readable.from([bomb]).pipe(createGunzip());
		await expect(readBody(unpacked, NEVER)).rejects.toBeInstanceOf(ResponseTooLargeError);
		expect(unpacked.destroyed).toBe(true);
	});

	it.each(['while it waits', 'before it begins'])(
		'The reading ends when its time is over: %s',
		async (when) => {
			const silent = new Readable({ read() {} });
			const ending = new AbortController();
			if (when === 'before it begins') ending.abort();
			const reading = readBody(silent, ending.signal);
			ending.abort();
			await expect(reading).rejects.toThrow();
			expect(silent.destroyed).toBe(true);
		},
	);

	it('The failure of the connection is the failure of the reading', async () => {
		const cut = new Readable({ read() {} });
		cut.push('{"id":');
		const reading = readBody(cut, NEVER);
		cut.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
		await expect(reading).rejects.toMatchObject({ code: 'ECONNRESET' });
	});
});

describe('graphRequest with streams', () => {
	const send = async (body: unknown) => {
		const { context, sent } = fakeExecution({}, () => ({ statusCode: 200, body }));
		const result = await graphRequest(context, ACCOUNT, {
			method: 'GET',
			path: '1',
			repeat: 'never',
		});
		return { result, sent };
	};

	it('Streams are requested and read', async () => {
		const { result, sent } = await send(Readable.from([Buffer.from('{"id":"1"}')]));
		expect(result).toEqual({ ok: true, value: { id: '1' } });
		expect(sent[0].encoding).toBe('stream');
	});

	it('A response that does not end is reported as unreadable', async () => {
		const { result } = await send(endless().stream);
		expect(result).toMatchObject({
			ok: false,
			failure: { kind: 'unreadable', message: 'The response is larger than 2 MB', transient: true },
		});
	});
});
