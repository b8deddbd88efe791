import type { IDataObject, INodeProperties } from 'n8n-workflow';

import {
	ANNOUNCEMENT_LANGUAGES,
	announcementText,
	LANGUAGE_CODES,
	languageOptions,
	likelyLanguage,
} from '../../announcements';
import { inputError, shortened, switchParameter, textParameter } from '../input';
import type { OperationInput } from '../types';

/** Operations that can ask for recording and transcription; the API takes them nowhere else. */
const OPERATIONS = ['start', 'accept'];

/** Longest purpose, in characters (Meta, "Call recording": recording object). */
const MAX_PURPOSE_LENGTH = 250;

type Values = Array<string | boolean | { _cnd: { startsWith: string } }>;

/**
 * Fields of the two operations, unless a switch has a value with which they have no meaning. Not
 * `show` for the switches: an expression in one of them would end n8n's look at the other conditions, and show the field
 * (and require it) whatever the other switch says.
 */
const unless = (conditions: Record<string, Values>) => ({
	show: { resource: ['call'], operation: OPERATIONS },
	hide: conditions,
});

/** For another language, or for one that only an expression knows. */
const otherThan = (codes: string[]): Values => [
	...LANGUAGE_CODES.filter((code) => !codes.includes(code)),
	{ _cnd: { startsWith: '=' } },
];

function purposeField(
	what: 'recording' | 'transcription',
	displayOptions: object,
): INodeProperties {
	return {
		displayName: what === 'recording' ? 'Recording Purpose' : 'Transcription Purpose',
		name: `${what}Purpose`,
		type: 'string',
		default: '',
		// Not `required`: that would hold for a switch with an expression too, whatever it gives.
		placeholder: 'e.g. quality assurance',
		description: `Why the call is ${what === 'recording' ? 'recorded' : 'transcribed'}, spoken to both sides at the end of the announcement. WhatsApp requires it. Write it in the language of the announcement, up to 250 characters.`,
		displayOptions,
	};
}

function languageField(
	what: 'recording' | 'transcription',
	displayOptions: object,
): INodeProperties {
	return {
		displayName: 'Announcement Language',
		name: `${what}Language`,
		type: 'options',
		options: languageOptions,
		default: 'en_US',
		description:
			'Language of the announcement that both sides hear. The conversation itself can be in any language.',
		displayOptions,
	};
}

function notice(name: string, displayName: string, displayOptions: object): INodeProperties {
	return { displayName, name, type: 'notice', default: '', displayOptions };
}

const recordingNotices = ANNOUNCEMENT_LANGUAGES.map(({ codes, recording }) =>
	notice(
		`recordingAnnouncement_${codes[0]}`,
		`Both sides hear: “${recording} [your purpose].” Recording starts after the announcement. If someone hangs up before it ends, nothing is recorded.`,
		unless({
			recordCall: [false],
			transcribeCall: [true],
			recordingLanguage: otherThan(codes),
		}),
	),
);

const combinedNotices = ANNOUNCEMENT_LANGUAGES.map(({ codes, combined }) =>
	notice(
		`combinedAnnouncement_${codes[0]}`,
		`Both sides hear one announcement: “${combined} [your purpose].” It covers both, with the purpose and language of the recording.`,
		unless({
			recordCall: [false],
			transcribeCall: [false],
			recordingLanguage: otherThan(codes),
		}),
	),
);

const inEnglish = ANNOUNCEMENT_LANGUAGES.filter((row) => row.transcriptionInEnglish).flatMap(
	(row) => row.codes,
);

export const announcementFields: INodeProperties[] = [
	{
		displayName: 'Record Call',
		name: 'recordCall',
		type: 'boolean',
		default: false,
		description:
			'Whether WhatsApp records the audio of this call. The recording arrives with the trigger event Call Recording Available, usually within a minute after the call.',
		displayOptions: unless({}),
	},
	purposeField('recording', unless({ recordCall: [false] })),
	languageField('recording', unless({ recordCall: [false] })),
	...recordingNotices,
	{
		displayName: 'Transcribe Call',
		name: 'transcribeCall',
		type: 'boolean',
		default: false,
		description:
			'Whether WhatsApp transcribes this call, independently of the recording. The transcript arrives with the trigger event Call Transcription Available.',
		displayOptions: unless({}),
	},
	purposeField('transcription', unless({ recordCall: [true], transcribeCall: [false] })),
	languageField('transcription', unless({ recordCall: [true], transcribeCall: [false] })),
	...combinedNotices,
	notice(
		'transcriptionAnnouncement',
		'Both sides hear an announcement that the call is transcribed, in the chosen language, followed by your purpose. If someone hangs up before it ends, nothing is transcribed.',
		unless({
			recordCall: [true],
			transcribeCall: [false],
			transcriptionLanguage: [...inEnglish, { _cnd: { startsWith: '=' } }],
		}),
	),
	notice(
		'transcriptionAnnouncementInEnglish',
		'For this language, WhatsApp announces the transcription in English, followed by your purpose. If someone hangs up before it ends, nothing is transcribed.',
		unless({
			recordCall: [true],
			transcribeCall: [false],
			transcriptionLanguage: otherThan(inEnglish),
		}),
	),
];

/** Shape of both request objects (Meta, "Call recording": recording object). */
interface AnnouncedFeature extends IDataObject {
	status: 'ENABLED';
	purpose: string;
	announcement_language: string;
}

export interface Announcement {
	/** Goes into the request body: only what is switched on. */
	body: { recording?: AnnouncedFeature; transcription?: AnnouncedFeature };
	/** What both sides hear, or null where nothing is on or Meta does not publish the phrase. */
	text: string | null;
}

/**
 * Reads and checks what is to be recorded and transcribed.
 *
 * @throws NodeOperationError for a missing or too long purpose and for an unknown language
 */
export function readAnnouncement(input: OperationInput): Announcement {
	const recording = switchParameter(input, 'recordCall', 'Record Call')
		? readFeature(input, 'recording')
		: undefined;
	// With both on, Meta uses the values of the recording and ignores these, but they must be valid.
	const transcription = switchParameter(input, 'transcribeCall', 'Transcribe Call')
		? (recording ?? readFeature(input, 'transcription'))
		: undefined;
	return {
		body: {
			...(recording ? { recording } : {}),
			...(transcription ? { transcription: { ...transcription } } : {}),
		},
		text: recording
			? announcementText(
					transcription ? 'combined' : 'recording',
					recording.announcement_language,
					recording.purpose,
				)
			: null,
	};
}

function readFeature(input: OperationInput, what: 'recording' | 'transcription'): AnnouncedFeature {
	const purpose = textParameter(input, `${what}Purpose`);
	const length = [...purpose].length;
	if (length === 0) {
		throw inputError(
			input,
			`The ${what} needs a purpose`,
			`WhatsApp speaks it to both sides before the ${what} starts, and rejects the call without it. Fill in ${what === 'recording' ? 'Recording' : 'Transcription'} Purpose, e.g. quality assurance. If it is an expression, check what it evaluates to.`,
		);
	}
	if (length > MAX_PURPOSE_LENGTH) {
		throw inputError(
			input,
			`The purpose of the ${what} is too long: ${length} characters`,
			`WhatsApp accepts at most ${MAX_PURPOSE_LENGTH} characters. Shorten it by ${length - MAX_PURPOSE_LENGTH}.`,
		);
	}
	return {
		status: 'ENABLED',
		purpose,
		announcement_language: readLanguage(input, what),
	};
}

function readLanguage(input: OperationInput, what: 'recording' | 'transcription'): string {
	const code = textParameter(input, `${what}Language`);
	if (LANGUAGE_CODES.includes(code)) return code;
	const likely = likelyLanguage(code);
	throw inputError(
		input,
		code === ''
			? 'The announcement language is missing'
			: `"${shortened(code)}" is not an announcement language${likely ? `, did you mean "${likely}"?` : ''}`,
		`WhatsApp supports these: ${LANGUAGE_CODES.join(', ')}.`,
	);
}
