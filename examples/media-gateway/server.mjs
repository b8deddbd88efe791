import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { Call, CallError } from './call.mjs';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_REMEMBERED = 200;
const ROUTE = /^\/(answer|offer|health|calls\/([^/]+)(?:\/(answer|accepted))?)$/;

/** The calls of the gateway and the HTTP interface to them. `listen` and `close` are those of Node. */
export function createGateway(settings) {
	/** By our ID; ended calls stay for a while, so that somebody can ask how they ended. */
	const calls = new Map();

	const find = (name) => {
		const call = calls.get(name) ?? [...calls.values()].find(({ callId }) => callId === name);
		if (!call) throw new CallError(404, 'There is no such call');
		return call;
	};

	const ended = (call) => {
		settings.log(`call ${call.callId ?? call.id} ended: ${call.reason}`);
		// The newest stay, because a map keeps the order of insertion.
		calls.delete(call.id);
		calls.set(call.id, call);
		const old = [...calls.values()].filter(({ state }) => state === 'ended');
		for (const { id } of old.slice(0, -MAX_REMEMBERED)) calls.delete(id);
	};

	const newCall = () => {
		const running = [...calls.values()].filter(({ state }) => state !== 'ended');
		if (running.length >= settings.maxCalls) throw new CallError(503, 'All lines are busy');
		const call = new Call(settings, ended);
		calls.set(call.id, call);
		return call;
	};

	/** The same offer again (Pre-Accept and Accept, a retry) gets the same answer. */
	const answering = new Map();
	async function answer({ callId, sdp }) {
		requireText({ callId, sdp });
		const known = [...calls.values()].find((call) => call.callId === callId);
		if (known) {
			if (known.remoteSdp !== sdp) throw new CallError(409, 'The call has another offer already');
			if (known.state === 'ended') throw new CallError(409, 'The call has ended');
			return [200, { sdp: await answering.get(known) }];
		}
		const call = newCall();
		call.callId = callId;
		const answered = call.answer(sdp);
		answering.set(call, answered);
		try {
			settings.log(`call ${callId}: offer answered`);
			return [200, { sdp: await answered }];
		} catch (error) {
			call.end('the offer does not fit');
			throw error;
		}
	}

	async function offer() {
		const call = newCall();
		const sdp = await call.offer();
		settings.log(`call ${call.id}: offer made`);
		return [201, { id: call.id, sdp }];
	}

	async function accept(name, { sdp }) {
		requireText({ sdp });
		const call = find(name);
		await call.accept(sdp);
		return [200, call.report()];
	}

	function accepted(name) {
		const call = find(name);
		call.accepted();
		return [200, call.report()];
	}

	function rename(name, { callId }) {
		requireText({ callId });
		const call = find(name);
		if ((call.callId ?? callId) !== callId) throw new CallError(409, 'The call has another ID');
		call.callId = callId;
		return [200, call.report()];
	}

	function hangUp(name) {
		find(name).end('hung up');
		return [204];
	}

	/** Gives status and body. */
	async function handle(request) {
		requireSecret(request, settings.secret);
		const { pathname } = new URL(request.url, 'http://gateway');
		const [, path, name = '', part = 'call'] = ROUTE.exec(pathname) ?? [];
		if (path === undefined) throw new CallError(404, `There is nothing at ${pathname}`);
		const call = decode(name);
		const routes = {
			answer: { POST: async () => await answer(await bodyOf(request)) },
			offer: { POST: async () => await offer() },
			health: { GET: () => [200, { calls: calls.size }] },
		};
		const callRoutes = {
			call: {
				GET: () => [200, find(call).report()],
				PUT: async () => rename(call, await bodyOf(request)),
				DELETE: () => hangUp(call),
			},
			answer: { PUT: async () => await accept(call, await bodyOf(request)) },
			accepted: { PUT: () => accepted(call) },
		};
		const methods = routes[path] ?? callRoutes[part];
		const route = methods[request.method];
		if (!route) throw new CallError(405, `Only ${Object.keys(methods).join(', ')} here`);
		return await route();
	}

	const server = createServer((request, response) => {
		handle(request)
			.catch((error) => {
				if (error instanceof CallError) return [error.status, { error: error.message }];
				settings.log(`${request.method} ${request.url}: ${error.stack}`);
				return [500, { error: 'The gateway failed; its log says why' }];
			})
			.then(([status, body]) => {
				// A connection closed with a part of the body unread would take the answer with it.
				request.resume();
				if (body) response.setHeader('content-type', 'application/json');
				response.writeHead(status).end(body && JSON.stringify(body));
			});
	});
	server.requestTimeout = 10_000;
	server.on('close', () => {
		for (const call of calls.values()) call.end('the gateway stops');
	});
	return server;
}

function requireSecret({ headers }, secret) {
	if (secret === undefined) return;
	const given = Buffer.from(headers.authorization ?? '');
	const wanted = Buffer.from(`Bearer ${secret}`);
	if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
		throw new CallError(401, 'The secret is missing or wrong');
	}
}

function requireText(fields) {
	for (const [name, value] of Object.entries(fields)) {
		if (typeof value !== 'string' || value === '') {
			throw new CallError(400, `The body needs "${name}", a text`);
		}
	}
}

function decode(name) {
	try {
		return decodeURIComponent(name);
	} catch {
		throw new CallError(404, 'There is no such call');
	}
}

async function bodyOf(request) {
	const chunks = [];
	let bytes = 0;
	for await (const chunk of request.iterator({ destroyOnReturn: false })) {
		bytes += chunk.length;
		if (bytes > MAX_BODY_BYTES) throw new CallError(413, 'The body is too long');
		chunks.push(chunk);
	}
	try {
		const body = JSON.parse(Buffer.concat(chunks).toString());
		if (typeof body === 'object' && body !== null) return body;
	} catch {
		// Not JSON.
	}
	throw new CallError(400, 'The body must be a JSON object');
}
