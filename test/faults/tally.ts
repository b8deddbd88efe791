import { basename, join, relative } from 'node:path';
import type { FileStore } from '../support/fileStore';
import { filesBelow } from '../support/files';
import type { CreatedRecording } from '../../emulator';
import { fileFieldsOf, itemsOf, type FaultStage } from './faultStage';

/**
 * Why a recording comes out twice, where it may: n8n had stored the execution when it was killed, and had
 * not answered; or Meta sent a copy to an n8n that had been started again in the meantime.
 */
export type Twice = 'unanswered' | 'restarted';

interface Figures {
	deliveries: number;
	/** With Meta's redeliveries. */
	tries: number;
	executions: number;
	expected: number;
	/** Media IDs of what came out less often than it had to. */
	lost: string[];
	/** Media IDs of what came out more often than it may. */
	duplicated: string[];
	unanswered: number;
	restarted: number;
	writesToStore: number;
	filesInStore: number;
	/** Media IDs of what the operator's storage has more than one file of. */
	duplicatedInStore: string[];
	filesLeft: string[];
	filesLeftByN8n: number;
}

/** Keeps account of everything that was delivered to all n8ns of the run. */
export class Tally {
	private readonly stages: FaultStage[] = [];

	private readonly stores: FileStore[] = [];

	/** What has to come out, by its media ID: once, or twice and why. */
	private readonly expected = new Map<string, Twice | undefined>();

	/** How many files n8n may leave behind in the folder of a workflow. */
	private readonly mayStay = new Map<string, number>();

	watch(stage: FaultStage): void {
		this.stages.push(stage);
	}

	watchStore(store: FileStore): void {
		this.stores.push(store);
	}

	expect({ mediaId }: CreatedRecording, twice?: Twice): void {
		this.expected.set(mediaId, twice);
	}

	/** For what n8n does not clean up itself: it ended, or failed, between writing a file and needing it. */
	filesMayStay(workflowId: string, count: number): void {
		this.mayStay.set(workflowId, count);
	}

	report(figures: Figures): string {
		const lines: Array<[string, number]> = [
			['deliveries sent', figures.deliveries],
			['  tries of Meta', figures.tries],
			['executions', figures.executions],
			['items expected', figures.expected],
			['items lost', figures.lost.length],
			['items duplicated', figures.duplicated.length],
			['  besides: n8n killed between execution and answer', figures.unanswered],
			['  besides: a copy sent after a restart', figures.restarted],
			["writes to the operator's storage", figures.writesToStore],
			['  files in it', figures.filesInStore],
			['  recordings of which it has more than one', figures.duplicatedInStore.length],
			['temporary files left behind', figures.filesLeft.length],
			['  besides: by an n8n that was killed or had no room', figures.filesLeftByN8n],
		];
		return lines
			.map(([what, count]) => `${what.padEnd(54)}${String(count).padStart(6)}`)
			.join('\n');
	}

	/** Counts what is in the databases and folders of the n8ns. */
	async figures(): Promise<Figures> {
		const deliveries = this.stages.flatMap(({ emulator }) => emulator.deliveries);
		const inStore = this.stores.flatMap(({ files }) => [...files.keys()]);
		const all = [...this.expected.keys()];
		const because = (why: Twice) => [...this.expected.values()].filter((one) => one === why).length;
		const came = await this.itemsByMediaId();
		const tooMany = (mediaId: string) => (came.get(mediaId) ?? 0) - this.wanted(mediaId);
		return {
			deliveries: deliveries.length,
			tries: deliveries.reduce((sum, { attempts }) => sum + attempts.length, 0),
			executions: this.stages.flatMap((stage) => stage.executionsAfter(0)).length,
			expected: all.length,
			lost: all.filter((mediaId) => tooMany(mediaId) < 0),
			duplicated: [...came.keys()].filter((mediaId) => tooMany(mediaId) > 0),
			unanswered: because('unanswered'),
			restarted: because('restarted'),
			writesToStore: this.stores.reduce((sum, { requests }) => sum + requests, 0),
			filesInStore: inStore.length,
			duplicatedInStore: all.filter(
				(mediaId) => inStore.filter((name) => name.includes(mediaId)).length > 1,
			),
			...(await this.filesLeft()),
		};
	}

	private wanted(mediaId: string): number {
		if (!this.expected.has(mediaId)) return 0;
		return this.expected.get(mediaId) === undefined ? 1 : 2;
	}

	/**
	 * How many items came out of each recording. What a failed workflow was given does not count: Meta was
	 * told so and delivers it again, or n8n keeps the execution for a retry.
	 */
	private async itemsByMediaId(): Promise<Map<string, number>> {
		const came = new Map<string, number>();
		for (const stage of this.stages) {
			for (const { id, status } of stage.executionsAfter(0)) {
				if (status !== 'success') continue;
				for (const item of await itemsOf(stage.n8n, id)) {
					const { mediaId } = fileFieldsOf(item);
					came.set(mediaId, (came.get(mediaId) ?? 0) + 1);
				}
			}
		}
		return came;
	}

	private async filesLeft(): Promise<Pick<Figures, 'filesLeft' | 'filesLeftByN8n'>> {
		const all = (await Promise.all(this.stages.map(leftBehind))).flat();
		const explained = [...this.mayStay].flatMap(([workflowId, count]) => {
			const there = all.filter((file) => file.includes(workflowId));
			return there.length === count ? there : [];
		});
		return {
			filesLeft: all.filter((file) => !explained.includes(file)),
			filesLeftByN8n: explained.length,
		};
	}
}

/** Files in n8n's storage that no execution knows of, and what lies in its folder for temporary files. */
async function leftBehind(stage: FaultStage): Promise<string[]> {
	const { userFolder } = stage.n8n;
	const known = stage.executionData();
	const idOf = (file: string) => basename(file).split('.')[0];
	const stored = (await filesBelow(stage.storageFolder)).filter(
		(file) => !known.includes(idOf(file)),
	);
	const temporary = await filesBelow(join(userFolder, 'tmp'));
	return [...stored, ...temporary].map((file) => relative(userFolder, file));
}
