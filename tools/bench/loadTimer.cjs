// Preloaded into n8n: tells what loading each community package took, and what it left in memory.
const Module = require('node:module');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

const original = Module._load;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

function used() {
	collectGarbage();
	const { heapUsed, external, rss } = process.memoryUsage();
	return { heap: heapUsed + external, rss };
}

Module._load = function (request, ...rest) {
	const loaded = original.call(this, request, ...rest);
	const loader = request === 'n8n-core' && loaded.PackageDirectoryLoader;
	if (loader) {
		Module._load = original;
		const { loadAll } = loader.prototype;
		loader.prototype.loadAll = async function () {
			const before = used();
			const started = performance.now();
			await loadAll.call(this);
			const ms = performance.now() - started;
			const after = used();
			const heapMb = (after.heap - before.heap) / 1e6;
			const rssMb = (after.rss - before.rss) / 1e6;
			const { packageName } = this;
			console.log(`loaded ${JSON.stringify({ packageName, ms, heapMb, rssMb })}`);
		};
	}
	return loaded;
};
