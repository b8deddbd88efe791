import type { IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { z } from 'zod';

import { eventTypeNamed } from '../events/eventTypes';
import { maxFileSizeSchema, numberSchema, withMessage } from '../parameterSchemas';
import { digitsOf, safeForLog } from '../values';

const HOUR_MS = 60 * 60_000;

/** As in the panel. */
const DEFAULT_EVENTS = ['call_recording_available'];

export type OnFileUnavailable = 'retry' | 'emit' | 'fail';

/** The contexts of n8n that can read the parameters of the trigger, which are the same for all items. */
export type ParameterContext = Pick<IWebhookFunctions, 'getNode' | 'getNodeParameter'>;

/** Which events the operator chose. */
export interface TriggerFilter {
	events: Set<string>;
	/** IDs, and digits of display numbers; empty for all numbers. */
	phoneNumbers: Set<string>;
}

/** The trigger's other parameters, checked and in the units that the code uses. */
export interface TriggerSettings {
	downloadFile: boolean;
	binaryPropertyName: string;
	maxBytes: number;
	onFileUnavailable: OnFileUnavailable;
	/** How long a file that is unavailable is asked for again. */
	retryForMs: number;
	includeRawEvent: boolean;
	timeBudgetMs: number;
	maxConcurrentDeliveries: number;
	maxConcurrentDownloads: number;
}

const countUpTo = (label: string, most: number) =>
	numberSchema(`${label} must be a whole number from 1 to ${most}`, (number) =>
		number.int().min(1).max(most),
	);

const optionsSchema = z.object(
	{
		binaryPropertyName: z
			.string(withMessage('Put Output File in Field must be the name of a field, such as data'))
			.trim()
			.min(1)
			.default('data'),
		maxFileSize: maxFileSizeSchema,
		onFileUnavailable: z
			.enum(
				['retry', 'emit', 'fail'],
				withMessage('If File Is Unavailable must be "retry", "emit" or "fail"'),
			)
			.default('retry'),
		retryFor: numberSchema('Retry For (Hours) must be a number, 0 or above', (number) =>
			number.min(0),
		).default(1),
		includeRawEvent: z
			.boolean(withMessage('Include Raw Event must be true or false'))
			.default(false),
		timeBudget: numberSchema(
			'Server: Time Budget (Seconds) must be a number from 1 to 60',
			(number) => number.min(1).max(60),
		).default(15),
		maxConcurrentDeliveries: countUpTo('Server: Deliveries at Once', 1000).default(32),
		maxConcurrentDownloads: countUpTo('Server: Downloads at Once', 64).default(4),
	},
	withMessage('Options must be an object'),
);

const idListSchema = (label: string) =>
	z
		.union(
			[z.array(z.union([z.string(), z.number()])), z.string(), z.number()],
			withMessage(`${label} must be a list, or text with commas between the entries`),
		)
		.nullable()
		.transform((ids) => (Array.isArray(ids) ? ids : String(ids ?? '').split(',')))
		.transform((ids) => ids.map((id) => String(id).trim()).filter(Boolean));

/** To choose nothing, or what does not exist, would be to throw every recording away without a word. */
const eventsSchema = idListSchema('Trigger On').transform((names, { addIssue }) => {
	const types = names.map((name) => eventTypeNamed(name));
	const unknown = types.indexOf(undefined);
	if (unknown >= 0) {
		addIssue({
			code: 'custom',
			message: `Trigger On contains "${safeForLog(names[unknown])}", which is not a known event`,
		});
	}
	if (types.length === 0) addIssue({ code: 'custom', message: 'Trigger On is empty' });
	return types.flatMap((type) => type?.name ?? []);
});

const filterSchema = z.object({
	events: eventsSchema.transform((events) => new Set(events)),
	phoneNumbers: idListSchema('Phone Number Names or IDs').transform(
		(numbers) => new Set(numbers.flatMap((number) => [number, digitsOf(number)]).filter(Boolean)),
	),
});

const settingsSchema = z.object({
	downloadFile: z.boolean(withMessage('Download File must be true or false')),
	/** Not used here: n8n answers by the response mode. Anything else there would acknowledge too early. */
	acknowledge: z.enum(
		['stored', 'finished'],
		withMessage('Acknowledge must be "stored" or "finished", not an expression'),
	),
	options: optionsSchema,
});

/** A list as the editor, an expression or a comma-separated text gives it; empty for anything else. */
export function idList(value: unknown): string[] {
	const parsed = idListSchema('').safeParse(value);
	return parsed.success ? parsed.data : [];
}

/**
 * What most deliveries of a busy account need no more of: those of other numbers and events.
 *
 * @throws NodeOperationError that names the field to correct, and what it must be
 */
export function readFilter(context: IWebhookFunctions): TriggerFilter {
	return checked(context, filterSchema, {
		events: context.getNodeParameter('events', DEFAULT_EVENTS),
		phoneNumbers: context.getNodeParameter('phoneNumberIds', []),
	});
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
		downloadFile,
		binaryPropertyName: options.binaryPropertyName,
		maxBytes: options.maxFileSize,
		onFileUnavailable: options.onFileUnavailable,
		retryForMs: options.retryFor * HOUR_MS,
		includeRawEvent: options.includeRawEvent,
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
