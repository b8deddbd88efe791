import type { Stage } from '../support/stage';
import { describeReceiving } from './receiving';
import { describeRegistration } from './registration';

/** Defines a test, which shows that n8n and the package have a capability together. */
export type Shows = (
	capability: 'credential' | 'registration' | 'recordings' | 'promises',
	title: string,
	work: () => Promise<void>,
) => void;

/** What has to work in every version of n8n. */
export function describeEveryVersion(stage: () => Stage, shows: Shows): void {
	describeRegistration(stage, shows);
	describeReceiving(stage, shows);
}
