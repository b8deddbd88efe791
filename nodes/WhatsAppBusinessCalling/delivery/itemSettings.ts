import { z } from 'zod';

import { maxFileSizeSchema, numberSchema, withMessage } from '../parameterSchemas';

/** What the operator chose about the items of events, in the units that the code uses. */
export interface ItemSettings {
	downloadFile: boolean;
	binaryPropertyName: string;
	maxBytes: number;
	includeRawEvent: boolean;
}

export const downloadFileSchema = z.boolean(withMessage('Download File must be true or false'));

/**
 * A whole number for an option that limits how much happens at once.
 *
 * @param label of the option in the panel
 */
export const countUpTo = (label: string, most: number) =>
	numberSchema(`${label} must be a whole number from 1 to ${most}`, (number) =>
		number.int().min(1).max(most),
	);

/** The options that the trigger and the action node share. */
export const itemOptionsSchema = z.object(
	{
		binaryPropertyName: z
			.string(withMessage('Put Output File in Field must be the name of a field, such as data'))
			.trim()
			.min(1)
			.default('data'),
		maxFileSize: maxFileSizeSchema,
		includeRawEvent: z
			.boolean(withMessage('Include Raw Event must be true or false'))
			.default(false),
	},
	withMessage('Options must be an object'),
);

export function itemSettings(
	downloadFile: boolean,
	options: z.output<typeof itemOptionsSchema>,
): ItemSettings {
	return {
		downloadFile,
		binaryPropertyName: options.binaryPropertyName,
		maxBytes: options.maxFileSize,
		includeRawEvent: options.includeRawEvent,
	};
}
