/*
 * Loaded into n8n by NODE_OPTIONS: disturbs n8n on order, which comes over HTTP at the port that stands in
 * the file DISTURBANCES_FILE. An order is JSON with some of these, and stays until another one:
 *   clockMs      added to the time that n8n sees
 *   freeBytes    so much room is left for each file of the binary store, null for enough
 *   holdAnswers  answers to webhooks are ready, but do not go out
 * The answer says how many answers are being held.
 */
const fs = require('node:fs');
const promises = require('node:fs/promises');
const http = require('node:http');

// The task runner that n8n starts inherits the environment.
if (process.argv[2] === 'start') disturb();

function disturb() {
	const orders = { clockMs: 0, freeBytes: null, holdAnswers: false };
	const held = [];
	shiftClock(orders);
	fillDisk(orders);
	holdAnswers(orders, held);

	const server = http.createServer((request, response) => {
		let body = '';
		request.on('data', (chunk) => (body += chunk));
		request.on('end', () => {
			Object.assign(orders, JSON.parse(body));
			if (!orders.holdAnswers) for (const answer of held.splice(0)) answer();
			response.end(JSON.stringify({ held: held.length }));
		});
	});
	server.listen(0, '127.0.0.1', () => {
		fs.writeFileSync(process.env.DISTURBANCES_FILE, String(server.address().port));
	});
	server.unref();
}

function shiftClock(orders) {
	const RealDate = Date;
	const realNow = RealDate.now;
	const now = () => realNow() + orders.clockMs;
	RealDate.now = now;
	globalThis.Date = new Proxy(RealDate, {
		construct: (target, args, newTarget) =>
			Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
		apply: () => new RealDate(now()).toString(),
	});
	RealDate.prototype.constructor = globalThis.Date;
}

/** n8n writes files of its binary store with this function, as a whole or as a stream. */
function fillDisk(orders) {
	const { writeFile } = promises;
	const full = () =>
		Object.assign(new Error('ENOSPC: no space left on device, write'), {
			code: 'ENOSPC',
			errno: -28,
			syscall: 'write',
		});

	async function* upTo(freeBytes, chunks) {
		for await (const chunk of chunks) {
			if (chunk.length > freeBytes) {
				if (freeBytes > 0) yield chunk.subarray(0, freeBytes);
				throw full();
			}
			freeBytes -= chunk.length;
			yield chunk;
		}
	}

	promises.writeFile = async (path, data, ...rest) => {
		const { freeBytes } = orders;
		if (freeBytes === null || !String(path).includes('/binary_data/')) {
			return await writeFile(path, data, ...rest);
		}
		const chunks = Buffer.isBuffer(data) ? [data] : data;
		return await writeFile(path, upTo(freeBytes, chunks), ...rest);
	};
}

function holdAnswers(orders, held) {
	const { end } = http.ServerResponse.prototype;
	http.ServerResponse.prototype.end = function (...args) {
		if (!orders.holdAnswers || !String(this.req?.url).startsWith('/webhook/')) {
			return end.apply(this, args);
		}
		held.push(() => end.apply(this, args));
		return this;
	};
}
