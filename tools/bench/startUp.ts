import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startN8nWithPackage } from '../../test/support/n8n';
import { ensureN8n } from '../../test/support/n8nInstall';
import { REPOSITORY } from '../../test/support/package';
import type { Samples } from './results';

interface Loaded {
	packageName: string;
	ms: number;
	heapMb: number;
	rssMb: number;
}

/** 7: what loading the package takes of n8n's start, and leaves in its memory; a start of n8n a round. */
export async function startUp(samples: Samples, rounds: number): Promise<void> {
	const env = { NODE_OPTIONS: `--require=${join(__dirname, 'loadTimer.cjs')}` };
	const n8n = await startN8nWithPackage({ env });
	try {
		for (let round = 0; round < rounds; round++) {
			if (round > 0) await n8n.restart();
			const [line] =
				n8n.log
					.text()
					.match(/(?<=^loaded )\{.*\}$/gm)
					?.slice(-1) ?? [];
			if (line === undefined) throw new Error('n8n did not say that it loaded the package');
			const { ms, heapMb, rssMb } = JSON.parse(line) as Loaded;
			samples.add({ experiment: 'startUp', variant: 'ours' }, { ms, heapMb, rssMb });
			await footprint(samples);
		}
	} finally {
		await n8n.stop();
	}
}

interface Footprint {
	isolate: { cpuMs: number; rssMb: number };
	ledger: { heapMb: number };
}

/** What one of n8n's expression isolates takes, and the ledger when it is full. */
async function footprint(samples: Samples): Promise<void> {
	const { node, folder } = await ensureN8n();
	const { stdout } = await promisify(execFile)(node, [
		'--expose-gc',
		join(__dirname, 'footprint.cjs'),
		join(folder, 'node_modules'),
		join(REPOSITORY, 'dist'),
	]);
	const { isolate, ledger } = JSON.parse(stdout) as Footprint;
	samples.add({ experiment: 'footprint', variant: 'n8n', kind: 'isolate' }, { ...isolate });
	samples.add({ experiment: 'footprint', variant: 'ours', kind: 'ledger' }, { ...ledger });
}
