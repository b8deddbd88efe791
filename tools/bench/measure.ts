/** The value that has so large a share of the values below it. */
export function percentile(values: number[], share: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	const position = (sorted.length - 1) * share;
	const [below, above] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
	return below + (above - below) * (position - Math.floor(position));
}

export const median = (values: number[]): number => percentile(values, 0.5);
