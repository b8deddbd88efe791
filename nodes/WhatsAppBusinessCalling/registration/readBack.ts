import { sleep } from 'n8n-workflow';

import { readAccountMembership, readAppSubscription } from '../graph/appSubscription';
import { readWebhookRoute } from '../graph/numberWebhook';
import type { Result } from '../graph/types';
import type { Trigger } from './ownership';
import type { PlannedStep } from './plan';
import { phoneNumberOf, type Target } from './record';
import { asWritten, holderUrl } from './sharedAddress';
import type { Send } from './state';

/** Milliseconds to wait before an address that is another one is read again: Meta may need a moment. */
const PAUSES_MS = [500, 1_500];

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

/** Reads back what was pointed: another process may have pointed Meta elsewhere in the same moment. */
export async function readBack(
	trigger: Trigger,
	targets: Target[],
	steps: PlannedStep[],
	send: Send,
): Promise<ReadBack> {
	for (const target of targets) {
		const written = urlWrittenTo(target, steps);
		if (written === null) continue;
		const found = await readUntil(trigger, target, written, send);
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
	send: Send,
): Promise<Result<string | null>> {
	let found = await readAddress(trigger, target, send);
	for (const pause of PAUSES_MS) {
		if (!found.ok || found.value === written) break;
		await sleep(pause);
		found = await readAddress(trigger, target, send);
	}
	return found;
}

/** The address of a target, as this package writes it. */
async function readAddress(
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
