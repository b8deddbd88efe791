import type { IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { z } from 'zod';

import {
	DEFAULT_EVENTS,
	eventsSchema,
	filterSchema,
	type EventFilter,
} from '../events/eventFilter';
import type { Account } from '../graph/account';
import { numberSchema, withMessage } from '../parameterSchemas';
import {
	countUpTo,
	downloadFileSchema,
	itemOptionsSchema,
	itemSettings,
	type ItemSettings,
} from './itemSettings';

const HOUR_MS = 60 * 60_000;

export type OnFileUnavailable = 'retry' | 'emit' | 'fail';

/** The contexts of n8n that can read the parameters of the trigger, which are the same for all items. */
export type ParameterContext = Pick<IWebhookFunctions, 'getNode' | 'getNodeParameter'>;

/** The trigger's other parameters, checked and in the units that the code uses. */
export interface TriggerSettings extends ItemSettings {
	onFileUnavailable: OnFileUnavailable;
	/** How long a file that is unavailable is asked for again. */
	retryForMs: number;
	timeBudgetMs: number;
	maxConcurrentDeliveries: number;
	maxConcurrentDownloads: number;
}

/** As the panel calls it. */
const EVENTS_LABEL = 'Trigger On';

const triggerFilterSchema = filterSchema(EVENTS_LABEL);

const optionsSchema = itemOptionsSchema.extend({
	onFileUnavailable: z
		.enum(
			['retry', 'emit', 'fail'],
			withMessage('If File Is Unavailable must be "retry", "emit" or "fail"'),
		)
		.default('retry'),
	retryFor: numberSchema('Retry For (Hours) must be a number, 0 or above', (number) =>
		number.min(0),
	).default(1),
	timeBudget: numberSchema(
		'Server: Time Budget (Seconds) must be a number from 1 to 60',
		(number) => number.min(1).max(60),
	).default(15),
	maxConcurrentDeliveries: countUpTo('Server: Deliveries at Once', 1000).default(32),
	maxConcurrentDownloads: countUpTo('Server: Downloads at Once', 64).default(4),
});

const settingsSchema = z.object({
	downloadFile: downloadFileSchema,
	/** Not used here: n8n answers by the response mode. Anything else there would acknowledge too early. */
	acknowledge: z.enum(
		['stored', 'finished'],
		withMessage('Acknowledge must be "stored" or "finished", not an expression'),
	),
	options: optionsSchema,
});

/**
 * What most deliveries of a busy account need no more of: those of other numbers and events. An app can be
 * connected to several accounts, and a trigger that is registered on one of them can hold the app's webhook as well.
 *
 * @throws NodeOperationError that names the field to correct, and what it must be
 */
export function readFilter(
	context: IWebhookFunctions,
	{ businessAccountId }: Pick<Account, 'businessAccountId'>,
): EventFilter {
	const filter = checked(context, triggerFilterSchema, {
		events: context.getNodeParameter('events', DEFAULT_EVENTS),
		phoneNumbers: context.getNodeParameter('phoneNumberIds', []),
	});
	const isOnAccount = context.getNodeParameter('registration', 'app') === 'businessAccount';
	return { ...filter, ...(isOnAccount && { businessAccountId }) };
}

/** @throws NodeOperationError that names the field to correct, and what it must be */
export function readSettings(context: ParameterContext): TriggerSettings {
	const { options, downloadFile } = checked(context, settingsSchema, {
		downloadFile: context.getNodeParameter('downloadFile', true),
		acknowledge: context.getNodeParameter('options.acknowledge', 'stored', {
			rawExpressions: true,
		}),
		options: context.getNodeParameter('options', {}),
	});
	return {
		...itemSettings(downloadFile, options),
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
	return checked(context, z.object({ events: eventsSchema(EVENTS_LABEL) }), {
		events: context.getNodeParameter('events', DEFAULT_EVENTS),
	}).events;
}

function checked<T extends z.ZodTypeAny>(
	context: ParameterContext | IHookFunctions,
	schema: T,
	values: Record<keyof z.input<T>, unknown>,
): z.output<T> {
	const parsed = schema.safeParse(values);
	if (parsed.success) return parsed.data;
	// When a workflow is published, n8n shows the message only.
	throw new NodeOperationError(
		context.getNode(),
		`${parsed.error.issues[0].message}. Correct it in the WhatsApp Business Calling Trigger.`,
		{ description: 'If it is an expression, check what it evaluates to.' },
	);
}
