import type { IDataObject, INodeProperties } from 'n8n-workflow';
import { NodeOperationError, sleep } from 'n8n-workflow';
import { z } from 'zod';

import { toNodeApiError } from '../../graph/nodeApiError';
import { fetchMedia } from '../../media/fetchMedia';
import type { FileProperty } from '../../media/fileNames';
import { URL_LIFETIME_MS } from '../../media/lifetimes';
import { finalMessage, getMediaInfo, isMediaGone, mediaGone } from '../../media/mediaInfo';
import { parseSha256 } from '../../media/sha256';
import { readTranscript } from '../../media/transcript';
import type { MediaOutcome, MediaProblem, MediaProblemReason, StoredFile } from '../../media/types';
import { maxFileSizeSchema, numberSchema, withMessage } from '../../parameterSchemas';
import { isoTimeOfMs } from '../../values';
import type { Operation, OperationInput } from '../types';
import { inputError } from './errors';
import { mediaIdParameter, textParameter } from './parameters';

const MAX_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 1_000;

/** The option *Timeout (Seconds)*: of one attempt. The output is in whole milliseconds, as timers need. */
export const timeoutSchema = numberSchema(
	'Timeout (Seconds) must be a number above 0, and at most 86400',
	(number) => number.positive().max(86_400),
)
	.default(300)
	.transform((seconds) => Math.round(seconds * 1000));

const optionsSchema = z.object(
	{
		maxFileSize: maxFileSizeSchema,
		phoneNumberId: z
			.union([z.string(), z.number()], withMessage('Phone Number ID must be an ID'))
			.nullish()
			.transform((id) => String(id ?? '').trim()),
		timeout: timeoutSchema,
	},
	withMessage('Options must be an object'),
);

const TITLES: Partial<Record<MediaProblemReason, string>> = {
	accessDenied: 'Meta refused access to the file',
	hashMismatch: 'The file does not have the expected SHA-256',
	hostNotAllowed: 'The file is on a host that is not allowed',
	mediaGone: 'The file is no longer available at Meta',
	storageFailed: 'n8n could not store the file',
	timeout: 'The download took too long',
	tooLarge: 'The file is too large',
	unavailable: 'Meta did not provide the file',
};

function mediaIdField(resource: FileProperty, operation: string): INodeProperties {
	return {
		displayName: 'Media ID',
		name: 'mediaId',
		type: 'string',
		default: '',
		required: true,
		placeholder: `e.g. {{ $json.${resource}.mediaId }}`,
		description:
			"ID of the file, from the trigger's event. Meta keeps the file for 7 days after that event.",
		displayOptions: { show: { resource: [resource], operation: [operation] } },
	};
}

export const timeoutOption: INodeProperties = {
	displayName: 'Timeout (Seconds)',
	name: 'timeout',
	type: 'number',
	default: 300,
	typeOptions: { minValue: 1, maxValue: 86400 },
	description: 'Maximum time for one download attempt, in seconds',
};

function downloadFields(resource: FileProperty): INodeProperties[] {
	const displayOptions = { show: { resource: [resource], operation: ['download'] } };
	return [
		mediaIdField(resource, 'download'),
		{
			displayName: 'SHA-256',
			name: 'sha256',
			type: 'string',
			default: '',
			placeholder: `e.g. {{ $json.${resource}.sha256 }}`,
			description:
				'Hash that the file must have, as base64 or hex. Leave empty to use the one that Meta provides.',
			displayOptions,
		},
		{
			displayName: 'Put Output File in Field',
			name: 'binaryPropertyName',
			type: 'string',
			default: 'data',
			required: true,
			hint: 'The name of the output binary field to put the file in',
			displayOptions,
		},
		{
			displayName: 'Options',
			name: 'options',
			type: 'collection',
			placeholder: 'Add option',
			default: {},
			displayOptions,
			options: [
				{
					displayName: 'Max File Size (MB)',
					name: 'maxFileSize',
					type: 'number',
					default: 100,
					typeOptions: { minValue: 1 },
					description: 'Maximum file size in MB. A larger file is rejected, and nothing is stored.',
				},
				{
					displayName: 'Phone Number ID',
					name: 'phoneNumberId',
					type: 'string',
					default: '',
					placeholder: 'e.g. {{ $json.phoneNumberId }}',
					description:
						'Phone number that the file must belong to. Otherwise, Meta rejects the request.',
				},
				timeoutOption,
			],
		},
	];
}

/** Downloads a file by its media ID. Recordings and transcripts differ only in their item. */
export function downloadOperation(resource: FileProperty): Operation {
	return {
		properties: downloadFields(resource),

		async execute(input) {
			const mediaId = mediaIdParameter(input);
			const sha256 = sha256Parameter(input);
			const options = optionsParameter(input);
			const binaryPropertyName = textParameter(input, 'binaryPropertyName') || 'data';
			const outcome = await fetchWithRetry(input, options.timeout, {
				mediaId,
				phoneNumberId: options.phoneNumberId || null,
				url: null,
				eventAt: null,
				sha256,
				mimeType: null,
				property: resource,
				maxBytes: options.maxFileSize,
				allowUnverified: true,
			});
			if (!outcome.ok) throw problemError(input, outcome.problem);
			const { file } = outcome;
			const json: IDataObject = {
				...(resource === 'recording'
					? { durationSeconds: file.durationSeconds, channels: file.channels }
					: { transcript: await storedTranscript(input, file, options.timeout) }),
				fileName: file.fileName,
				sizeBytes: file.sizeBytes,
				mimeType: file.mimeType,
				verified: file.verified,
				mediaId,
				sha256: file.sha256,
			};
			return { json, binary: { [binaryPropertyName]: file.binary } };
		},
	};
}

/** Gets the metadata and a fresh URL of a file. */
export function getOperation(resource: FileProperty): Operation {
	return {
		properties: [mediaIdField(resource, 'get')],

		async execute(input) {
			const { context, account, itemIndex } = input;
			const mediaId = mediaIdParameter(input);
			const requestedAt = Date.now();
			const info = await getMediaInfo(context, account, {
				mediaId,
				property: resource,
				phoneNumberId: null,
				repeat: 'freely',
			});
			if (!info.ok) {
				if (isMediaGone(info.failure)) throw problemError(input, mediaGone(mediaId, null));
				throw toNodeApiError(context.getNode(), info.failure, itemIndex);
			}
			return {
				json: {
					url: info.value.url,
					urlValidUntil: isoTimeOfMs(requestedAt + URL_LIFETIME_MS),
					sizeBytes: info.value.sizeBytes,
					mimeType: info.value.mimeType,
					mediaId,
					sha256: info.value.sha256?.toString('base64') ?? null,
				},
			};
		},
	};
}

/** Temporary problems that another attempt a moment later does not solve. */
const NOT_REPEATED = new Set<MediaProblemReason>(['accessDenied', 'timeout']);

/** Repeats a download after a temporary problem. */
export async function fetchWithRetry(
	{ context, account }: OperationInput,
	timeoutMs: number,
	request: Parameters<typeof fetchMedia>[2],
): Promise<MediaOutcome> {
	for (let attempt = 1; ; attempt++) {
		const signal = AbortSignal.timeout(timeoutMs);
		const outcome = await fetchMedia(context, account, request, signal);
		const isRepeatable =
			!outcome.ok && outcome.problem.transient && !NOT_REPEATED.has(outcome.problem.reason);
		if (!isRepeatable || attempt >= MAX_ATTEMPTS) return outcome;
		await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
	}
}

/** n8n's store does not return a file that it has just stored. */
export const NOT_READ_BACK: MediaProblem = {
	reason: 'storageFailed',
	message: "n8n stored the file, but could not read it back. Check n8n's binary data storage.",
	transient: true,
};

/** Reads the transcript from a file that n8n has just stored. */
async function storedTranscript(
	input: OperationInput,
	{ binary, sizeBytes }: StoredFile,
	timeoutMs: number,
): Promise<IDataObject | null> {
	try {
		return await readTranscript(input.context, binary, sizeBytes, AbortSignal.timeout(timeoutMs));
	} catch {
		throw problemError(input, NOT_READ_BACK);
	}
}

function sha256Parameter(input: OperationInput): Buffer | null {
	const text = textParameter(input, 'sha256');
	if (text === '') return null;
	const hash = parseSha256(text);
	if (hash) return hash;
	throw inputError(
		input,
		'The SHA-256 cannot be read',
		"It must be 44 characters of base64, as in the trigger's item, or 64 hexadecimal digits. Leave it empty to use the one that Meta provides.",
	);
}

function optionsParameter(input: OperationInput): z.infer<typeof optionsSchema> {
	const parsed = optionsSchema.safeParse(
		input.context.getNodeParameter('options', input.itemIndex, {}),
	);
	if (parsed.success) return parsed.data;
	throw inputError(
		input,
		parsed.error.issues[0].message,
		'Correct it under Options. If it is an expression, check what it evaluates to.',
	);
}

export function problemError(
	{ context, itemIndex }: OperationInput,
	problem: MediaProblem,
): NodeOperationError {
	const error = new NodeOperationError(
		context.getNode(),
		TITLES[problem.reason] ?? 'The file could not be downloaded',
		{ description: finalMessage(problem), itemIndex },
	);
	error.context.reason = problem.reason;
	return error;
}
