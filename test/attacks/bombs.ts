import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';

const MEBIBYTE = 1024 * 1024;

const BLANKS = Buffer.alloc(256 * MEBIBYTE, ' ');

const once = (make: () => Buffer) => {
	let made: Buffer | undefined;
	return () => (made ??= make());
};

/** A file in one part, which unpacks to 256 MB. */
export const gzipBomb = once(() => gzipSync(BLANKS, { level: 1 }));

/** The file of one part 64 times, one behind the other: 1 GB. */
export const gzipBombOfParts = once(() => {
	const part = gzipSync(BLANKS.subarray(0, 16 * MEBIBYTE));
	return Buffer.concat(Array<Buffer>(64).fill(part));
});

export const bombInBomb = once(() => gzipSync(gzipBombOfParts()));

export const deflateBomb = once(() => deflateSync(BLANKS, { level: 1 }));

export const brotliBomb = once(() =>
	brotliCompressSync(BLANKS, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
);
