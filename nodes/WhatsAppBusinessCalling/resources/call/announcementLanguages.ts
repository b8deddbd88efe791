import type { INodePropertyOptions } from 'n8n-workflow';

/**
 * A language of the announcement that both sides hear before a call is recorded or transcribed, with Meta's
 * phrases. The purpose is spoken after the phrase.
 *
 * @source Meta, "Call recording": Supported announcement languages; Using recording with transcription
 */
export interface AnnouncementLanguage {
	label: string;
	codes: string[];
	recording: string;
	/** Spoken once, if recording and transcription are both on. */
	combined: string;
	/** Whether transcription alone is announced in English (Meta, "Call transcription"). */
	transcriptionInEnglish?: boolean;
}

export const ANNOUNCEMENT_LANGUAGES: AnnouncementLanguage[] = [
	{
		label: 'English',
		codes: ['en', 'en_US', 'en_AU', 'en_CA', 'en_GB', 'en_IN', 'en_NZ'],
		recording: 'The audio of this call will be recorded for the following purpose:',
		combined: 'The audio of this call will be recorded and transcribed for the following purpose:',
	},
	{
		label: 'Dutch',
		codes: ['nl'],
		recording: 'De audio van dit gesprek wordt voor het volgende doeleinde opgenomen:',
		combined:
			'De audio van dit gesprek wordt opgenomen en getranscribeerd voor het volgende doeleinde:',
		transcriptionInEnglish: true,
	},
	{
		label: 'French',
		codes: ['fr'],
		recording: "L'audio de cet appel sera enregistré aux fins suivantes :",
		combined: "L'audio de cet appel sera enregistré et transcrit aux fins suivantes :",
	},
	{
		label: 'German',
		codes: ['de'],
		recording: 'Dieser Anruf wird zu folgenden Zwecken aufgezeichnet:',
		combined: 'Dieser Anruf wird zu folgenden Zwecken aufgezeichnet und transkribiert:',
	},
	{
		label: 'Hindi',
		codes: ['hi'],
		recording: 'इस कॉल के ऑडियो को इस उद्देश्य के लिए रिकॉर्ड किया जाएगा:',
		combined: 'इस कॉल के ऑडियो को इस उद्देश्य के लिए रिकॉर्ड और ट्रांसक्राइब किया जाएगा:',
	},
	{
		label: 'Italian',
		codes: ['it'],
		recording: "L'audio di questa chiamata verrà registrato per il seguente scopo:",
		combined: "L'audio di questa chiamata verrà registrato e trascritto per il seguente scopo:",
	},
	{
		label: 'Kannada',
		codes: ['kn'],
		recording: 'ಈ ಕರೆಯ ಆಡಿಯೊವನ್ನು ಈ ಕೆಳಗಿನ ಉದ್ದೇಶಕ್ಕಾಗಿ ರೆಕಾರ್ಡ್ ಮಾಡಲಾಗುತ್ತದೆ:',
		combined:
			'ಈ ಕರೆಯ ಆಡಿಯೋವನ್ನು ರೆಕಾರ್ಡ್ ಮಾಡಲಾಗುತ್ತದೆ ಮತ್ತು ಕೆಳಗಿನ ಉದ್ದೇಶಕ್ಕಾಗಿ ಲಿಪ್ಯಂತರಿಸಲಾಗುತ್ತದೆ:',
	},
	{
		label: 'Portuguese (Brazil)',
		codes: ['pt'],
		recording: 'O áudio desta ligação será gravado para a seguinte finalidade:',
		combined: 'O áudio desta ligação será gravado e transcrito para a seguinte finalidade:',
	},
	{
		label: 'Spanish (Latin America)',
		codes: ['es'],
		recording: 'El audio de esta llamada se grabará con el siguiente propósito:',
		combined: 'El audio de esta llamada se grabará y transcribirá con el siguiente propósito:',
	},
	{
		label: 'Spanish (Spain)',
		codes: ['es_ES'],
		recording: 'El audio de esta llamada se grabará con el fin siguiente:',
		combined: 'El audio de esta llamada se grabará y transcribirá con este fin:',
		transcriptionInEnglish: true,
	},
	{
		label: 'Telugu',
		codes: ['te'],
		recording: 'ఈ కాల్ ఆడియోను క్రింది అవసరం కోసం రికార్డ్ చేయడం జరుగుతుంది:',
		combined: 'ఈ కాల్ ఆడియో క్రింది అవసరం కోసం రికార్డ్ చేసి, ట్రాన్స్క్రైబ్ చేయడం జరుగుతుంది:',
	},
	{
		label: 'Vietnamese',
		codes: ['vi'],
		recording: 'Âm thanh của cuộc gọi này sẽ được ghi lại cho mục đích sau:',
		combined: 'Âm thanh của cuộc gọi này sẽ được ghi âm và chép lời cho mục đích sau:',
	},
];

const REGIONS: Record<string, string> = {
	en_US: 'United States',
	en_AU: 'Australia',
	en_CA: 'Canada',
	en_GB: 'United Kingdom',
	en_IN: 'India',
	en_NZ: 'New Zealand',
};

export const LANGUAGE_CODES = ANNOUNCEMENT_LANGUAGES.flatMap((language) => language.codes);

export const languageOptions: INodePropertyOptions[] = ANNOUNCEMENT_LANGUAGES.flatMap((language) =>
	language.codes.map((code) => ({
		name: REGIONS[code] ? `${language.label} (${REGIONS[code]})` : language.label,
		value: code,
	})),
)
	// Not localeCompare: it loads locale data, which takes milliseconds when n8n starts.
	.sort((a, b) => (a.name < b.name ? -1 : 1));

export function announcementLanguage(code: string): AnnouncementLanguage | undefined {
	return ANNOUNCEMENT_LANGUAGES.find((language) => language.codes.includes(code));
}

/**
 * The supported code that was probably meant.
 *
 * @returns null if none is similar
 * @example
 * likelyLanguage('en-US') // 'en_US'
 * likelyLanguage('pt_BR') // 'pt'
 */
export function likelyLanguage(code: string): string | null {
	const parts = code
		.trim()
		.split(/[-_\s]+/)
		.filter(Boolean);
	if (parts.length === 0) return null;
	const language = parts[0].toLowerCase();
	const withRegion = parts[1] ? `${language}_${parts[1].toUpperCase()}` : language;
	if (LANGUAGE_CODES.includes(withRegion)) return withRegion;
	if (LANGUAGE_CODES.includes(language)) return language;
	const byName = ANNOUNCEMENT_LANGUAGES.find((row) =>
		row.label.toLowerCase().startsWith(code.trim().toLowerCase()),
	);
	return byName && code.trim().length >= 3 ? byName.codes[0] : null;
}

/** Phrase and purpose as both sides hear them; null if Meta does not publish the phrase. */
export function announcementText(
	kind: 'recording' | 'combined',
	code: string,
	purpose: string,
): string | null {
	const language = announcementLanguage(code);
	return language ? `${language[kind]} ${purpose}` : null;
}
