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
 * - `fieldsMissing`: Meta shows the app's webhook without the fields
 */
type Outcome = 'kept' | 'dropped' | 'missing' | 'changed' | 'fieldsMissing';

interface ReadBack {
	outcome: Outcome;
	target: Target;
	/** What Meta shows there. */
	found: string;
}

/** What Meta shows of a target. */
interface Shown {
	url: string | null;
	/** Of the app's webhook; null where Meta shows none. */
	fields: string[] | null;
}

/**
 * Reads back what was pointed: another process may have pointed Meta elsewhere in the same moment. With the app's
 * address come its fields, without which Meta sends nothing.
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
	const fields = steps.flatMap(({ step }) => (step.do === 'pointApp' ? step.fields : []));
	for (const target of targets) {
		const written = urlWrittenTo(target, steps);
		if (written === null) continue;
		const isMissing = (shown: Shown) =>
			shown.fields !== null && fields.some((field) => !shown.fields?.includes(field));
		const isOther = ({ url }: Shown) => url !== written;
		const found = await readUntil(
			trigger,
			target,
			(shown) => !isOther(shown) && !isMissing(shown),
			({ url }) => url === written || url === (addressOf(before, target)?.url ?? null),
			send,
		);
		// Meta has confirmed the change: that it cannot be read now does not matter.
		if (!found.ok) continue;
		const { url } = found.value;
		if (isOther(found.value)) {
			if (url === null) return { outcome: 'missing', target, found: '' };
			const isDropped = url === holderUrl(written);
			return { outcome: isDropped ? 'dropped' : 'changed', target, found: url };
		}
		if (isMissing(found.value)) {
			return { outcome: 'fieldsMissing', target, found: fields.join(' and ') };
		}
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
	isKept: (shown: Shown) => boolean,
	mayBeOld: (shown: Shown) => boolean,
	send: Send,
): Promise<Result<Shown>> {
	let found = await readTarget(trigger, target, send);
	for (const [index, pause] of [...PAUSES_MS, ...PAUSES_WHILE_UNCHANGED_MS].entries()) {
		if (!found.ok || isKept(found.value)) break;
		if (index >= PAUSES_MS.length && !mayBeOld(found.value)) break;
		await sleep(pause);
		found = await readTarget(trigger, target, send);
	}
	return found;
}

/** The address of a target, as this package writes it. */
export async function readAddress(
	trigger: Trigger,
	target: Target,
	send: Send,
): Promise<Result<string | null>> {
	const found = await readTarget(trigger, target, send);
	return found.ok ? { ok: true, value: found.value.url } : found;
}

async function readTarget(trigger: Trigger, target: Target, send: Send): Promise<Result<Shown>> {
	const { context, account } = trigger;
	const shown = (url: string | null, fields: string[] | null = null): Result<Shown> => ({
		ok: true,
		value: { url: url === null ? null : asWritten(url, trigger.url), fields },
	});
	if (target === 'app') {
		const app = await send(async (effort) => await readAppSubscription(context, account, effort));
		if (!app.ok) return app;
		if (app.value === null) return shown(null, []);
		const { callbackUrl, fields, areFieldsShown } = app.value;
		return shown(callbackUrl, areFieldsShown ? fields : null);
	}
	if (target === 'businessAccount') {
		const membership = await send(
			async (effort) => await readAccountMembership(context, account, effort),
		);
		return membership.ok ? shown(membership.value.override) : membership;
	}
	const id = phoneNumberOf(target);
	const route = await send(async (effort) => await readWebhookRoute(context, account, id, effort));
	return route.ok ? shown(route.value.phoneNumber) : route;
}
