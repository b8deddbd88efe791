import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, prepareN8n } from '../support/n8n';
import { isReadyAt } from '../support/n8nClient';
import { freePorts, sleep } from '../support/processes';

const SOON_MS = 10;

interface Seen {
	/** Whether n8n had said that it is ready, before it was asked. */
	ready: boolean;
	/** Milliseconds since 1970. */
	at: number;
	status: number;
	text: string;
}

/**
 * n8n's own doing, before any node is loaded. As long as this test passes, docs/reliability.md tells
 * operators what to put in front of n8n; if n8n fixes it, the page and this test can go.
 */
it('n8n answers every request with 200 while it starts, and its readiness check says that it is not ready', async () => {
	const { installation } = await prepareN8n();
	const userFolder = await mkdtemp(join(tmpdir(), 'n8n-starting-'));
	const [port = 0] = await freePorts(1);
	let isOver = false;
	const watching = watch(`http://127.0.0.1:${port}`, () => isOver);
	try {
		const n8n = await launch(installation, userFolder, port, {});
		isOver = true;
		await n8n.stop();
	} finally {
		isOver = true;
		await rm(userFolder, { recursive: true, force: true, maxRetries: 3 });
	}
	const seen = await watching;
	const accepted = seen.filter(({ status }) => status === 200);
	expect(accepted.length).toBeGreaterThan(0);
	expect(new Set(accepted.map(({ text }) => text))).toEqual(
		new Set(['n8n is starting up. Please wait']),
	);
	expect(accepted.filter(({ ready }) => ready)).toEqual([]);
	const milliseconds = accepted.at(-1)!.at - accepted[0].at;
	process.stdout.write(`\nn8n's first start answered 200 to everything for ${milliseconds} ms.\n`);
}, 180_000);

/** Sends a delivery again and again, for which there is no workflow. */
async function watch(url: string, isOver: () => boolean): Promise<Seen[]> {
	const seen: Seen[] = [];
	while (!isOver()) {
		try {
			const ready = await isReadyAt(url);
			const response = await fetch(`${url}/webhook/none/webhook`, { method: 'POST', body: '{}' });
			seen.push({ ready, at: Date.now(), status: response.status, text: await response.text() });
		} catch {
			// Nobody listens yet.
		}
		await sleep(SOON_MS);
	}
	return seen;
}
