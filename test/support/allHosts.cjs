/*
 * Loaded into n8n by NODE_OPTIONS: whatever n8n connects to, on whatever host and port, it comes out at the
 * listener on the port INTERNET_PORT of loopback. Left alone is loopback itself, but for the ports of the
 * web: there are n8n's own parts and the servers of the tests.
 *
 * On SIGUSR2 it writes to INTERNET_REPORT which names were added to the prototypes of this process.
 */
const net = require('node:net');
const { renameSync, writeFileSync } = require('node:fs');

const port = Number(process.env.INTERNET_PORT);
const connect = net.Socket.prototype.connect;

function staysHere({ path, host, port: wanted }) {
	if (path) return true;
	const loopback = host === undefined || host === '127.0.0.1' || host === 'localhost';
	return loopback && ![80, 443].includes(Number(wanted));
}

net.Socket.prototype.connect = function (...args) {
	const [options, callback] = Array.isArray(args[0]) ? args[0] : net._normalizeArgs(args);
	if (staysHere(options)) return connect.apply(this, args);
	const { lookup, autoSelectFamily, family, ...rest } = options;
	return connect.call(this, { ...rest, host: '127.0.0.1', port }, callback);
};

const ownKeys = (object) => Reflect.ownKeys(object).map(String);
const NATIVE = { object: ownKeys(Object.prototype), array: ownKeys(Array.prototype) };

process.on('SIGUSR2', () => {
	const added = [
		...ownKeys(Object.prototype).filter((key) => !NATIVE.object.includes(key)),
		...ownKeys(Array.prototype).filter((key) => !NATIVE.array.includes(key)),
	];
	const file = process.env.INTERNET_REPORT;
	writeFileSync(`${file}.unfinished`, JSON.stringify({ added, pid: process.pid }));
	renameSync(`${file}.unfinished`, file);
});
