import type { IWebhookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { z } from 'zod';

const MEBIBYTE = 1024 * 1024;
const HOUR_MS = 60 * 60_000;

export type OnFileUnavailable = 'retry' | 'emit';

/** The trigger's parameters, checked and in the units that the code uses. */
export interface TriggerSettings {
	events: Set<string>;
	/** Empty: all numbers. */
	phoneNumberIds: Set<string>;
	downloadFile: boolean;
	acknowledge: 'stored' | 'finished';
	binaryPropertyName: string;
	maxBytes: number;
	onFileUnavailable: OnFileUnavailable;
	/** How long a file that is unavailable is asked for again before its item comes without it. */
	retryForMs: number;
	includeRawEvent: boolean;
	timeBudgetMs: number;
	maxConcurrentDeliveries: number;
	maxConcurrentDownloads: number;
}

const optionsSchema = z.object({
	binaryPropertyName: z.string().trim().min(1).default('data'),
	maxFileSize: z.coerce.number().positive().default(100),
	onFileUnavailable: z.enum(['retry', 'emit']).default('retry'),
	retryFor: z.coerce.number().min(0).default(1),
	includeRawEvent: z.boolean().default(false),
	timeBudget: z.coerce.number().min(1).max(60).default(15),
	maxConcurrentDeliveries: z.coerce.number().int().min(1).max(1000).default(32),
	maxConcurrentDownloads: z.coerce.number().int().min(1).max(64).default(4),
});

const idListSchema = z
	.union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))])
	.nullable()
	.transform((ids) => (Array.isArray(ids) ? ids : String(ids ?? '').split(',')))
	.transform((ids) => ids.map((id) => String(id).trim()).filter(Boolean));

const settingsSchema = z.object({
	events: idListSchema.transform((events) => new Set(events)),
	phoneNumberIds: idListSchema.transform((ids) => new Set(ids)),
	downloadFile: z.boolean(),
	acknowledge: z.enum(['stored', 'finished']),
	options: optionsSchema,
});

/** A list as the editor, an expression or a comma-separated text gives it; empty for anything else. */
export function idList(value: unknown): string[] {
	const parsed = idListSchema.safeParse(value);
	return parsed.success ? parsed.data : [];
}

/** @throws NodeOperationError that names the parameter to correct */
export function readSettings(context: IWebhookFunctions): TriggerSettings {
	const parsed = settingsSchema.safeParse({
		events: context.getNodeParameter('events', []),
		phoneNumberIds: context.getNodeParameter('phoneNumberIds', []),
		downloadFile: context.getNodeParameter('downloadFile', true),
		acknowledge: context.getNodeParameter('acknowledge', 'stored'),
		options: context.getNodeParameter('options', {}),
	});
	if (!parsed.success) {
		const [issue] = parsed.error.issues;
		throw new NodeOperationError(
			context.getNode(),
			`The parameter ${issue.path.join(' > ')} needs a correction`,
			{ description: issue.message },
		);
	}
	const { options, ...settings } = parsed.data;
	return {
		...settings,
		binaryPropertyName: options.binaryPropertyName,
		maxBytes: options.maxFileSize * MEBIBYTE,
		onFileUnavailable: options.onFileUnavailable,
		retryForMs: options.retryFor * HOUR_MS,
		includeRawEvent: options.includeRawEvent,
		// Whole: a timer of a fraction of a millisecond is an error.
		timeBudgetMs: Math.round(options.timeBudget * 1000),
		maxConcurrentDeliveries: options.maxConcurrentDeliveries,
		maxConcurrentDownloads: options.maxConcurrentDownloads,
	};
}
