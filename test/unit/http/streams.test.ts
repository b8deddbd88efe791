import { Readable } from 'node:stream';

import { discard, isFileStream } from '../../../nodes/WhatsAppBusinessCalling/http/streams';

const BYTES = Buffer.from('OggS and so on');

describe('isFileStream', () => {
	it.each([
		['a stream', Readable.from([]), true],
		['bytes', BYTES, false],
		['a text', 'x', false],
		['null', null, false],
		['an object', { pipe: 1 }, false],
	])('A file stream is told from other values: %s', (_, body, is) =>
		expect(isFileStream(body)).toBe(is),
	);
});

describe('discard', () => {
	it('A stream is destroyed, whatever it emits', async () => {
		const stream = new Readable({
			read: () => undefined,
			destroy: (_, done) => done(new Error('socket hang up')),
		});
		discard(stream);
		expect(stream.destroyed).toBe(true);
		await new Promise((resolve) => stream.once('close', resolve));
	});

	it.each([null, undefined, 'text', BYTES, {}])(
		'A value that is no stream is left alone: %j',
		(body) => {
			expect(() => discard(body)).not.toThrow();
		},
	);
});
