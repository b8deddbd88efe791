import { sleep } from 'n8n-workflow';

import {
	readAccountMembership,
	readAppSubscription,
	removeAppFields,
	setAppOnAccount,
	writeAppSubscription,
} from '../graph/appSubscription';
import { setNumberOverride } from '../graph/numberWebhook';
import type { GraphFailure, Result } from '../graph/types';
import { NOT_VERIFIED } from './errors';
import { verifyTokenFor, type Trigger } from './ownership';
import type { PlannedStep } from './plan';
import { readAddress } from './readBack';
import { phoneNumberOf, type Step } from './record';
import { asWritten, holderUrl } from './sharedAddress';
import type { Send } from './state';

/** Meta's code for a parameter that it does not accept. */
const INVALID_PARAMETER = 100;

/** How often an address is tried: the process that answers Meta may still be starting. */
const VERIFICATION_ATTEMPTS = 3;

const MAX_ATTEMPTS = 6;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4_000;

/** Milliseconds for one answer of Meta. */
const LONGEST_ANSWER_MS = 12_000;

/**
 * Repeats a request after temporary failures, but not beyond a moment: n8n gives all attempts of an
 * activation together 84 seconds, and then reports no cause.
 *
 * @param endsAt in milliseconds since 1970
 */
export function patiently(endsAt: number): Send {
	return async <T>(request: Parameters<Send>[0]): Promise<Result<T>> => {
		for (let attempt = 1; ; attempt++) {
			const left = Math.max(1_000, endsAt - Date.now());
			const timeoutMs = Math.min(left, LONGEST_ANSWER_MS);
			const result = (await request({ attempts: 1, timeoutMs })) as Result<T>;
			if (result.ok || !mayRepeat(result.failure, attempt)) return result;
			const backOff = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
			const pause = Math.min(result.failure.retryAfterMs ?? backOff, LONGEST_PAUSE_MS);
			if (Date.now() + pause >= endsAt) return result;
			await sleep(pause);
		}
	};
}

function mayRepeat({ transient, code }: GraphFailure, attempt: number): boolean {
	return transient && attempt < (code === NOT_VERIFIED ? VERIFICATION_ATTEMPTS : MAX_ATTEMPTS);
}

/** The outcome of a list of steps: how to undo those that were done, and the failure that ended them. */
export interface Applied {
	undo: Step[];
	failure: GraphFailure | null;
	/** The step that failed. */
	failed: Step | null;
}

/** Whether Meta may have refused an address because it holds a list. */
export function isRefusedList(failed: Step | null, { code }: GraphFailure): boolean {
	const url = failed && 'url' in failed ? failed.url : null;
	if (url === null || url === holderUrl(url)) return false;
	return code === NOT_VERIFIED || code === INVALID_PARAMETER;
}

/**
 * Executes steps in their order, until one fails. A step that failed with a temporary error may have been done: if
 * Meta shows it, it has not failed. Otherwise it counts for what is to be undone, because only those inverses are
 * applied later that make sense by then.
 */
export async function apply(trigger: Trigger, steps: PlannedStep[], send: Send): Promise<Applied> {
	const undo: Step[] = [];
	for (const { step, inverse } of steps) {
		const result = await execute(trigger, step, send);
		if (result.ok || result.failure.kind !== 'http' || isUnclear(result.failure)) {
			undo.unshift(...inverse);
		}
		if (result.ok || (isUnclear(result.failure) && (await isDone(trigger, step, send)))) continue;
		return { undo, failure: result.failure, failed: step };
	}
	return { undo, failure: null, failed: null };
}

async function execute(trigger: Trigger, step: Step, send: Send): Promise<Result<unknown>> {
	const { context, account } = trigger;
	switch (step.do) {
		case 'pointApp': {
			const { url, fields } = step;
			const verifyToken = await verifyTokenFor(trigger, url);
			const subscription = { callbackUrl: url, verifyToken, fields };
			return await point(send, async (effort) => {
				return await writeAppSubscription(context, account, subscription, effort);
			});
		}
		case 'removeFields':
			return await send(async (effort) => {
				return await removeAppFields(context, account, step.fields, effort);
			});
		case 'joinAccount':
			return await send(async (effort) => {
				return await setAppOnAccount(context, account, 'POST', null, effort);
			});
		case 'leaveAccount':
			return await send(async (effort) => {
				return await setAppOnAccount(context, account, 'DELETE', null, effort);
			});
		case 'pointOverride':
			return await pointOverride(trigger, step, send);
		// What that means depends on who is in the address by then: `planUndo` says it with other steps.
		case 'leaveAddress':
			return { ok: true, value: null };
	}
}

/** Whether the change may have been made all the same. One with an address that was not verified was not. */
const isUnclear = ({ transient, code }: GraphFailure) => transient && code !== NOT_VERIFIED;

/** Whether Meta shows a step as done. */
async function isDone(trigger: Trigger, step: Step, send: Send): Promise<boolean> {
	const { context, account } = trigger;
	switch (step.do) {
		case 'pointApp':
		case 'removeFields': {
			const app = await send(async (effort) => await readAppSubscription(context, account, effort));
			if (!app.ok) return false;
			const fields = app.value?.fields ?? [];
			if (step.do === 'removeFields') return !step.fields.some((name) => fields.includes(name));
			const isThere = app.value && asWritten(app.value.callbackUrl, trigger.url) === step.url;
			return (
				isThere === true &&
				app.value?.active === true &&
				step.fields.every((name) => fields.includes(name))
			);
		}
		case 'joinAccount':
		case 'leaveAccount': {
			const read = await send(
				async (effort) => await readAccountMembership(context, account, effort),
			);
			return read.ok && read.value.joined === (step.do === 'joinAccount');
		}
		case 'pointOverride': {
			const found = await readAddress(trigger, step.target, send);
			return found.ok && found.value === step.url;
		}
		case 'leaveAddress':
			return true;
	}
}

async function pointOverride(
	trigger: Trigger,
	{ target, url }: Extract<Step, { do: 'pointOverride' }>,
	send: Send,
): Promise<Result<unknown>> {
	const { context, account } = trigger;
	const override =
		url === null ? null : { callbackUrl: url, verifyToken: await verifyTokenFor(trigger, url) };
	return await point(send, async (effort) => {
		// Subscribing the app to the account without an address removes its override and nothing else.
		if (target === 'businessAccount') {
			return await setAppOnAccount(context, account, 'POST', override, effort);
		}
		return await setNumberOverride(context, account, phoneNumberOf(target), override, effort);
	});
}

/** Meta calls the address before it answers: silence means that it waits for the address in vain. */
async function point(send: Send, request: Parameters<Send>[0]): Promise<Result<unknown>> {
	return await send(async (effort) => {
		const startedAt = Date.now();
		const result = await request(effort);
		const isTooSlow = Date.now() - startedAt >= (effort.timeoutMs ?? Infinity) - 100;
		if (result.ok || result.failure.kind !== 'network' || !isTooSlow) return result;
		const failure: GraphFailure = { ...result.failure, code: NOT_VERIFIED, transient: false };
		return { ok: false, failure };
	});
}
