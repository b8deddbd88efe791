import { numeric } from '../parameterSchemas';

const MEBIBYTE = 1024 * 1024;

/** The option *Max File Size (MB)* of both nodes; 100 unless told. Gives bytes. */
export const maxFileSizeSchema = numeric('Max File Size (MB) must be a number above 0', (number) =>
	number.positive(),
)
	.default(100)
	.transform((size) => size * MEBIBYTE);
