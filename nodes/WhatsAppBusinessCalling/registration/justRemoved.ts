import type { IHookFunctions } from 'n8n-workflow';

import { identify, type Trigger } from './ownership';
import type { Address, KnownState } from './plan';
import { triggerKey, type OverrideTarget, type Step } from './record';

/** Milliseconds for which Meta may still show what was there before a change. */
const MAY_BE_OLD_MS = 20_000;

interface Removal {
	steps: Step[];
	/** What Meta had before. */
	before: KnownState;
	/** In milliseconds since 1970. */
	at: number;
}

const removals = new Map<string, Removal>();

/** Remembers what was changed at Meta to remove a trigger. */
export function keepRemoval(
	{ context, url }: { context: IHookFunctions; url: string },
	steps: Step[],
	before: KnownState,
): void {
	const now = Date.now();
	for (const [key, { at }] of removals) {
		if (now - at >= MAY_BE_OLD_MS) removals.delete(key);
	}
	removals.set(triggerKey(context, url), { steps, before, at: now });
}

/**
 * The state without this trigger, if n8n has removed it a moment ago, as it does to publish a change: where Meta
 * still shows what was there before, it has not caught up. Otherwise the trigger would take that for its registration.
 */
export async function afterRemoval<T extends KnownState>(trigger: Trigger, shown: T): Promise<T> {
	const removal = removals.get(triggerKey(trigger.context, trigger.url));
	if (removal === undefined || Date.now() - removal.at >= MAY_BE_OLD_MS) return shown;
	const { steps, before } = removal;
	const state = { ...shown, overrides: new Map(shown.overrides) };
	const pointed = async (url: string): Promise<Address> => await identify(trigger, url, null);
	const isOldOverride = (target: OverrideTarget) =>
		state.overrides.get(target)?.url === before.overrides.get(target)?.url;
	const isOldApp = state.app?.address.url === before.app?.address.url;
	for (const step of steps) {
		if (step.do === 'leaveAccount') {
			if (isOldOverride('businessAccount')) {
				state.overrides.delete('businessAccount');
				state.joined = false;
			}
		} else if (step.do === 'pointOverride') {
			if (!isOldOverride(step.target)) continue;
			if (step.url === null) state.overrides.delete(step.target);
			else state.overrides.set(step.target, await pointed(step.url));
		} else if (isOldApp && state.app && step.do === 'pointApp') {
			state.app = { ...state.app, address: await pointed(step.url) };
		} else if (isOldApp && state.app && step.do === 'removeFields') {
			const fields = state.app.fields.filter((field) => !step.fields.includes(field));
			state.app = fields.length > 0 ? { ...state.app, fields } : null;
		}
	}
	return state;
}
