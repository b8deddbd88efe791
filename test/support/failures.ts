/** The error that work ends with, which is expected to fail. */
export async function failureOf(
	work: Promise<unknown>,
): Promise<Error & { description?: string | null }> {
	return await work.then(
		() => {
			throw new Error('It did not fail');
		},
		(error: Error) => error,
	);
}

/** The message of the error that work ends with; empty where it succeeds. */
export async function errorOf(work: Promise<unknown>): Promise<string> {
	return await work.then(
		() => '',
		(error: Error) => error.message,
	);
}
