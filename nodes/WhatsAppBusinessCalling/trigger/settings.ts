import type { IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { z } from 'zod';

import {
	countUpTo,
	downloadFileSchema,
	itemOptionsSchema,
	itemSettings,
	type ItemSettings,
} from '../delivery/itemSettings';
import { DEFAULT_EVENTS, eventsSchema, filterSchema, type EventFilter } from '../events/eventFilter';
import { numberSchema, withMessage } from '../parameterSchemas';

const HOUR_MS = 60 * 60_000;

export type OnFileUnavailable = 'retry' | 'emit';

/** The trigger's other parameters, checked and in the units that the code uses. */
export interface TriggerSettings extends ItemSettings {
	acknowledge: 'stored' | 'finished';
	onFileUnavailable: OnFileUnavailable;
	/** How long a file that is unavailable is asked for again before its item comes without it. */
	retryForMs: number;
	timeBudgetMs: number;
	maxConcurrentDeliveries: number;
	maxConcurrentDownloads: number;
}

const optionsSchema = itemOptionsSchema.extend({
	onFileUnavailable: z
		.enum(['retry', 'emit'], withMessage('If File Is Unavailable must be "retry" or "emit"'))
		.default('retry'),
	retryFor: numberSchema('Retry For (Hours) must be a number, 0 or above', (number) =>
		number.min(0),
	).default(1),
	timeBudget: numberSchema('Time Budget (Seconds) must be a number from 1 to 60', (number) =>
		number.min(1).max(60),
	).default(15),
	maxConcurrentDeliveries: countUpTo('Deliveries at Once', 1000).default(32),
	maxConcurrentDownloads: countUpTo('Downloads at Once', 64).default(4),
});

const settingsSchema = z.object({
	downloadFile: downloadFileSchema,
	acknowledge: z.enum(
		['stored', 'finished'],
		withMessage('Acknowledge must be "stored" or "finished"'),
	),
	options: optionsSchema,
});

/**
 * What most deliveries of a busy account need no more of: those of other numbers and events.
 *
 * @throws NodeOperationError that names the field to correct, and what it must be
 */
export function readFilter(context: IWebhookFunctions): EventFilter {
	return checked(context, filterSchema, {
		events: context.getNodeParameter('events', DEFAULT_EVENTS),
		phoneNumbers: context.getNodeParameter('phoneNumberIds', []),
	});
}

/** @throws NodeOperationError that names the field to correct, and what it must be */
export function readSettings(context: IWebhookFunctions): TriggerSettings {
	const { options, downloadFile, acknowledge } = checked(context, settingsSchema, {
		downloadFile: context.getNodeParameter('downloadFile', true),
		acknowledge: context.getNodeParameter('acknowledge', 'stored'),
		options: context.getNodeParameter('options', {}),
	});
	return {
		...itemSettings(downloadFile, options),
		acknowledge,
		onFileUnavailable: options.onFileUnavailable,
		retryForMs: options.retryFor * HOUR_MS,
		// Whole: a timer of a fraction of a millisecond is an error.
		timeBudgetMs: Math.round(options.timeBudget * 1000),
		maxConcurrentDeliveries: options.maxConcurrentDeliveries,
		maxConcurrentDownloads: options.maxConcurrentDownloads,
	};
}

/** @throws NodeOperationError that names the field to correct, and what it must be */
export function chosenEventNames(context: IHookFunctions): string[] {
	return checked(context, z.object({ events: eventsSchema }), {
		events: context.getNodeParameter('events', DEFAULT_EVENTS),
	}).events;
}

function checked<T extends z.ZodTypeAny>(
	context: IWebhookFunctions | IHookFunctions,
	schema: T,
	values: Record<keyof z.input<T>, unknown>,
): z.output<T> {
	const parsed = schema.safeParse(values);
	if (parsed.success) return parsed.data;
	throw new NodeOperationError(context.getNode(), parsed.error.issues[0].message, {
		description:
			'Correct it in the WhatsApp Business Calling Trigger. If it is an expression, check what it evaluates to.',
	});
}
