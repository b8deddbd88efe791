/**
 * n8n repeats a failed activation after 1, 2, 4 and 8 seconds. By then it has removed the trigger's GET
 * webhook, so that Meta cannot verify the address any more: only the first error names the cause.
 */
const SAME_ACTIVATION_MS = 10_000;

/** An attempt that took so long is not repeated: all of them together have to fit into n8n's time. */
const SLOW_MS = 4_000;

interface Attempts {
	error: unknown;
	isSlow: boolean;
	/** When the last attempt failed, in milliseconds since 1970. */
	at: number;
	/** n8n calls `delete()` after each failed attempt. */
	expectsDelete: boolean;
}

const failed = new Map<string, Attempts>();

/**
 * Runs an attempt of an activation. Throws the first error of the activation, whatever a later attempt
 * meets.
 *
 * @param key of the trigger and its parameters: a corrected trigger starts afresh
 */
export async function attempt<T>(key: string, work: () => Promise<T>): Promise<T> {
	const startedAt = Date.now();
	const before = failed.get(key);
	const earlier = before && startedAt - before.at < SAME_ACTIVATION_MS ? before : undefined;
	try {
		if (earlier?.isSlow) throw earlier.error;
		const result = await work();
		failed.delete(key);
		return result;
	} catch (thrown) {
		const at = Date.now();
		const error: unknown = earlier ? earlier.error : thrown;
		const isSlow = earlier?.isSlow === true || at - startedAt > SLOW_MS;
		forgetOld(at);
		failed.set(key, { error, isSlow, at, expectsDelete: true });
		throw error;
	}
}

/** Whether a `delete()` is n8n's clean-up after a failed attempt, which has cleaned up itself. */
export function isCleanUp(key: string): boolean {
	const entry = failed.get(key);
	if (!entry?.expectsDelete) return false;
	entry.expectsDelete = false;
	return Date.now() - entry.at < SAME_ACTIVATION_MS / 2;
}

function forgetOld(now: number): void {
	for (const [key, { at }] of failed) {
		if (now - at >= SAME_ACTIVATION_MS) failed.delete(key);
	}
}
