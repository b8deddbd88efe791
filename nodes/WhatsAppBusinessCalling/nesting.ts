/**
 * Bounded walks over nested JSON. Meta's JSON has a few levels; without a limit, a hostile one would
 * overflow the stack.
 */

/**
 * Whether objects and lists are nested deeper than `levels`.
 *
 * @example isDeeperThan(1, { a: { b: 1 } }) // true
 */
export function isDeeperThan(levels: number, value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return false;
	return levels === 0 || Object.values(value).some((part) => isDeeperThan(levels - 1, part));
}

interface CopyOptions {
	/** Levels of objects and lists to copy. */
	levels: number;
	/** Replaces an object or list below the last level. */
	deeper: string | null;
	/** Selects the fields to copy by their name. */
	keeps?: (name: string) => boolean;
}

/**
 * Copies a JSON value down to a level.
 *
 * @example copyOf({ a: { b: {} } }, { levels: 2, deeper: '...' }) // { a: { b: '...' } }
 */
export function copyOf(value: unknown, options: CopyOptions): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (options.levels === 0) return options.deeper;
	const below = { ...options, levels: options.levels - 1 };
	if (Array.isArray(value)) return value.map((part) => copyOf(part, below));
	const { keeps = () => true } = options;
	// Object.fromEntries keeps a field __proto__ as data.
	return Object.fromEntries(
		Object.entries(value)
			.filter(([name]) => keeps(name))
			.map(([name, part]) => [name, copyOf(part, below)]),
	);
}
