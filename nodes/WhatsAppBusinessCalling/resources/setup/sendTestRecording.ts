import { createHash, randomUUID } from 'crypto';
import type { IDataObject } from 'n8n-workflow';

import { signatureOf } from '../../delivery/signature';
import { toNodeApiError } from '../../graph/nodeApiError';
import { phoneNumbers } from '../../graph/phoneNumbers';
import type { Result } from '../../graph/types';
import { uploadMedia, type Upload } from '../../graph/uploadMedia';
import { USER_AGENT } from '../../http/limits';
import { deliverToOtherHost, type DeliveryResponse } from '../../http/otherHost';
import { bareMimeType } from '../../media/fileNames';
import { getMediaInfo } from '../../media/mediaInfo';
import { askForProof, type ChallengeAnswer } from '../../registration/askForChallenge';
import { withoutSlash } from '../../registration/sharedAddress';
import { digitsOf } from '../../values';
import { readBinaryFile } from '../shared/binaryFile';
import { inputError } from '../shared/errors';
import { showHint } from '../shared/hint';
import { phoneNumberIdParameter, textParameter, truncate } from '../shared/parameters';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput, OperationOutput } from '../types';
import { bad, good, type Finding } from './findings';
import { SAMPLE_AUDIO } from './sampleAudio';
import { deliveryOf, unixSeconds } from './sampleDelivery';

const show = { resource: ['setup'], operation: ['sendTestRecording'] };

/** What Meta takes for audio, and up to which size (Meta, "Media", supported types). */
const AUDIO_EXTENSIONS: Record<string, string> = {
	'audio/aac': 'aac',
	'audio/amr': 'amr',
	'audio/mp4': 'm4a',
	'audio/mpeg': 'mp3',
	'audio/ogg': 'ogg',
};
const MAX_AUDIO_BYTES = 16 * 1024 * 1024;

/** Milliseconds for n8n's answer: a trigger that acknowledges late runs its workflow meanwhile. */
const ANSWER_MS = 60_000;

/** Reserved for fiction: nobody is called or written to by a workflow that is being tried out. */
const PERSON = '12025550123';

/** Shows in the item that it is a test: as callback data, contact name and in the call ID. */
const MARK = 'test recording';

interface Audio {
	bytes: Buffer;
	mimeType: string;
}

/**
 * Goes the whole way of a recording without a call: uploads audio to Meta, and sends the trigger a signed event about it,
 * as Meta would.
 *
 * The signature goes to the URL that the operator has entered, so it is made only for a trigger that proves to have
 * the app secret already, and only for an event that is written here: who may use the credential can sign nothing else,
 * for nobody else.
 */
export const sendTestRecording: Operation = {
	properties: [
		phoneNumberField({ show }),
		{
			displayName: 'URL of the Trigger',
			name: 'triggerUrl',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. https://n8n.example.com/webhook/.../webhook',
			hint: 'Open the trigger, then Webhook URLs. Production URL: publish the workflow first. Test URL: click Execute step in the trigger first.',
			description: 'Where to send the event. The trigger needs a credential of the same Meta app.',
			displayOptions: { show },
		},
		{
			displayName: 'Audio',
			name: 'audio',
			type: 'options',
			default: 'sample',
			description: 'What the recording contains',
			displayOptions: { show },
			options: [
				{ name: 'Sample', value: 'sample', description: '4.5 seconds of speech' },
				{
					name: 'Binary File',
					value: 'binaryFile',
					description: 'AAC, AMR, MP3, MP4 audio or Ogg Opus (mono), up to 16 MB',
				},
			],
		},
		{
			displayName: 'Input Binary Field',
			name: 'binaryPropertyName',
			type: 'string',
			default: 'data',
			required: true,
			hint: 'The name of the input binary field with the audio',
			displayOptions: { show: { ...show, audio: ['binaryFile'] } },
		},
	],

	async execute(input) {
		const { context, account } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const url = urlParameter(input);
		const audio = await readAudio(input);
		const proof = await askForProof(context, url, account.appSecret);
		if (proof !== 'accepted') return output(input, withoutProof(proof), { url });

		const displayPhoneNumber = await numberOnAccount(input, phoneNumberId);
		const mediaId = valueOf(
			input,
			await uploadMedia(context, account, fileOf(phoneNumberId, audio)),
		);
		const info = valueOf(
			input,
			await getMediaInfo(context, account, {
				mediaId,
				property: 'recording',
				phoneNumberId,
				repeat: 'freely',
			}),
		);
		const callId = `wacid.TEST${randomUUID().replaceAll('-', '').toUpperCase()}`;
		const sha256 = (info.sha256 ?? createHash('sha256').update(audio.bytes).digest()).toString(
			'base64',
		);
		const place = {
			businessAccountId: account.businessAccountId,
			phoneNumberId,
			displayPhoneNumber,
		};
		const contact = { wa_id: PERSON, profile: { name: MARK } };
		const delivery = deliveryOf(place, contact, {
			id: callId,
			event: 'call_recording_available',
			timestamp: unixSeconds(),
			from: PERSON,
			biz_opaque_callback_data: MARK,
			call_recording: {
				type: 'audio',
				audio: { id: mediaId, sha256, mime_type: audio.mimeType, url: info.url },
			},
		});
		const answer = await send(input, url, delivery);
		return output(input, answerFinding(answer, callId), {
			...(answer && { httpStatus: answer.status }),
			...{ callId, mediaId, sha256, sizeBytes: audio.bytes.length, url },
		});
	},
};

/** Without a slash at the end, which n8n does not have in its URLs either. */
function urlParameter(input: OperationInput): string {
	const text = withoutSlash(textParameter(input, 'triggerUrl'));
	const url = URL.canParse(text) ? new URL(text) : null;
	const isPlain = url !== null && !/[?#@]/.test(text) && /^https?:$/.test(url.protocol);
	if (isPlain) return text;
	throw inputError(
		input,
		text === ''
			? 'The URL of the trigger is missing'
			: `"${truncate(text)}" is not the URL of a trigger`,
		'Copy it from the trigger, unchanged: Webhook URLs > Production URL or Test URL, at the top of its panel.',
	);
}

async function readAudio(input: OperationInput): Promise<Audio> {
	const { context, itemIndex } = input;
	if (context.getNodeParameter('audio', itemIndex, 'sample') !== 'binaryFile') {
		return { bytes: monoSampleAudio(), mimeType: 'audio/ogg' };
	}
	const { mimeType, content: bytes } = await readBinaryFile(input, MAX_AUDIO_BYTES);
	if (!Object.hasOwn(AUDIO_EXTENSIONS, bareMimeType(mimeType))) {
		throw inputError(
			input,
			`Meta does not accept audio of the type ${truncate(mimeType)}`,
			`Convert the file, or choose Sample under Audio. Types: ${Object.keys(AUDIO_EXTENSIONS).join(', ')}.`,
		);
	}
	if (bytes === null) {
		throw inputError(input, 'The audio is larger than 16 MB', 'Use a shorter file.');
	}
	return { bytes, mimeType: bareMimeType(mimeType) };
}

/**
 * The first page of the sample as that of a mono file. The packets need no change: a decoder gives as many channels as
 * the first page says (RFC 7845, section 5.1.1).
 */
const MONO_HEAD = 'T2dnUwACAAAAAAAAAAABAAAAAAAAAFedtgsBE09wdXNIZWFkAQE4AYA+AAAAAAA=';

/** The sample in mono: Meta takes no other uploads of Ogg Opus (Meta, "Media", supported types). */
export function monoSampleAudio(): Buffer {
	const head = Buffer.from(MONO_HEAD, 'base64');
	return Buffer.concat([head, Buffer.from(SAMPLE_AUDIO, 'base64').subarray(head.length)]);
}

const fileOf = (phoneNumberId: string, { bytes, mimeType }: Audio): Upload => ({
	phoneNumberId,
	content: bytes,
	mimeType,
	fileName: `test-recording.${AUDIO_EXTENSIONS[mimeType]}`,
});

/** Digits of the number as events show it. */
async function numberOnAccount(input: OperationInput, phoneNumberId: string): Promise<string> {
	const numbers = valueOf(input, await phoneNumbers(input.context, input.account));
	const number = numbers.find(({ id }) => id === phoneNumberId);
	if (number) return digitsOf(number.displayPhoneNumber);
	throw inputError(
		input,
		`The number ${phoneNumberId} is not on this account`,
		'Choose the number from the list, or correct WhatsApp Business Account ID in the credential.',
	);
}

function valueOf<T>({ context, itemIndex }: OperationInput, result: Result<T>): T {
	if (result.ok) return result.value;
	throw toNodeApiError(context.getNode(), result.failure, itemIndex);
}

/** @returns null where no answer comes */
async function send(
	{ context, account }: OperationInput,
	url: string,
	delivery: IDataObject,
): Promise<DeliveryResponse | null> {
	const body = Buffer.from(JSON.stringify(delivery));
	const headers = {
		'Content-Type': 'application/json',
		'User-Agent': USER_AGENT,
		'X-Hub-Signature-256': signatureOf(account.appSecret, body),
	};
	const request = { method: 'POST', url, headers, body } as const;
	try {
		return await deliverToOtherHost(context, request, ANSWER_MS);
	} catch {
		return null;
	}
}

const PUBLISH =
	'Publish the workflow with the trigger. For its test URL, click Execute step in the trigger, and then run this again: n8n listens for two minutes, and for one event.';

function withoutProof(answer: Exclude<ChallengeAnswer, 'accepted'>): Finding {
	switch (answer) {
		case 'notRegistered':
			return bad('n8n has no trigger at this URL now (HTTP status 404); nothing was sent', PUBLISH);
		case 'refused':
			return bad(
				'What responds at this URL is not a trigger with this app secret; nothing was sent',
				'Copy the URL from the trigger again, unchanged, and select the same credential in the trigger and here.',
			);
		case 'unavailable':
			return bad(
				'A proxy responds at this URL, or an n8n that is starting, is overloaded or cannot read the credential of the trigger; nothing was sent',
				"Check that n8n runs, that your reverse proxy passes requests to it, and n8n's log.",
			);
		case 'unreachable':
			return bad(
				'Nothing responds at this URL; nothing was sent',
				'Check the host name, the certificate and the firewall. If Meta reaches this URL and n8n does not, allow n8n to reach its own public URL.',
			);
	}
}

/** What n8n's answer to the event means. Meta delivers again whatever does not get a 200. */
function answerFinding(answer: DeliveryResponse | null, callId: string): Finding {
	if (answer === null) {
		return bad(
			`The trigger did not respond within ${ANSWER_MS / 1000} seconds`,
			'Look at its executions. With Acknowledge set to When Workflow Has Succeeded, shorten the workflow: Meta waits for 20 seconds.',
		);
	}
	const { status, isPage: isHtml, isUnknownToN8n } = answer;
	const found = `n8n responded to the event with HTTP status ${status}`;
	if (status >= 200 && status < 300 && !isHtml) {
		return good(
			`The trigger accepted the event (HTTP status ${status})`,
			`Look at the executions of its workflow for the call ID ${callId}. If there is none, the trigger does not receive the event Call Recording Available, or not for this phone number: change its settings.`,
		);
	}
	if (status === 404 && isUnknownToN8n) return bad(found, PUBLISH);
	if (status === 401) {
		return bad(
			`${found}: it did not accept the signature`,
			'Select the same credential in the trigger and here. If it is the same, check that no proxy changes the body of requests.',
		);
	}
	if (status === 413) {
		return bad(
			found,
			'Allow larger requests in your reverse proxy: events of Meta have up to 3 MB.',
		);
	}
	if (status === 503) {
		return bad(
			`${found}: the recording is not complete yet, and Meta would deliver it again`,
			"Read n8n's log, which names the reason: the file could not be downloaded or stored, too many deliveries came at once, or another workflow at the same webhook did not answer.",
		);
	}
	if (status === 500 && !isHtml) {
		return bad(
			found,
			"Open the failed execution of its workflow, or n8n's log, and correct what failed.",
		);
	}
	return bad(
		`${found}, which does not come from the trigger`,
		'Check your reverse proxy: it must pass POST requests for this path to n8n, without redirects or pages of its own.',
	);
}

function output(
	{ context, itemIndex }: OperationInput,
	finding: Finding,
	facts: IDataObject,
): OperationOutput {
	if (finding.status !== 'ok' && itemIndex === 0) {
		showHint(context, 'warning', `${finding.found}: ${finding.whatToDo}`);
	}
	return { json: { ...finding, ...facts } };
}
