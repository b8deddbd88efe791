import type { IDataObject, INodeProperties } from 'n8n-workflow';

import { inputError } from '../shared/errors';
import { booleanParameter, textParameter, truncate } from '../shared/parameters';
import type { OperationInput } from '../types';
import {
	ANNOUNCEMENT_LANGUAGES,
	announcementText,
	LANGUAGE_CODES,
	languageOptions,
	likelyLanguage,
} from './announcementLanguages';

/** Operations with recording and transcription; the API accepts them nowhere else. */
const OPERATIONS = ['start', 'accept'];

type Feature = 'recording' | 'transcription';

/** Longest purpose, in characters (Meta, "Call recording": recording object). */
const MAX_PURPOSE_LENGTH = 250;

type HideValues = Array<string | boolean | { _cnd: { startsWith: string } }>;

/**
 * Shows a field for the two operations, and hides it for values of other fields with which it has no
 * meaning. Not `show` for those: if one of them is an expression, n8n ignores the remaining conditions and shows
 * (and requires) the field whatever their values.
 */
const hideFor = (conditions: Record<string, HideValues>) => ({
	show: { resource: ['call'], operation: OPERATIONS },
	hide: conditions,
});

/** Values of a language field that are not one of these codes, expressions included. */
const otherThan = (codes: string[]): HideValues => [
	...LANGUAGE_CODES.filter((code) => !codes.includes(code)),
	{ _cnd: { startsWith: '=' } },
];

function purposeField(feature: Feature, displayOptions: object): INodeProperties {
	return {
		displayName: feature === 'recording' ? 'Recording Purpose' : 'Transcription Purpose',
		name: `${feature}Purpose`,
		type: 'string',
		default: '',
		// Not `required`: it would also apply when the switch is an expression that gives false.
		placeholder: 'e.g. quality assurance',
		hint: `Spoken after the announcement. Up to ${MAX_PURPOSE_LENGTH} characters, in the language of the announcement.`,
		description: `Why the call is ${feature === 'recording' ? 'recorded' : 'transcribed'}, spoken to both sides. WhatsApp requires it.`,
		displayOptions,
	};
}

function languageField(feature: Feature, displayOptions: object): INodeProperties {
	return {
		displayName: 'Announcement Language',
		name: `${feature}Language`,
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
		hideFor({
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
		hideFor({
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
		displayOptions: hideFor({}),
	},
	notice(
		'notRecorded',
		'Off: WhatsApp records nothing, and no recording event comes',
		hideFor({ recordCall: [true, { _cnd: { startsWith: '=' } }] }),
	),
	purposeField('recording', hideFor({ recordCall: [false] })),
	languageField('recording', hideFor({ recordCall: [false] })),
	...recordingNotices,
	{
		displayName: 'Transcribe Call',
		name: 'transcribeCall',
		type: 'boolean',
		default: false,
		description:
			'Whether WhatsApp transcribes this call, independently of the recording. The transcript arrives with the trigger event Call Transcription Available.',
		displayOptions: hideFor({}),
	},
	purposeField('transcription', hideFor({ recordCall: [true], transcribeCall: [false] })),
	languageField('transcription', hideFor({ recordCall: [true], transcribeCall: [false] })),
	...combinedNotices,
	notice(
		'transcriptionAnnouncement',
		'Both sides hear an announcement that the call is transcribed, in the chosen language, followed by your purpose. If someone hangs up before it ends, nothing is transcribed.',
		hideFor({
			recordCall: [true],
			transcribeCall: [false],
			transcriptionLanguage: [...inEnglish, { _cnd: { startsWith: '=' } }],
		}),
	),
	notice(
		'transcriptionAnnouncementInEnglish',
		'For this language, WhatsApp announces the transcription in English, followed by your purpose. If someone hangs up before it ends, nothing is transcribed.',
		hideFor({
			recordCall: [true],
			transcribeCall: [false],
			transcriptionLanguage: otherThan(inEnglish),
		}),
	),
];

/** Both request objects (Meta, "Call recording": recording object). */
interface AnnouncedFeature extends IDataObject {
	status: 'ENABLED';
	purpose: string;
	announcement_language: string;
}

export interface Announcement {
	/** For the request body; only features that are on. */
	body: { recording?: AnnouncedFeature; transcription?: AnnouncedFeature };
	/** What both sides hear; null if no feature is on or Meta does not publish the phrase. */
	text: string | null;
	/** All of it for the item, with the panel's names. */
	output: IDataObject;
}

/**
 * Reads the parameters for recording and transcription.
 *
 * @throws NodeOperationError for a missing or too long purpose and for an unknown language
 */
export function readAnnouncement(input: OperationInput): Announcement {
	const recording = booleanParameter(input, 'recordCall', 'Record Call')
		? readFeature(input, 'recording')
		: undefined;
	// With both on, Meta uses the values of the recording. These are ignored, but must be valid.
	const transcription = booleanParameter(input, 'transcribeCall', 'Transcribe Call')
		? (recording ?? readFeature(input, 'transcription'))
		: undefined;
	const announced = recording ?? transcription;
	const text = recording
		? announcementText(
				transcription ? 'combined' : 'recording',
				recording.announcement_language,
				recording.purpose,
			)
		: null;
	return {
		body: {
			...(recording ? { recording } : {}),
			...(transcription ? { transcription: { ...transcription } } : {}),
		},
		text,
		output: {
			recordCall: recording !== undefined,
			transcribeCall: transcription !== undefined,
			purpose: announced?.purpose ?? null,
			announcementLanguage: announced?.announcement_language ?? null,
			announcement: text,
		},
	};
}

function readFeature(input: OperationInput, feature: Feature): AnnouncedFeature {
	const purpose = textParameter(input, `${feature}Purpose`);
	const length = [...purpose].length;
	if (length === 0) {
		throw inputError(
			input,
			`The ${feature} needs a purpose`,
			`WhatsApp speaks it to both sides before the ${feature} starts, and rejects the call without it. Fill in ${feature === 'recording' ? 'Recording' : 'Transcription'} Purpose, e.g. quality assurance. If it is an expression, check what it evaluates to.`,
		);
	}
	if (length > MAX_PURPOSE_LENGTH) {
		throw inputError(
			input,
			`The purpose of the ${feature} is too long: ${length} characters`,
			`WhatsApp accepts at most ${MAX_PURPOSE_LENGTH} characters. Shorten it by ${length - MAX_PURPOSE_LENGTH}.`,
		);
	}
	return {
		status: 'ENABLED',
		purpose,
		announcement_language: languageParameter(input, feature),
	};
}

function languageParameter(input: OperationInput, feature: Feature): string {
	const code = textParameter(input, `${feature}Language`);
	if (LANGUAGE_CODES.includes(code)) return code;
	const likely = likelyLanguage(code);
	throw inputError(
		input,
		code === ''
			? 'The announcement language is missing'
			: `"${truncate(code)}" is not an announcement language${likely ? `, did you mean "${likely}"?` : ''}`,
		`WhatsApp supports these: ${LANGUAGE_CODES.join(', ')}.`,
	);
}
