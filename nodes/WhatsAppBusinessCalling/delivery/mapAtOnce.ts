/**
 * Works on the elements of a list, at most `limit` of them at once.
 *
 * @returns the results in the order of the list
 */
export async function mapAtOnce<T, R>(
	list: readonly T[],
	limit: number,
	work: (element: T) => Promise<R>,
): Promise<R[]> {
	const results: R[] = [];
	const waiting = list.entries();
	const worker = async () => {
		for (const [position, element] of waiting) results[position] = await work(element);
	};
	await Promise.all(Array.from({ length: Math.min(limit, list.length) }, worker));
	return results;
}
