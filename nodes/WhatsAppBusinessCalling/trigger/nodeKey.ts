import type { IWebhookFunctions } from 'n8n-workflow';

/** Identifies a trigger within this n8n: what a process remembers, it remembers for each of them. */
export function nodeKey(context: Pick<IWebhookFunctions, 'getWorkflow' | 'getNode'>): string {
	return `${context.getWorkflow().id ?? ''}\n${context.getNode().id}`;
}

/** Gives each trigger an object of its own, made when it is first asked for. */
export function perTrigger<T>(make: () => T): (key: string) => T {
	const made = new Map<string, T>();
	return (key) => {
		const known = made.get(key);
		if (known !== undefined) return known;
		const fresh = make();
		made.set(key, fresh);
		return fresh;
	};
}
