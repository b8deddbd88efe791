/** The last work of each key that has been started or waits in this process. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Does one work after another for each key. Reading what Meta has and changing it are two steps, and n8n
 * activates the triggers of a workflow at the same time.
 */
export async function oneAtATime<T>(key: string, work: () => Promise<T>): Promise<T> {
	const before = queues.get(key) ?? Promise.resolve();
	const own = before.then(work, work);
	queues.set(key, own);
	try {
		return await own;
	} finally {
		if (queues.get(key) === own) queues.delete(key);
	}
}
