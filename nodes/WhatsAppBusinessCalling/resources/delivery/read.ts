import { z } from 'zod';

import { chosenEvents } from '../../delivery/chosenEvents';
import { DeliveryLog } from '../../delivery/deliveryLog';
import { eventItem, type EventItem, type FileSource } from '../../delivery/eventItem';
import { mapAtOnce } from '../../delivery/mapAtOnce';
import { DEFAULT_EVENTS, filterSchema, type EventFilter } from '../../events/eventFilter';
import type { CallEvent } from '../../events/parseDelivery';
import { withMessage } from '../../parameterSchemas';
import {
	countUpTo,
	downloadFileSchema,
	itemOptionsSchema,
	itemSettings,
	type ItemSettings,
} from '../../trigger/itemSettings';
import { inputError } from '../shared/errors';
import {
	fetchWithRetry,
	NOT_READ_BACK,
	problemError,
	timeoutSchema,
} from '../shared/mediaOperations';
import type { Operation, OperationInput, OperationResult } from '../types';
import { readProperties } from './fields';
import { signedContent } from './signedContent';

interface Settings extends ItemSettings {
	filter: EventFilter;
	onFileUnavailable: 'retry' | 'fail' | 'emit';
	timeoutMs: number;
	maxConcurrentDownloads: number;
}

const settingsSchema = filterSchema('Events').extend({
	downloadFile: downloadFileSchema,
	options: itemOptionsSchema.extend({
		onFileUnavailable: z
			.enum(
				['retry', 'fail', 'emit'],
				withMessage('If File Is Unavailable must be "retry", "fail" or "emit"'),
			)
			.default('retry'),
		timeout: timeoutSchema,
		maxConcurrentDownloads: countUpTo('Downloads at Once', 64).default(4),
	}),
});

/**
 * Turns a delivery that something else has received into the items that the trigger would have emitted, with the
 * trigger's own code.
 */
export const read: Operation = {
	properties: readProperties,

	async execute(input) {
		const settings = readSettings(input);
		const { content, isVerified } = await signedContent(input);
		const log = new DeliveryLog(input.context.logger, 'WhatsApp Business Calling');
		const events = [...chosenEvents(content, settings.filter, log).values()];
		let hasFailed = false;
		const results = await mapAtOnce(events, settings.maxConcurrentDownloads, async (event) => {
			// The error ends the execution: nobody would get further files.
			if (hasFailed && !input.context.continueOnFail()) return [];
			const result = await resultOf(input, isVerified ? event : withoutUrl(event), settings, log);
			hasFailed ||= result instanceof Error;
			return [result];
		});
		return results.flat();
	},
};

/**
 * Without the URL that the delivery names for its file. It was not verified, and the download sends the access token:
 * the Media API gives the URL instead.
 */
function withoutUrl(event: CallEvent): CallEvent {
	const { file } = event;
	if (!file?.media) return event;
	return { ...event, file: { ...file, media: { ...file.media, url: null } } };
}

async function resultOf(
	input: OperationInput,
	event: CallEvent,
	settings: Settings,
	log: DeliveryLog,
): Promise<OperationResult> {
	const { context } = input;
	const { timeoutMs, onFileUnavailable } = settings;
	const files: FileSource = {
		context,
		download: async (request) => await fetchWithRetry(input, timeoutMs, request),
		signal: () => AbortSignal.timeout(timeoutMs),
	};
	let made: EventItem;
	try {
		made = await eventItem(event, settings, files, log);
	} catch {
		return problemError(input, NOT_READ_BACK);
	}
	const { item, problem } = made;
	if (problem === null || onFileUnavailable === 'emit') return item;
	const fails = problem.transient || onFileUnavailable === 'fail';
	return fails ? problemError(input, problem) : item;
}

/** @throws NodeOperationError that names the field to correct, and what it must be */
function readSettings(input: OperationInput): Settings {
	const parameter = (name: string, fallback: unknown): unknown =>
		input.context.getNodeParameter(name, input.itemIndex, fallback);
	const parsed = settingsSchema.safeParse({
		events: parameter('events', DEFAULT_EVENTS),
		phoneNumbers: parameter('phoneNumberIds', []),
		downloadFile: parameter('downloadFile', true),
		options: parameter('options', {}),
	});
	if (!parsed.success) {
		throw inputError(
			input,
			parsed.error.issues[0].message,
			'Correct it in this node. If it is an expression, check what it evaluates to.',
		);
	}
	const { events, phoneNumbers, downloadFile, options } = parsed.data;
	return {
		...itemSettings(downloadFile, options),
		filter: { events, phoneNumbers },
		onFileUnavailable: options.onFileUnavailable,
		timeoutMs: options.timeout,
		maxConcurrentDownloads: options.maxConcurrentDownloads,
	};
}
