// Started with `node --expose-gc`: what one expression isolate of n8n takes, and what the package's memory
// against duplicates takes when it is full. Prints JSON.
const { createRequire } = require('node:module');
const { join } = require('node:path');

const [modules, dist] = process.argv.slice(2);
const ISOLATES = 20;
const MB = 1_000_000;

async function isolates() {
	const load = createRequire(join(modules, 'n8n', 'package.json'));
	const { IsolatedVmBridge } = load('@n8n/expression-runtime');
	const logger = { error() {}, warn() {}, info() {}, debug() {} };
	const make = async () => {
		const bridge = new IsolatedVmBridge({ timeout: 5_000, memoryLimit: 128, logger });
		await bridge.initialize();
		return bridge;
	};
	for (let warmUp = 0; warmUp < 5; warmUp++) await (await make()).dispose();
	global.gc();
	const resident = process.memoryUsage.rss();
	const cpu = process.cpuUsage();
	const held = [];
	for (let count = 0; count < ISOLATES; count++) held.push(await make());
	const { user, system } = process.cpuUsage(cpu);
	return {
		cpuMs: (user + system) / 1_000 / held.length,
		rssMb: (process.memoryUsage.rss() - resident) / MB / held.length,
	};
}

function ledger() {
	const { Ledger } = require(join(dist, 'nodes/WhatsAppBusinessCalling/delivery/ledger.js'));
	const { hash } = require('node:crypto');
	const heap = () => {
		global.gc();
		return process.memoryUsage().heapUsed;
	};
	const before = heap();
	const filled = new Ledger();
	for (let event = 0; event < 100_000; event++) {
		const key = hash('sha256', String(event), 'base64url');
		filled.claim(key);
		filled.commit(key);
	}
	const heapMb = (heap() - before) / MB;
	if (!filled.hasDelivered(hash('sha256', '1', 'base64url')))
		throw new Error('The ledger has forgotten an event');
	return { heapMb };
}

isolates().then((isolate) => {
	console.log(JSON.stringify({ isolate, ledger: ledger() }));
	// Isolates keep the process alive.
	process.exit(0);
});
