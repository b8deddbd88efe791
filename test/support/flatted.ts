/**
 * Decodes the format in which n8n stores the data of an execution: a JSON array whose first entry is the
 * value, and in which every string stands for the entry with that index. An object that is used twice is
 * stored once.
 */
export function parseFlatted(text: string): unknown {
	const entries = JSON.parse(text) as unknown[];
	const decoded = new Map<string, unknown>();

	const resolve = (value: unknown): unknown => {
		if (typeof value !== 'string') return value;
		if (decoded.has(value)) return decoded.get(value);
		const entry = entries[Number(value)];
		if (typeof entry !== 'object' || entry === null) return entry;
		// Known before its members are decoded, because they may refer to it.
		const target: Record<string, unknown> | unknown[] = Array.isArray(entry) ? [] : {};
		decoded.set(value, target);
		for (const [key, member] of Object.entries(entry))
			Object.assign(target, { [key]: resolve(member) });
		return target;
	};
	return resolve('0');
}
