/** All texts in a value, also those that JSON leaves out: to look for what must not be there. */
export function everythingIn(value: unknown, seen = new Set<unknown>()): string {
	if (typeof value !== 'object' || value === null) return String(value);
	if (seen.has(value)) return '';
	seen.add(value);
	if (Buffer.isBuffer(value)) return value.toString('latin1');
	return Reflect.ownKeys(value)
		.map((key) => {
			const property = Object.getOwnPropertyDescriptor(value, key);
			return property && 'value' in property
				? `${String(key)}=${everythingIn(property.value, seen)}`
				: '';
		})
		.join('\n');
}
