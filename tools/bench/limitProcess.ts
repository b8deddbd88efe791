import { createHash, createHmac } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Agent, request } from 'undici';
import { OggOpusMeter } from '../../nodes/WhatsAppBusinessCalling/media/oggOpus';
import { takeOrders } from '../../test/support/child';
import type { Recording } from './emulatorProcess';

/** What Node itself can do: the same files downloaded, hashed in the same pass, and written to disk. */
async function download(order: {
	recordings: Recording[];
	accessToken: string;
	inFlight: number;
	folder: string;
}): Promise<{ seconds: number }> {
	const dispatcher = new Agent({ connections: order.inFlight, pipelining: 1 });
	const fetchOne = async ({ url, sha256Hex }: Recording, index: number) => {
		const { statusCode, body } = await request(url, {
			dispatcher,
			headers: { authorization: `Bearer ${order.accessToken}`, 'user-agent': 'benchmark' },
		});
		if (statusCode !== 200) throw new Error(`the emulator answered ${statusCode}`);
		const hash = createHash('sha256');
		const tap = new Transform({
			transform(chunk: Buffer, _encoding, done) {
				hash.update(chunk);
				done(null, chunk);
			},
		});
		await pipeline(body, tap, createWriteStream(join(order.folder, `limit-${index}`)));
		if (hash.digest('hex') !== sha256Hex) throw new Error('the file has another hash');
	};
	const queue = order.recordings.entries();
	const work = async () => {
		for (const [index, recording] of queue) await fetchOne(recording, index);
	};
	const began = performance.now();
	try {
		await Promise.all(Array.from({ length: order.inFlight }, work));
		return { seconds: (performance.now() - began) / 1000 };
	} finally {
		await dispatcher.close();
	}
}

/** Microseconds of one HMAC over a delivery's body, which any receiver must compute. */
function hmac({ body, count }: { body: string; count: number }): { microseconds: number } {
	const bytes = Buffer.from(body);
	const began = performance.now();
	for (let i = 0; i < count; i++) createHmac('sha256', 'a secret').update(bytes).digest();
	return { microseconds: ((performance.now() - began) * 1000) / count };
}

const CHUNK_BYTES = 64 * 1024;

/** CPU milliseconds for reading the length of 1 MB of Ogg Opus, in chunks as they come from the network. */
function audioLength({ count }: { count: number }): { cpuMs: number } {
	const file = readFileSync(join(__dirname, '../../test/fixtures/audio/call-recording.ogg'));
	const bytes = Buffer.alloc(1_000_000, file);
	const chunks: Buffer[] = [];
	for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
		chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
	}
	const before = process.cpuUsage();
	for (let i = 0; i < count; i++) {
		const meter = new OggOpusMeter();
		for (const chunk of chunks) meter.push(chunk);
		meter.result();
	}
	const { user, system } = process.cpuUsage(before);
	return { cpuMs: (user + system) / 1_000 / count };
}

const kept: object[] = [];

/** Fills the heap with live data: what V8 has to go through at each full collection. */
function fill({ megabytes }: { megabytes: number }): void {
	while (process.memoryUsage().heapUsed < megabytes * 1_000_000) {
		for (let i = 0; i < 10_000; i++) kept.push({ number: i, text: `text ${i}`, list: [i] });
	}
}

takeOrders({ audioLength, download, fill, hmac });
