/**
 * Works on the elements of a list, at most `limit` of them at once. After an error, no further one is begun.
 *
 * @returns the results in the order of the list
 * @throws the first error of `work`
 * @example await mapAtOnce(urls, 4, async (url) => await download(url))
 */
export async function mapAtOnce<T, R>(
	list: readonly T[],
	limit: number,
	work: (element: T) => Promise<R>,
): Promise<R[]> {
	const results: R[] = [];
	const waiting = list.entries();
	let hasFailed = false;
	const worker = async () => {
		for (const [position, element] of waiting) {
			if (hasFailed) return;
			let isDone = false;
			try {
				results[position] = await work(element);
				isDone = true;
			} finally {
				hasFailed ||= !isDone;
			}
		}
	};
	await Promise.all(Array.from({ length: Math.min(limit, list.length) }, worker));
	return results;
}
