import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import manifest from '../../package.json';
import { N8N_VERSION } from '../../test/support/n8nInstall';
import { stopAll } from '../../test/support/processes';
import { chartOf } from './chart';
import { EXPERIMENTS, ledger, sharedAddress, warmUp, type Bench } from './experiments';
import { memory } from './memory';
import { profile } from './profile';
import { report } from './report';
import {
	BENCHMARKS,
	ENGINES,
	readResults,
	Samples,
	withPart,
	type Engine,
	type Machine,
	type Results,
} from './results';
import { settings } from './settings';
import { Stage, startWorld, type World } from './stage';
import { startUp } from './startUp';
import type { Variant } from './workflows';

const USAGE = `Measures the trigger in a real n8n against the hand-built workflow, n8n's own floor and a bare Node program.

npm run bench [-- --only 1,4] [-- --engine legacy] [-- --rounds 5] [-- --add]

  --only      numbers of what is measured, 1 to 11 (see benchmarks/README.md)
  --engine    default or legacy (n8n's expression engines), or lazy (default, with the recommended setting)
  --rounds    5, unless told
  --add       writes a part into the results of the last whole run, with its date and number of rounds

A run of everything, in at least 5 rounds, writes benchmarks/results.json and its chart; then
\`npm run docs\` writes docs/performance.md. A part is only printed.`;

const ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const RECORDINGS = 1;
const MEMORY = 3;
const LEDGER = 6;
const START_UP = 7;
const SETTINGS = 8;
const PROFILE = 9;
const SHARED_ADDRESS = 10;
/** What the recommended setting changes shows in the recordings; the rest would say what the others say. */
const OF_LAZY = [RECORDINGS];
const WARM_UP: Variant[] = [
	'ours',
	'ownWebhook',
	'handBuilt',
	'floor',
	'floorDownload',
	'oursMetadata',
	'floorEcho',
	'bareWebhook',
];

function options() {
	const { values } = parseArgs({
		options: {
			only: { type: 'string' },
			engine: { type: 'string' },
			rounds: { type: 'string', default: '5' },
			add: { type: 'boolean', default: false },
			help: { type: 'boolean', short: 'h', default: false },
		},
	});
	const numbers = values.only?.split(',').map(Number) ?? ALL;
	const engines = (values.engine?.split(',') ?? Object.keys(ENGINES)) as Engine[];
	const rounds = Number(values.rounds);
	const isRight =
		numbers.every((number) => ALL.includes(number)) &&
		engines.every((engine) => engine in ENGINES) &&
		rounds >= 1;
	return { numbers, engines, rounds, add: values.add, help: values.help || !isRight };
}

const began = performance.now();

function say(what: string): void {
	const seconds = Math.round((performance.now() - began) / 1000);
	console.log(`${String(seconds).padStart(5)} s  ${what}`);
}

async function ofEngine(bench: Bench, numbers: number[]): Promise<void> {
	const wanted = EXPERIMENTS.filter((one) =>
		one.numbers.some((number) => numbers.includes(number)),
	);
	if (wanted.length > 0) {
		const stage = await Stage.start(bench.world, ENGINES[bench.engine]);
		try {
			say(`${bench.engine} engine: warming up`);
			await warmUp(stage, WARM_UP, bench.engine === 'default' ? 20 : 60);
			await stage.check();
			for (const { name, run } of wanted) {
				say(`${bench.engine} engine: ${name}`);
				await run(bench, stage);
			}
		} finally {
			await stage.stop();
		}
	}
	if (numbers.includes(LEDGER)) {
		say(`${bench.engine} engine: the ledger`);
		await ledger(bench);
	}
	if (numbers.includes(SHARED_ADDRESS)) {
		say(`${bench.engine} engine: triggers that share an address`);
		await sharedAddress(bench);
	}
}

async function measure(
	world: World,
	{ numbers, engines, rounds }: ReturnType<typeof options>,
): Promise<Results> {
	const samples = new Samples();
	for (const engine of engines) {
		const wanted =
			engine === 'lazy' ? numbers.filter((number) => OF_LAZY.includes(number)) : numbers;
		await ofEngine({ world, samples, rounds, engine }, wanted);
	}
	const others = engines.filter((engine) => engine !== 'lazy');
	if (numbers.includes(MEMORY)) {
		say('memory');
		await memory(world, samples, rounds, others);
	}
	if (numbers.includes(START_UP)) {
		say('start-up');
		await startUp(samples, rounds);
	}
	if (numbers.includes(SETTINGS)) {
		say("n8n's settings");
		await settings(world, samples, rounds);
	}
	if (numbers.includes(PROFILE)) {
		say('where the time goes');
		await profile(world, samples, rounds, others);
	}
	return {
		version: manifest.version,
		date: new Date().toISOString().slice(0, 10),
		rounds,
		machine: machine(),
		rows: samples.rows,
	};
}

function machine(): Machine {
	const processors = cpus();
	return {
		cores: processors.length,
		cpu: processors[0].model.trim(),
		memoryGb: Math.round(totalmem() / 2 ** 30),
		platform: `${process.platform} ${process.arch}`,
		node: process.versions.node,
		n8n: N8N_VERSION,
	};
}

async function main(): Promise<void> {
	const chosen = options();
	if (chosen.help) return console.log(USAGE);
	const world = await startWorld();
	try {
		const results = await measure(world, chosen);
		say('done');
		console.log(`\n${report(results)}`);
		const isWhole =
			chosen.numbers.length === ALL.length &&
			chosen.engines.length === Object.keys(ENGINES).length &&
			chosen.rounds >= 5;
		const last = chosen.add ? readResults() : null;
		if (!isWhole && last === null) return;
		const all = last === null ? results : withPart(last, results);
		await mkdir(BENCHMARKS, { recursive: true });
		await writeFile(
			join(BENCHMARKS, 'results.json'),
			`${JSON.stringify(all, null, '\t').replace(/\[\s+([-\d.,\s]+?)\s+\]/g, (_, list: string) => `[${list.replace(/\s+/g, ' ')}]`)}\n`,
		);
		if (isWhole) await writeFile(join(BENCHMARKS, 'chart.svg'), chartOf(all));
	} finally {
		await world.stop();
	}
}

process.on('SIGINT', () => {
	stopAll();
	process.exit(130);
});

main().catch((error: unknown) => {
	console.error(error);
	process.exitCode = 1;
});
