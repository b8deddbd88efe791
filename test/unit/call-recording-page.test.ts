// Every row of the tables of Meta's page "Call recording" (May 31, 2026), as an independent copy.
import { createHmac } from 'node:crypto';
import type { IDataObject } from 'n8n-workflow';

import { WhatsAppBusinessCallingApi } from '../../credentials/WhatsAppBusinessCallingApi.credentials';
import {
	LANGUAGE_CODES,
	languageOptions,
} from '../../nodes/WhatsAppBusinessCalling/resources/call/announcementLanguages';
import { fetchMedia } from '../../nodes/WhatsAppBusinessCalling/media/fetchMedia';
import { runOperations } from '../../nodes/WhatsAppBusinessCalling/resources/router';
import { receiveDelivery } from '../../nodes/WhatsAppBusinessCalling/delivery/receive';
import {
	ACCOUNT,
	APP_SECRET,
	fakeExecution,
	fakeWebhook,
	fileAnswer,
	sha256,
	type Respond,
} from './fakes';

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
	recipient: 'US.13491208655302741918',
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

	it.each([
		['the number alone', { recipient: '' }, { to: '14085551234' }],
		['the user ID alone', { to: '' }, { recipient: 'US.13491208655302741918' }],
	])('The person is named by %s', async (_, left, person) => {
		const { body } = await call({ ...START, ...left });
		const { to, recipient } = body;
		expect(JSON.parse(JSON.stringify({ to, recipient }))).toEqual(person);
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
	it('The status is left out where recording is off, so that the call is not recorded', async () => {
		const { body, json } = await call({ ...parameters, ...RECORD, recordCall: false });
		expect(body).not.toHaveProperty('recording');
		expect(json).toMatchObject({ recording: null, announcement: null });
	});

	it('The status is off without a choice, because recording is opt-in', async () => {
		const { body } = await call(parameters);
		expect(body).not.toHaveProperty('recording');
		expect(body).not.toHaveProperty('transcription');
	});

	it('The purpose has up to 250 characters, unchanged', async () => {
		const purpose = 'é'.repeat(250);
		const { body } = await call({ ...parameters, ...RECORD, recordingPurpose: purpose });
		expect(body.recording).toEqual({ status: 'ENABLED', purpose, announcement_language: 'en_US' });
	});

	it('The purpose is counted in characters, not code units', async () => {
		const purpose = '\u{1F399}'.repeat(250);
		const { body } = await call({ ...parameters, ...RECORD, recordingPurpose: purpose });
		expect(body.recording).toMatchObject({ purpose });
	});

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
	const wanted = {
		status: 'ENABLED',
		purpose: 'quality assurance',
		announcement_language: 'en_US',
	};
	const wantedText = {
		status: 'ENABLED',
		purpose: 'minutes of the call',
		announcement_language: 'de',
	};

	it('Recording alone sends the recording object only', async () => {
		const { body } = await call({ ...parameters, ...RECORD, ...TRANSCRIBE, transcribeCall: false });
		expect(body.recording).toEqual(wanted);
		expect(body).not.toHaveProperty('transcription');
	});

	it('Transcription alone has no announcement, because the page does not give its phrase', async () => {
		const { body, json } = await call({
			...parameters,
			...RECORD,
			...TRANSCRIBE,
			recordCall: false,
		});
		expect(body).not.toHaveProperty('recording');
		expect(body.transcription).toEqual(wantedText);
		expect(json.announcement).toBeNull();
	});

	it('Both together are two objects, with the purpose and the language of the recording', async () => {
		const { body } = await call({ ...parameters, ...RECORD, ...TRANSCRIBE });
		expect(body.recording).toEqual(wanted);
		expect(body.transcription).toEqual(wanted);
	});

	it('A call with neither sends neither object', async () => {
		const off = { recordCall: false, transcribeCall: false };
		const { body } = await call({ ...parameters, ...RECORD, ...TRANSCRIBE, ...off });
		expect(body).not.toHaveProperty('recording');
		expect(body).not.toHaveProperty('transcription');
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
	it.each([
		['left out', undefined],
		['empty', ''],
		['blank', ' \n\t '],
		['null', null],
	])('A purpose that is %s is an error', async (_name, recordingPurpose) => {
		const { recordingPurpose: _purpose, ...record } = RECORD;
		const given = recordingPurpose === undefined ? {} : { recordingPurpose };
		expect(await refused({ ...parameters, ...record, ...given })).toContain(
			'The recording needs a purpose',
		);
	});

	it('A purpose of 251 characters is an error', async () => {
		const error = await refused({ ...parameters, ...RECORD, recordingPurpose: 'x'.repeat(251) });
		expect(error).toContain('too long: 251 characters');
		expect(error).toContain('250');
	});

	it.each([
		['pt_BR', 'pt'],
		['en-US', 'en_US'],
		['German', 'de'],
		['zh', null],
		['', null],
	])('The announcement_language %j is an error', async (recordingLanguage, likely) => {
		const error = await refused({ ...parameters, ...RECORD, recordingLanguage });
		expect(error).toContain('announcement');
		if (likely !== null) expect(error).toContain(`did you mean "${likely}"?`);
		for (const { code } of ROWS) expect(error).toContain(code);
	});

	it.each([
		['true', 'ENABLED'],
		[1, 'ENABLED'],
		[0, undefined],
		[null, undefined],
	])('The status with Record Call as %j is %j', async (recordCall, status) => {
		const { context, sent } = fakeExecution({ ...parameters, ...RECORD, recordCall });
		await runOperations(context);
		expect(sent.at(-1)?.body).toEqual(
			status === undefined
				? expect.not.objectContaining({ recording: expect.anything() })
				: expect.objectContaining({ recording: expect.objectContaining({ status }) }),
		);
	});

	it.each(['DISABLED', 'enabled', 'ENABLED', 'yes'])(
		'Record Call as "%s" is an error, and nothing is sent',
		async (recordCall) => {
			const error = await refused({ ...parameters, ...RECORD, recordCall });
			expect(error).toContain('Record Call must be true or false');
		},
	);

	it('The purpose and the language of a transcription alone have the same errors', async () => {
		const alone = { ...parameters, ...TRANSCRIBE };
		expect(await refused({ ...alone, transcriptionPurpose: '' })).toContain('needs a purpose');
		expect(await refused({ ...alone, transcriptionPurpose: 'x'.repeat(251) })).toContain('251');
		expect(await refused({ ...alone, transcriptionLanguage: 'xx' })).toContain('"xx"');
	});
});

const AUDIO_BYTES = Buffer.from('OggS, and so on');
const AUDIO = {
	id: '1002764438271669',
	sha256: sha256(AUDIO_BYTES).toString('base64'),
	mime_type: 'audio/ogg; codecs=opus',
	url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=133',
};
const WACID = 'wacid.HBgLMTQxMjYxMzYyNTMVAgASGCBGO';

const eventOf = (audio: IDataObject, more: IDataObject = {}, secondsAgo = 60) => ({
	id: WACID,
	from: '14085551234',
	from_user_id: 'US.13491208655302741918',
	from_parent_user_id: 'US.ENT.11815799212886844830',
	timestamp: String(Math.floor(Date.now() / 1000) - secondsAgo),
	event: 'call_recording_available',
	call_recording: { type: 'audio', audio },
	...more,
});

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

async function deliver(calls: IDataObject[], parameters: IDataObject = {}, respond = MEDIA_API) {
	const rawBody = Buffer.from(
		JSON.stringify({
			object: 'whatsapp_business_account',
			entry: [
				{
					id: '102290129340398',
					changes: [
						{
							field: 'calls',
							value: {
								messaging_product: 'whatsapp',
								metadata: {
									phone_number_id: '106540352242922',
									display_phone_number: '15550783881',
								},
								calls,
							},
						},
					],
				},
			],
		}),
	);
	const signature = createHmac('sha256', APP_SECRET).update(rawBody).digest('hex');
	const headers = { 'x-hub-signature-256': `sha256=${signature}` };
	const events = ['call_recording_available', 'call_transcription_available'];
	const fake = fakeWebhook({ events, ...parameters }, { rawBody, headers }, respond);
	const { workflowData } = await receiveDelivery(fake.context);
	return { ...fake, items: workflowData?.[0] ?? [] };
}

describe('the recording-available webhook', () => {
	it('The webhook becomes one item with its verified audio', async () => {
		const event = eventOf(AUDIO);
		const { items, files } = await deliver([event]);
		const timestamp = Number(event.timestamp) * 1000;
		expect(items).toHaveLength(1);
		expect(items[0].json).toMatchObject({
			event: 'call_recording_available',
			callId: WACID,
			timestamp: new Date(timestamp).toISOString(),
			businessAccountId: '102290129340398',
			phoneNumberId: '106540352242922',
			displayPhoneNumber: '15550783881',
			from: '14085551234',
			fromUserId: 'US.13491208655302741918',
			fromParentUserId: 'US.ENT.11815799212886844830',
			recording: {
				mediaId: AUDIO.id,
				mimeType: AUDIO.mime_type,
				sha256: AUDIO.sha256,
				fileName: 'call-recording-1002764438271669.ogg',
				sizeBytes: AUDIO_BYTES.length,
				verified: true,
			},
		});
		expect(files).toEqual([
			{
				bytes: AUDIO_BYTES,
				fileName: 'call-recording-1002764438271669.ogg',
				mimeType: 'audio/ogg',
			},
		]);
	});

	it('The webhook of a person with a user name has no number', async () => {
		const { items } = await deliver([eventOf(AUDIO, { from: undefined })]);
		expect(items[0].json).toMatchObject({ from: null, fromUserId: 'US.13491208655302741918' });
	});

	it('The type is always audio, so it is not requested', async () => {
		const { items } = await deliver([eventOf({}, { call_recording: { audio: AUDIO } })]);
		expect(items[0].json.recording).toMatchObject({ verified: true });
	});

	it('The audio.id is requested from the Media API, for this phone number', async () => {
		const { items, sent } = await deliver([eventOf({ id: AUDIO.id })]);
		expect(sent[0]).toMatchObject({
			method: 'GET',
			url: 'https://graph.facebook.com/v26.0/1002764438271669',
			qs: { phone_number_id: '106540352242922' },
		});
		expect(items[0].json.recording).toMatchObject({ mediaId: AUDIO.id, verified: true });
	});

	it('The audio.sha256 is base64, and a file with another hash is not passed on', async () => {
		const other = sha256(Buffer.from('other')).toString('base64');
		const { items } = await deliver([eventOf({ ...AUDIO, sha256: other })]);
		expect(items[0].binary).toBeUndefined();
		expect(items[0].json.recording).toMatchObject({
			sha256: other,
			verified: false,
			error: { reason: 'hashMismatch' },
		});
	});

	it('The audio.mime_type determines the file name', async () => {
		const { items } = await deliver([eventOf({ ...AUDIO, mime_type: 'audio/mpeg' })]);
		expect(items[0].json.recording).toMatchObject({
			mimeType: 'audio/mpeg',
			fileName: 'call-recording-1002764438271669.mp3',
		});
	});

	it('The audio.url gets a GET with the token', async () => {
		const { sent } = await deliver([eventOf(AUDIO)]);
		expect(sent).toHaveLength(1);
		expect(sent[0]).toMatchObject({
			method: 'GET',
			url: AUDIO.url,
			credential: 'whatsAppBusinessCallingApi',
		});
		const { authenticate } = new WhatsAppBusinessCallingApi();
		expect(
			await authenticate(
				{ accessToken: ' token ' },
				{ url: AUDIO.url, headers: { Accept: '*/*' } },
			),
		).toEqual({ url: AUDIO.url, headers: { Accept: '*/*', Authorization: 'Bearer token' } });
	});

	it('The webhook comes beside the one of the transcript, as its own item', async () => {
		const transcript = {
			...eventOf({}),
			event: 'call_transcription_available',
			call_recording: undefined,
			call_transcript: { document: { ...AUDIO, id: '5', mime_type: 'application/json' } },
		};
		const { items } = await deliver([eventOf(AUDIO), transcript]);
		expect(items.map(({ json }) => json.event)).toEqual([
			'call_recording_available',
			'call_transcription_available',
		]);
		expect(items[0].json).not.toHaveProperty('transcription');
		expect(items[1].json).not.toHaveProperty('recording');
	});
});

describe('downloading the recording', () => {
	const download = async (ageMs: number, respond: Respond = MEDIA_API) => {
		const { context, sent } = fakeExecution({}, respond);
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

	it("A fresh URL is requested if the webhook's URL has expired early", async () => {
		const expired: Respond = (request) =>
			request.url === AUDIO.url ? { statusCode: 404, body: '' } : MEDIA_API(request);
		expect(await download(60_000, expired)).toMatchObject({
			outcome: { ok: true },
			urls: [AUDIO.url, ...FRESH],
		});
	});
});

describe('retention', () => {
	it('Retention is 7 days after the webhook', async () => {
		const event = eventOf(AUDIO, { timestamp: '1728932177' });
		const { items } = await deliver([event], { downloadFile: false });
		expect(items[0].json).toMatchObject({
			timestamp: '2024-10-14T18:56:17.000Z',
			recording: { availableUntil: '2024-10-21T18:56:17.000Z', verified: false },
		});
	});

	it('Retention is over when Meta no longer knows the ID, and the operator learns it', async () => {
		const gone: Respond = () => ({
			statusCode: 400,
			body: { error: { message: 'Unsupported get request', code: 100, error_subcode: 33 } },
		});
		const { context } = fakeExecution(
			{ resource: 'recording', operation: 'download', mediaId: AUDIO.id },
			gone,
		);
		const error = await runOperations(context).then(
			() => null,
			(thrown: Error & { description?: string }) => thrown,
		);
		expect(error?.message).toBe('The file is no longer available at Meta');
		expect(error?.description).toContain('7 days');
	});
});
