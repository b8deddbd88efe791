import { setTimeout as sleep } from 'node:timers/promises';
import { startEmulator, type DeliveryRecord, type Emulator } from '../../emulator';
import { takeOrders } from '../support/child';
import { credentialData } from '../support/workflow';
import { arrivals, type Pace } from './pace';
import { Random } from './random';
import { CountingStorage, type ItemTally } from './countingStorage';
import { Traffic, type Kind, type PlannedDelivery } from './traffic';

/** What the world outside is asked to do, and what it answers. */
export interface Orders {
	/** The addresses of the workflows that take the deliveries. */
	begin: { order: { urls: [string, ...string[]]; seed: number }; answer: void };
	/** So many deliveries under way at a time: how many get through. */
	closedLoop: { order: { inFlight: number; ms: number }; answer: { deliveriesPerSecond: number } };
	/** By the clock, whatever the answers are. Ends when the last one was sent. */
	openLoop: { order: Pace; answer: { latestMs: number } };
	/** Waits until nothing is under way any more; false when the time is over before. */
	settle: { order: { timeoutMs: number }; answer: boolean };
	/** What happened since the last report, and all items since the beginning. */
	report: { order: object; answer: Report };
}

export interface Standing {
	credential: Record<string, string>;
	phoneNumberId: string;
	storageUrl: string;
}

interface Figures {
	deliveries: number;
	kinds: Partial<Record<Kind, number>>;
	/** Attempts after the first one. */
	redeliveries: number;
	/** How often each status was answered; 0 where there was none within Meta's 20 seconds. */
	answers: Record<string, number>;
	/** Deliveries that did not end with the answer that they should. */
	wrong: string[];
	/** Files that n8n has fetched, or begun to. */
	downloads: number;
}

export interface Report extends Figures {
	/** Of all attempts, in milliseconds. */
	answerMs: { median: number; p95: number; max: number };
	items: ItemTally;
}

/** Meta publishes only that the gaps grow; these bring what was refused back within the run. */
const REDELIVERY_DELAYS_MS = [5, 15, 45, ...Array<number>(20).fill(60)].map((s) => s * 1000);
const FORGET_EVERY_MS = 5_000;
const NAMED = 20;
/** Answers to a forgery: refused; or n8n is overloaded, and answers 503 by itself or not in time. */
const NO = new Set([401, 503, 0]);

const noFigures = (): Figures => ({
	deliveries: 0,
	kinds: {},
	redeliveries: 0,
	answers: {},
	wrong: [],
	downloads: 0,
});

/** Meta and the operator's storage, and the load between them. */
class Outside {
	private traffic: Traffic | undefined;

	private random = new Random(0);

	private readonly underWay = new Set<Promise<void>>();

	private durations: number[] = [];

	private figures = noFigures();

	private constructor(
		private readonly emulator: Emulator,
		private readonly storage: CountingStorage,
	) {
		setInterval(() => this.forget(), FORGET_EVERY_MS).unref();
	}

	static async start(): Promise<Outside> {
		const emulator = await startEmulator({ redeliveryDelaysMs: REDELIVERY_DELAYS_MS });
		return new Outside(emulator, await new CountingStorage().start());
	}

	get standing(): Standing {
		const { account } = this.emulator;
		return {
			credential: credentialData(this.emulator),
			phoneNumberId: account.phoneNumbers[0].id,
			storageUrl: this.storage.url,
		};
	}

	readonly carryOut: {
		[Name in keyof Orders]: (order: Orders[Name]['order']) => Promise<Orders[Name]['answer']>;
	} = {
		begin: async ({ urls, seed }) => {
			this.random = new Random(seed);
			this.traffic = await Traffic.create(this.emulator, urls, this.random);
		},

		closedLoop: async ({ inFlight, ms }) => {
			const started = performance.now();
			let done = 0;
			const work = async () => {
				while (performance.now() - started < ms) {
					const sent = await this.send();
					await Promise.all(sent);
					if (performance.now() - started < ms) done += sent.length;
				}
			};
			await Promise.all(Array.from({ length: inFlight }, work));
			return { deliveriesPerSecond: (done / ms) * 1000 };
		},

		openLoop: async (pace) => {
			const started = performance.now();
			let latestMs = 0;
			for (const at of arrivals(pace, this.random)) {
				const early = started + at - performance.now();
				if (early > 0) await sleep(early);
				else latestMs = Math.max(latestMs, -early);
				// What becomes of them is counted when it is known.
				void (await this.send());
			}
			return { latestMs };
		},

		settle: async ({ timeoutMs }) => {
			const timer = new AbortController();
			const settled = await Promise.race([
				this.idle().then(() => true),
				sleep(timeoutMs, false, { signal: timer.signal }),
			]);
			timer.abort();
			return settled;
		},

		report: async () => {
			this.forget();
			const durations = this.durations.toSorted((a, b) => a - b);
			const at = (share: number) => durations[Math.floor((durations.length - 1) * share)] ?? 0;
			const { figures } = this;
			this.durations = [];
			this.figures = noFigures();
			return {
				...figures,
				answerMs: { median: at(0.5), p95: at(0.95), max: at(1) },
				items: this.storage.tally(),
			};
		},
	};

	/** Sends what comes next. Each promise resolves when a delivery is settled and its items are here. */
	private async send(): Promise<Array<Promise<void>>> {
		const planned = (await this.traffic?.next()) ?? [];
		return planned.map((delivery) => {
			const work = this.deliver(delivery);
			this.underWay.add(work);
			void work.finally(() => this.underWay.delete(work));
			return work;
		});
	}

	private async deliver(planned: PlannedDelivery): Promise<void> {
		const { kind, updates, options, items } = planned;
		const { figures } = this;
		this.storage.expect(items);
		figures.deliveries++;
		figures.kinds[kind] = (figures.kinds[kind] ?? 0) + 1;
		this.note(planned, await this.emulator.deliver(updates, options).settled);
		await this.storage.arrived(items);
	}

	private note({ kind, genuine }: PlannedDelivery, { attempts }: DeliveryRecord): void {
		const { figures } = this;
		figures.redeliveries += attempts.length - 1;
		for (const { status, durationMs } of attempts) {
			this.durations.push(durationMs);
			figures.answers[status] = (figures.answers[status] ?? 0) + 1;
		}
		const statuses = attempts.map(({ status }) => status);
		const right = genuine ? statuses.at(-1) === 200 : statuses.every((status) => NO.has(status));
		if (!right && figures.wrong.length < NAMED) {
			figures.wrong.push(`${kind}: ${statuses.join(', ')}`);
		}
	}

	private async idle(): Promise<void> {
		while (this.underWay.size > 0) await Promise.all(this.underWay);
	}

	/** The emulator keeps every request and delivery for tests to look at: here for a while only. */
	private forget(): void {
		this.figures.downloads += this.emulator.requests.filter(({ kind }) => kind === 'media').length;
		this.emulator.forget();
	}
}

/**
 * A process of its own, so that the processor time of the world outside is told from that of n8n, and
 * the clock of the load from the work of measuring.
 */
async function main(): Promise<void> {
	const { standing, carryOut } = await Outside.start();
	takeOrders({ ...carryOut, standing: () => standing });
}

if (require.main === module) void main();
