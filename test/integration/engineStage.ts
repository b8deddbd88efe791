import type { IDataObject, INode, INodeParameters } from 'n8n-workflow';
import {
	startEmulator,
	type Emulator,
	type EmulatorOptions,
	type LoggedRequest,
} from '../../emulator';
import { NUMBER } from '../support/constants';
import { credentialData, type CredentialFields } from '../support/workflow';
import type { ActionRun } from './engine/actionRun';
import { Engine } from './engine/engine';
import type { TriggerWorkflow } from './engine/triggerWorkflow';

/** An n8n for a test file, and a Meta for each of its tests. */
class EngineStage {
	private runningEngine: Engine | undefined;

	private runningEmulator: Emulator | undefined;

	get engine(): Engine {
		if (!this.runningEngine) throw new Error('The engine is not running');
		return this.runningEngine;
	}

	get emulator(): Emulator {
		if (!this.runningEmulator) throw new Error('The emulator is not running');
		return this.runningEmulator;
	}

	get credential(): CredentialFields {
		return credentialData(this.emulator);
	}

	/** Deploys a trigger to which Meta delivers. */
	trigger(
		parameters: INodeParameters = {},
		credential: CredentialFields = this.credential,
	): TriggerWorkflow {
		const trigger = this.engine.trigger(credential, parameters);
		this.emulator.presetSubscription(trigger.url);
		return trigger;
	}

	/** Whether nothing is missing at Meta for a trigger: another activation changes nothing. */
	async isRegistered(trigger: TriggerWorkflow): Promise<boolean> {
		const before = this.emulator.requests.length;
		await trigger.create();
		return this.emulator.requests.slice(before).every(({ method }) => method === 'GET');
	}

	/** Runs an operation of the action node, on the first business number. */
	async runOnNumber(
		resource: string,
		operation: string,
		parameters: INodeParameters,
		items?: IDataObject[],
		settings?: Partial<INode>,
	): Promise<ActionRun> {
		const phoneNumberId = { __rl: true, mode: 'id', value: NUMBER };
		return await this.engine.run(
			this.credential,
			{ resource, operation, phoneNumberId, ...parameters },
			items,
			settings,
		);
	}

	/** Requests of one kind that Meta got. */
	requests(kind: LoggedRequest['kind']): LoggedRequest[] {
		return this.emulator.requests.filter((request) => request.kind === kind);
	}

	async startEngine(): Promise<void> {
		this.runningEngine = await Engine.start();
	}

	async startEmulator(options: EmulatorOptions): Promise<void> {
		this.runningEmulator = await startEmulator({
			recordingDelayMs: 0,
			redeliveryDelaysMs: [10, 10, 10],
			...options,
		});
	}

	async stopEmulator(): Promise<void> {
		await this.runningEmulator?.stop();
		await this.runningEngine?.idle();
	}

	async stopEngine(): Promise<void> {
		await this.runningEngine?.stop();
	}
}

/** Called at the top of a test file. */
export function useStage(options: EmulatorOptions = {}): EngineStage {
	const stage = new EngineStage();
	beforeAll(async () => await stage.startEngine());
	beforeEach(async () => await stage.startEmulator(options));
	afterEach(async () => await stage.stopEmulator());
	afterAll(async () => await stage.stopEngine());
	return stage;
}

/** Five minutes of life, and some seconds. */
export const AFTER_URL_LIFETIME_MS = 5 * 60_000 + 5_000;

/** For events: a time so long ago, as Meta writes it. */
export const timestampBefore = (milliseconds: number) =>
	String(Math.floor((Date.now() - milliseconds) / 1000));

/** After this time since its event, a file that Meta does not have is gone. */
export const AFTER_SETTLING_MS = 11 * 60_000;
