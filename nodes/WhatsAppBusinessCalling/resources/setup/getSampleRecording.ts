import { createHash } from 'crypto';
import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { fileItem } from '../../delivery/fileItem';
import { EVENT_TYPES } from '../../events/eventTypes';
import { announcedFile, callFields, problemFields } from '../../events/items';
import { parseDelivery, type CallEvent } from '../../events/parseDelivery';
import { mediaFileName, type FileProperty } from '../../media/fileNames';
import { OggOpusMeter } from '../../media/oggOpus';
import type { OfflineOperation, OperationOutput } from '../types';
import { SAMPLE_AUDIO } from './sampleAudio';
import { deliveryOf, unixSeconds } from './sampleDelivery';

const displayOptions = { show: { resource: ['setup'], operation: ['getSampleRecording'] } };

const sampleField: INodeProperties = {
	displayName: 'Sample',
	name: 'sample',
	type: 'options',
	default: 'recording',
	displayOptions,
	description: "Which of the trigger's items to get",
	options: [
		{
			name: 'Incoming Call',
			value: 'connect',
			description: 'A call that rings, with its SDP offer',
		},
		{
			name: 'Recording',
			value: 'recording',
			description: 'A recording with its audio file in the field data',
		},
		{
			name: 'Recording Without File',
			value: 'recordingWithoutFile',
			description: 'A recording whose file could not be downloaded in time',
		},
		{
			name: 'Transcript',
			value: 'transcription',
			description: 'A transcript with its file in the field data, and its text in the item',
		},
	],
};

const BUSINESS = '15550001234';
const PERSON = '14085551234';
const CALL_ID = 'wacid.SAMPLE00000000000000000000000000000000000000';
const MEDIA_ID = '1234567890123456';

/** Milliseconds for the transcript to come out of n8n's binary store. */
const READ_MS = 60_000;

const SDP_OFFER = [
	'v=0',
	'o=- 1700000000000 2 IN IP4 127.0.0.1',
	's=-',
	't=0 0',
	'a=group:BUNDLE audio',
	'm=audio 3480 UDP/TLS/RTP/SAVPF 111 126',
	'c=IN IP4 192.0.2.10',
	'a=mid:audio',
	'a=setup:actpass',
	'a=sendrecv',
	'a=rtpmap:111 opus/48000/2',
	'a=rtpmap:126 telephone-event/8000',
	'',
].join('\r\n');

/** In the format that Meta documents ("Call transcription"). */
const TRANSCRIPT = JSON.stringify({
	transcript: {
		text: '[Business] Hello, this is a sample recording. [Customer] Thank you. It works.',
		language: 'en',
		duration: 4.5,
		confidence: 0.95,
		segments: [
			{
				id: 1,
				speaker: 'Business',
				channel: 0,
				start: 0,
				end: 2.3,
				text: 'Hello, this is a sample recording.',
				confidence: 0.95,
			},
			{
				id: 2,
				speaker: 'Customer',
				channel: 1,
				start: 2.4,
				end: 4.3,
				text: 'Thank you. It works.',
				confidence: 0.95,
			},
		],
	},
});

/**
 * Returns an item like those of the trigger, for building a workflow before the first call. Sends nothing and
 * needs no credential. The trigger's own code makes the item from an event in Meta's format.
 */
export const getSampleRecording: OfflineOperation = {
	isOffline: true,
	properties: [sampleField],

	async execute({ context, itemIndex }) {
		const sample = String(context.getNodeParameter('sample', itemIndex, 'recording'));
		switch (sample) {
			case 'connect':
				return { json: callFields(sampleEvent('connect', connectFields())) };
			case 'transcription':
				return await withFile(context, 'transcription', Buffer.from(TRANSCRIPT));
			case 'recordingWithoutFile':
				return withoutFile('recording', recordingAudio());
			default:
				return await withFile(context, 'recording', recordingAudio());
		}
	},
};

const recordingAudio = () => Buffer.from(SAMPLE_AUDIO, 'base64');

const connectFields = (): IDataObject => ({
	direction: 'USER_INITIATED',
	session: { sdp_type: 'offer', sdp: SDP_OFFER },
});

/** How Meta's events name their file. */
const FORMS: Record<FileProperty, { mimeType: string; field: string; type: string }> = {
	recording: { mimeType: 'audio/ogg', field: 'call_recording', type: 'audio' },
	transcription: { mimeType: 'application/json', field: 'call_transcript', type: 'document' },
};

const sha256 = (file: Buffer) => createHash('sha256').update(file).digest('base64');

function fileEvent(property: FileProperty, file: Buffer): CallEvent {
	const { mimeType, field, type } = FORMS[property];
	const media = { id: MEDIA_ID, mime_type: mimeType, sha256: sha256(file) };
	const fields = {
		direction: 'USER_INITIATED',
		biz_opaque_callback_data: 'sample',
		[field]: { type, [type]: media },
	};
	return sampleEvent(`call_${property}_available`, fields);
}

/** As Meta delivers it, a moment ago. */
function sampleEvent(event: string, fields: IDataObject): CallEvent {
	const call = {
		id: CALL_ID,
		event,
		timestamp: unixSeconds(),
		from: PERSON,
		to: BUSINESS,
		...fields,
	};
	const place = {
		businessAccountId: '102000000000001',
		phoneNumberId: '106000000000001',
		displayPhoneNumber: BUSINESS,
	};
	const contact = {
		wa_id: PERSON,
		profile: { name: 'Sample Person', username: 'sample.person' },
	};
	const delivery = deliveryOf(place, contact, call);
	const wanted = {
		events: new Set(EVENT_TYPES.map(({ name }) => name)),
		phoneNumbers: new Set<string>(),
	};
	const [found] = parseDelivery(delivery, wanted, () => {});
	return found;
}

function withoutFile(property: FileProperty, file: Buffer): OperationOutput {
	const event = fileEvent(property, file);
	const announced = announcedFile(event, property, event.file?.media ?? null);
	const missing = problemFields(announced, {
		reason: 'unavailable',
		message: 'This is a sample: the file could not be downloaded within the time set in Retry For.',
		transient: false,
	});
	return { json: callFields(event, missing) };
}

async function withFile(
	context: IExecuteFunctions,
	property: FileProperty,
	content: Buffer,
): Promise<OperationOutput> {
	const event = fileEvent(property, content);
	const announced = announcedFile(event, property, event.file?.media ?? null);
	const { mimeType } = FORMS[property];
	const fileName = mediaFileName(property, MEDIA_ID, mimeType);
	const meter = new OggOpusMeter();
	meter.push(content);
	const audio = meter.result();
	const file = {
		binary: await context.helpers.prepareBinaryData(content, fileName, mimeType),
		fileName,
		mimeType,
		sizeBytes: content.length,
		durationSeconds: audio?.durationSeconds ?? null,
		channels: audio?.channels ?? null,
		sha256: sha256(content),
		verified: true,
	};
	const json = callFields(event, announced);
	return await fileItem(context, json, property, file, 'data', AbortSignal.timeout(READ_MS));
}
