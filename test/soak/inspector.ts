import { WebSocket } from 'undici';
import type { N8n } from '../support/n8n';
import { poll } from '../support/processes';

/** So that the inspector, when it is asked to open, takes any free port on loopback. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' };

/** What is in the memory of the n8n process when nothing is under way. */
export interface Inside {
	/** Keys in the ledger: delivered, on their way, and waiting for their file. */
	delivered: number;
	inFlight: number;
	firstSeen: number;
	/** Downloads that run, and that wait for their turn. */
	running: number;
	queued: number;
}

/** What every delivery brings with it, and nothing may keep. */
export interface Kept {
	webhookContexts: number;
	requests: number;
	responses: number;
}

interface RemoteObject {
	objectId?: string;
	value?: unknown;
	description?: string;
}

interface Waiting {
	resolve: (result: unknown) => void;
	reject: (error: Error) => void;
}

/** A module that n8n has loaded, by the end of its path. Private fields are so for TypeScript only. */
const loaded = (path: string) =>
	`Object.values(process.mainModule.constructor._cache).find(({ filename }) => filename.endsWith('${path}')).exports`;

const LEDGER = `(() => {
	const { ledger } = ${loaded('/WhatsAppBusinessCalling/delivery/ledger.js')};
	return {
		delivered: ledger.delivered.size,
		inFlight: ledger.inFlight.size,
		firstSeen: ledger.firstSeen.size,
	};
})()`;

/** Each trigger has its own, of a limit that all share. */
const DOWNLOAD_SLOTS = `${loaded('/WhatsAppBusinessCalling/media/downloadSlots.js')}.DownloadSlots`;

const SUM_OF_SLOTS = `function () {
	const limits = new Set(this.map(({ common }) => common));
	const sum = (list, amount) => [...list].reduce((total, one) => total + amount(one), 0);
	return {
		running: sum(limits, ({ inUse }) => inUse),
		queued: sum(this, ({ queue }) => queue.length),
	};
}`;

const CLASSES: Record<keyof Kept, string> = {
	webhookContexts: `${loaded('/node-execution-context/webhook-context.js')}.WebhookContext`,
	requests: `process.mainModule.require('http').IncomingMessage`,
	responses: `process.mainModule.require('http').ServerResponse`,
};

const OPEN_TIMEOUT_MS = 30_000;
const MEBIBYTE = 1024 * 1024;

/**
 * Looks into the running n8n with Node's own inspector, which opens on a signal: so n8n needs no change
 * and the package no test hook, and nothing listens before someone looks.
 */
export class Inspector {
	private lastId = 0;

	private readonly waiting = new Map<number, Waiting>();

	/** The download slots of each trigger, in n8n. */
	private slots: string | undefined;

	private constructor(private readonly socket: WebSocket) {
		socket.addEventListener('message', ({ data }) => {
			const reply = JSON.parse(String(data)) as {
				id: number;
				result?: unknown;
				error?: { message: string };
			};
			const waiting = this.waiting.get(reply.id);
			this.waiting.delete(reply.id);
			if (reply.error) waiting?.reject(new Error(reply.error.message));
			else waiting?.resolve(reply.result);
		});
		socket.addEventListener('close', () => {
			for (const { reject } of this.waiting.values()) reject(new Error('n8n has ended'));
		});
	}

	static async open(n8n: N8n): Promise<Inspector> {
		process.kill(n8n.pid(), 'SIGUSR1');
		const url = await poll(
			'inspector of n8n',
			OPEN_TIMEOUT_MS,
			async () => /Debugger listening on (ws:\S+)/.exec(n8n.log.text())?.[1],
		);
		const socket = new WebSocket(url);
		await new Promise<void>((resolve, reject) => {
			socket.addEventListener('open', () => resolve());
			socket.addEventListener('error', () => reject(new Error(`No connection to ${url}`)));
		});
		return new Inspector(socket);
	}

	/**
	 * Can be asked under load, when each trigger has had its first download. Only the first call looks for objects in
	 * the heap, which stops n8n for as long as a full collection of garbage takes.
	 */
	async inside(): Promise<Inside> {
		this.slots ??= await this.allOf(DOWNLOAD_SLOTS, 'slots');
		return {
			...(await this.evaluate<Omit<Inside, 'running' | 'queued'>>(LEDGER)),
			...(await this.callOn<Pick<Inside, 'running' | 'queued'>>(this.slots, SUM_OF_SLOTS)),
		};
	}

	/** Objects that are alive after a collection of garbage. */
	async kept(): Promise<Kept> {
		return {
			webhookContexts: await this.count(CLASSES.webhookContexts),
			requests: await this.count(CLASSES.requests),
			responses: await this.count(CLASSES.responses),
		};
	}

	/** What is really in use, in MB, of the heap and of buffers: after a full collection of garbage. */
	async liveMegabytes(): Promise<number> {
		// What is finalized in the first round is freed in the second.
		await this.send('HeapProfiler.collectGarbage');
		await this.send('HeapProfiler.collectGarbage');
		const { heapUsed, external } = await this.evaluate<NodeJS.MemoryUsage>('process.memoryUsage()');
		return (heapUsed + external) / MEBIBYTE;
	}

	/** With garbage. */
	async heapMegabytes(): Promise<number> {
		const { usedSize } = await this.send<{ usedSize: number }>('Runtime.getHeapUsage');
		return usedSize / MEBIBYTE;
	}

	private async evaluate<Value>(expression: string): Promise<Value> {
		const { value } = await this.run(expression, { returnByValue: true });
		return value as Value;
	}

	private async count(constructorExpression: string): Promise<number> {
		const objectGroup = 'all';
		try {
			const all = await this.allOf(constructorExpression, objectGroup);
			return await this.callOn<number>(all, 'function () { return this.length; }');
		} finally {
			await this.send('Runtime.releaseObjectGroup', { objectGroup });
		}
	}

	/** A list of all living objects of a class, in n8n. */
	private async allOf(constructorExpression: string, objectGroup: string): Promise<string> {
		const { objectId } = await this.run(`${constructorExpression}.prototype`, { objectGroup });
		const { objects } = await this.send<{ objects: { objectId: string } }>('Runtime.queryObjects', {
			prototypeObjectId: objectId,
			objectGroup,
		});
		return objects.objectId;
	}

	private async callOn<Value>(objectId: string, functionDeclaration: string): Promise<Value> {
		const { result } = await this.send<{ result: RemoteObject }>('Runtime.callFunctionOn', {
			objectId,
			functionDeclaration,
			returnByValue: true,
		});
		return result.value as Value;
	}

	private async run(expression: string, options: object): Promise<RemoteObject> {
		const { result, exceptionDetails } = await this.send<{
			result: RemoteObject;
			exceptionDetails?: unknown;
		}>('Runtime.evaluate', { expression, ...options });
		if (exceptionDetails) throw new Error(`In n8n: ${result.description ?? expression}`);
		return result;
	}

	close(): void {
		this.socket.close();
	}

	private async send<Result>(method: string, params: object = {}): Promise<Result> {
		const id = ++this.lastId;
		return await new Promise<Result>((resolve, reject) => {
			this.waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
			this.socket.send(JSON.stringify({ id, method, params }));
		});
	}
}
