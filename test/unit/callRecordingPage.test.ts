// Every row of the tables of Meta's page "Call recording" (May 31, 2026), as an independent copy.
import type { IDataObject } from 'n8n-workflow';

import {
	LANGUAGE_CODES,
	languageOptions,
} from '../../nodes/WhatsAppBusinessCalling/resources/call/announcementLanguages';
import { fetchMedia } from '../../nodes/WhatsAppBusinessCalling/media/fetchMedia';
import { runOperations } from '../../nodes/WhatsAppBusinessCalling/resources/router';
import { ACCOUNT, fakeExecution, fileAnswer, sha256, type Respond } from './fakes';

const PAGE: Array<{ language: string; codes: string[]; recording: string; combined: string }> = [
	{
		language: 'English',
		codes: ['en', 'en_US', 'en_AU', 'en_CA', 'en_GB', 'en_IN', 'en_NZ'],
		recording: 'The audio of this call will be recorded for the following purpose:',
		combined: 'The audio of this call will be recorded and transcribed for the following purpose:',
	},
	{
		language: 'Dutch',
		codes: ['nl'],
		recording: 'De audio van dit gesprek wordt voor het volgende doeleinde opgenomen:',
		combined:
			'De audio van dit gesprek wordt opgenomen en getranscribeerd voor het volgende doeleinde:',
	},
	{
		language: 'French',
		codes: ['fr'],
		recording: "L'audio de cet appel sera enregistré aux fins suivantes :",
		combined: "L'audio de cet appel sera enregistré et transcrit aux fins suivantes :",
	},
	{
		language: 'German',
		codes: ['de'],
		recording: 'Dieser Anruf wird zu folgenden Zwecken aufgezeichnet:',
		combined: 'Dieser Anruf wird zu folgenden Zwecken aufgezeichnet und transkribiert:',
	},
	{
		language: 'Hindi',
		codes: ['hi'],
		recording: 'इस कॉल के ऑडियो को इस उद्देश्य के लिए रिकॉर्ड किया जाएगा:',
		combined: 'इस कॉल के ऑडियो को इस उद्देश्य के लिए रिकॉर्ड और ट्रांसक्राइब किया जाएगा:',
	},
	{
		language: 'Italian',
		codes: ['it'],
		recording: "L'audio di questa chiamata verrà registrato per il seguente scopo:",
		combined: "L'audio di questa chiamata verrà registrato e trascritto per il seguente scopo:",
	},
	{
		language: 'Kannada',
		codes: ['kn'],
		recording: 'ಈ ಕರೆಯ ಆಡಿಯೊವನ್ನು ಈ ಕೆಳಗಿನ ಉದ್ದೇಶಕ್ಕಾಗಿ ರೆಕಾರ್ಡ್ ಮಾಡಲಾಗುತ್ತದೆ:',
		combined:
			'ಈ ಕರೆಯ ಆಡಿಯೋವನ್ನು ರೆಕಾರ್ಡ್ ಮಾಡಲಾಗುತ್ತದೆ ಮತ್ತು ಕೆಳಗಿನ ಉದ್ದೇಶಕ್ಕಾಗಿ ಲಿಪ್ಯಂತರಿಸಲಾಗುತ್ತದೆ:',
	},
	{
		language: 'Portuguese (Brazil)',
		codes: ['pt'],
		recording: 'O áudio desta ligação será gravado para a seguinte finalidade:',
		combined: 'O áudio desta ligação será gravado e transcrito para a seguinte finalidade:',
	},
	{
		language: 'Spanish (Latin America)',
		codes: ['es'],
		recording: 'El audio de esta llamada se grabará con el siguiente propósito:',
		combined: 'El audio de esta llamada se grabará y transcribirá con el siguiente propósito:',
	},
	{
		language: 'Spanish (Spain)',
		codes: ['es_ES'],
		recording: 'El audio de esta llamada se grabará con el fin siguiente:',
		combined: 'El audio de esta llamada se grabará y transcribirá con este fin:',
	},
	{
		language: 'Telugu',
		codes: ['te'],
		recording: 'ఈ కాల్ ఆడియోను క్రింది అవసరం కోసం రికార్డ్ చేయడం జరుగుతుంది:',
		combined: 'ఈ కాల్ ఆడియో క్రింది అవసరం కోసం రికార్డ్ చేసి, ట్రాన్స్క్రైబ్ చేయడం జరుగుతుంది:',
	},
	{
		language: 'Vietnamese',
		codes: ['vi'],
		recording: 'Âm thanh của cuộc gọi này sẽ được ghi lại cho mục đích sau:',
		combined: 'Âm thanh của cuộc gọi này sẽ được ghi âm và chép lời cho mục đích sau:',
	},
];

const ROWS = PAGE.flatMap(({ codes, ...row }) => codes.map((code) => ({ code, ...row })));

const SDP =
	'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n';

const START: IDataObject = {
	resource: 'call',
	operation: 'start',
	phoneNumberId: '106540352242922',
	to: '+1 408 555 1234',
	userId: 'US.13491208655302741918',
	sdp: SDP,
};

const ACCEPT: IDataObject = {
	resource: 'call',
	operation: 'accept',
	phoneNumberId: '106540352242922',
	callId: 'wacid.ABGGFjFVU2AfAgo6V',
	sdp: SDP,
};

const RECORD: IDataObject = {
	recordCall: true,
	recordingPurpose: 'quality assurance',
	recordingLanguage: 'en_US',
};

const TRANSCRIBE: IDataObject = {
	transcribeCall: true,
	transcriptionPurpose: 'minutes of the call',
	transcriptionLanguage: 'de',
};

const OPERATIONS: Array<[string, IDataObject]> = [
	['start', START],
	['accept', ACCEPT],
];

async function call(parameters: IDataObject) {
	const { context, sent } = fakeExecution(parameters);
	const [{ json }] = await runOperations(context);
	const bodies = sent.map(({ body }) => body as IDataObject);
	// Accept pre-accepts first, with the session alone.
	expect(bodies).toHaveLength(parameters.operation === 'accept' ? 2 : 1);
	const [body, before] = bodies.toReversed();
	for (const capture of ['recording', 'transcription']) {
		expect(before ?? {}).not.toHaveProperty(capture);
	}
	return { json, body, request: sent[sent.length - 1] };
}

/** The error that the operator sees; nothing may have been sent by then. */
async function refused(parameters: IDataObject): Promise<string> {
	const { context, sent } = fakeExecution(parameters);
	const error = await runOperations(context).then(
		() => null,
		(thrown: Error & { description?: string }) => thrown,
	);
	expect(sent).toEqual([]);
	return `${error?.message}\n${error?.description}`;
}

describe('enabling recording', () => {
	it('A business-initiated call sends the request of the page', async () => {
		const { body, request } = await call({ ...START, ...RECORD });
		expect(request).toMatchObject({
			method: 'POST',
			url: 'https://graph.facebook.com/v26.0/106540352242922/calls',
			credential: 'whatsAppBusinessCallingApi',
		});
		expect(body).toEqual({
			messaging_product: 'whatsapp',
			to: '14085551234',
			recipient: 'US.13491208655302741918',
			action: 'connect',
			session: { sdp_type: 'offer', sdp: SDP },
			recording: {
				status: 'ENABLED',
				purpose: 'quality assurance',
				announcement_language: 'en_US',
			},
		});
	});

	it('A user-initiated call sends the request of the page', async () => {
		const { body, request } = await call({ ...ACCEPT, ...RECORD });
		expect(request).toMatchObject({
			method: 'POST',
			url: 'https://graph.facebook.com/v26.0/106540352242922/calls',
		});
		expect(body).toEqual({
			messaging_product: 'whatsapp',
			call_id: 'wacid.ABGGFjFVU2AfAgo6V',
			action: 'accept',
			session: { sdp_type: 'answer', sdp: SDP },
			recording: {
				status: 'ENABLED',
				purpose: 'quality assurance',
				announcement_language: 'en_US',
			},
		});
	});

	it.each(['preAccept', 'reject', 'terminate'])(
		'Recording is requested by no other action: %s',
		async (operation) => {
			const { body } = await call({ ...ACCEPT, ...RECORD, ...TRANSCRIBE, operation });
			expect(body).not.toHaveProperty('recording');
			expect(body).not.toHaveProperty('transcription');
		},
	);
});

describe.each(OPERATIONS)('the recording object (%s)', (_, parameters) => {
	it.each(ROWS)('The announcement_language $code comes with what both sides hear', async (row) => {
		const recordingPurpose = 'quality assurance';
		const { body, json } = await call({
			...parameters,
			...RECORD,
			recordingPurpose,
			recordingLanguage: row.code,
		});
		expect(body.recording).toEqual({
			status: 'ENABLED',
			purpose: recordingPurpose,
			announcement_language: row.code,
		});
		expect(json.announcement).toBe(`${row.recording} quality assurance`);
	});
});

describe('the supported announcement languages', () => {
	it('The languages are the 18 codes of the page, each once, in code and in the list of the panel', () => {
		const codes = ROWS.map(({ code }) => code).sort();
		expect(codes).toHaveLength(18);
		expect([...LANGUAGE_CODES].sort()).toEqual(codes);
		expect(languageOptions.map(({ value }) => value).sort()).toEqual(codes);
		expect(new Set(languageOptions.map(({ name }) => name)).size).toBe(18);
	});
});

describe.each(OPERATIONS)('recording with transcription (%s)', (_, parameters) => {
	it('Transcription alone has no announcement, because the page does not give its phrase', async () => {
		const alone = { ...RECORD, ...TRANSCRIBE, recordCall: false };
		const { body, json } = await call({ ...parameters, ...alone });
		expect(body).not.toHaveProperty('recording');
		expect(body.transcription).toEqual({
			status: 'ENABLED',
			purpose: 'minutes of the call',
			announcement_language: 'de',
		});
		expect(json.announcement).toBeNull();
	});

	it.each(ROWS)('Both together have one announcement in $code', async (row) => {
		const { json } = await call({
			...parameters,
			...RECORD,
			...TRANSCRIBE,
			recordingLanguage: row.code,
		});
		expect(json.announcement).toBe(`${row.combined} quality assurance`);
	});
});

describe.each(OPERATIONS)('errors (%s)', (_, parameters) => {
	it('An announcement_language that is not on the page is an error, which lists those that are', async () => {
		const error = await refused({ ...parameters, ...RECORD, recordingLanguage: 'zh' });
		for (const { code } of ROWS) expect(error).toContain(code);
	});
});

const AUDIO_BYTES = Buffer.from('OggS, and so on');
const AUDIO = {
	id: '1002764438271669',
	sha256: sha256(AUDIO_BYTES).toString('base64'),
	mime_type: 'audio/ogg; codecs=opus',
	url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=133',
};

const MEDIA_API: Respond = ({ url }) =>
	url.startsWith('https://graph.facebook.com')
		? {
				statusCode: 200,
				body: {
					messaging_product: 'whatsapp',
					url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=fresh',
					mime_type: 'audio/ogg',
					sha256: sha256(AUDIO_BYTES).toString('hex'),
					file_size: String(AUDIO_BYTES.length),
					id: AUDIO.id,
				},
			}
		: fileAnswer(AUDIO_BYTES);

describe('downloading the recording', () => {
	const download = async (ageMs: number) => {
		const { context, sent } = fakeExecution({}, MEDIA_API);
		const outcome = await fetchMedia(
			context,
			ACCOUNT,
			{
				mediaId: AUDIO.id,
				phoneNumberId: null,
				url: AUDIO.url,
				eventAt: Date.now() - ageMs,
				sha256: sha256(AUDIO_BYTES),
				mimeType: AUDIO.mime_type,
				property: 'recording',
				maxBytes: 1000,
				allowUnverified: false,
			},
			AbortSignal.timeout(10_000),
		);
		return { outcome, urls: sent.map(({ url }) => url) };
	};
	const FRESH = [
		'https://graph.facebook.com/v26.0/1002764438271669',
		'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=fresh',
	];

	it("The webhook's URL is used within its 5 minutes", async () => {
		expect(await download(4 * 60_000)).toMatchObject({ outcome: { ok: true }, urls: [AUDIO.url] });
	});

	it('A fresh URL is requested after 5 minutes', async () => {
		expect(await download(5 * 60_000)).toMatchObject({ outcome: { ok: true }, urls: FRESH });
	});
});
