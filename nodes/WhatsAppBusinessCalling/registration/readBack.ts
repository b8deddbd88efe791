import { sleep } from 'n8n-workflow';

import { readAccountMembership, readAppSubscription } from '../graph/appSubscription';
import { readWebhookRoute } from '../graph/numberWebhook';
import type { Result } from '../graph/types';
import type { Trigger } from './ownership';
import { addressOf, type KnownState, type PlannedStep } from './plan';
import { phoneNumberOf, type Target } from './record';
import { asWritten, holderUrl } from './sharedAddress';
import type { Send } from './state';

/** Milliseconds to wait before an address that is another one is read again: Meta may need a moment. */
const PAUSES_MS = [500, 1_500];

/** The same after that, as long as Meta shows what was there before: someone else would have changed it. */
const PAUSES_WHILE_UNCHANGED_MS = [2_000, 3_000, 4_000];

/**
 * What became of an address that Meta has confirmed:
 * - `kept`: Meta shows it, or cannot be asked, which does not matter then
 * - `dropped`: Meta shows it without its list
 * - `missing`: Meta shows none
 * - `changed`: Meta shows another one
 */
type Outcome = 'kept' | 'dropped' | 'missing' | 'changed';

interface ReadBack {
	outcome: Outcome;
	target: Target;
	/** What Meta shows there. */
	found: string;
}

/**
 * Reads back what was pointed: another process may have pointed Meta elsewhere in the same moment.
 *
 * @param before what Meta has shown before the steps
 */
export async function readBack(
	trigger: Trigger,
	targets: Target[],
	steps: PlannedStep[],
	before: KnownState,
	send: Send,
): Promise<ReadBack> {
	for (const target of targets) {
		const written = urlWrittenTo(target, steps);
		if (written === null) continue;
		const earlier = addressOf(before, target)?.url ?? null;
		const found = await readUntil(trigger, target, written, earlier, send);
		// Meta has confirmed the change: that it cannot be read now does not matter.
		if (!found.ok || found.value === written) continue;
		if (found.value === null) return { outcome: 'missing', target, found: '' };
		const isDropped = found.value === holderUrl(written);
		return { outcome: isDropped ? 'dropped' : 'changed', target, found: found.value };
	}
	return { outcome: 'kept', target: 'app', found: '' };
}

function urlWrittenTo(target: Target, steps: PlannedStep[]): string | null {
	const written = steps.find(({ step }) =>
		target === 'app'
			? step.do === 'pointApp'
			: step.do === 'pointOverride' && step.target === target,
	)?.step;
	return written && 'url' in written ? written.url : null;
}

async function readUntil(
	trigger: Trigger,
	target: Target,
	written: string,
	earlier: string | null,
	send: Send,
): Promise<Result<string | null>> {
	let found = await readAddress(trigger, target, send);
	for (const [index, pause] of [...PAUSES_MS, ...PAUSES_WHILE_UNCHANGED_MS].entries()) {
		if (!found.ok || found.value === written) break;
		if (index >= PAUSES_MS.length && found.value !== earlier) break;
		await sleep(pause);
		found = await readAddress(trigger, target, send);
	}
	return found;
}

/** The address of a target, as this package writes it. */
export async function readAddress(
	trigger: Trigger,
	target: Target,
	send: Send,
): Promise<Result<string | null>> {
	const found = await readAddressAtMeta(trigger, target, send);
	if (!found.ok || found.value === null) return found;
	return { ok: true, value: asWritten(found.value, trigger.url) };
}

async function readAddressAtMeta(
	{ context, account }: Trigger,
	target: Target,
	send: Send,
): Promise<Result<string | null>> {
	if (target === 'app') {
		const app = await send(async (effort) => await readAppSubscription(context, account, effort));
		return app.ok ? { ok: true, value: app.value?.callbackUrl ?? null } : app;
	}
	if (target === 'businessAccount') {
		const membership = await send(
			async (effort) => await readAccountMembership(context, account, effort),
		);
		return membership.ok ? { ok: true, value: membership.value.override } : membership;
	}
	const id = phoneNumberOf(target);
	const route = await send(async (effort) => await readWebhookRoute(context, account, id, effort));
	return route.ok ? { ok: true, value: route.value.phoneNumber } : route;
}
