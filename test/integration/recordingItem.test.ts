import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { DAY_MS, PERSON } from '../support/constants';
import { DEFAULT_RECORDING, type CreatedRecording } from '../../emulator';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { AFTER_SETTLING_MS, AFTER_URL_LIFETIME_MS, timestampBefore, useStage } from './engineStage';

const stage = useStage();

/** Delivers, and gives the item that the workflow got. */
async function itemOf(
	trigger: TriggerWorkflow,
	recording: CreatedRecording,
): Promise<{ json: IDataObject; file: IDataObject; audio: Buffer | null }> {
	const answer = await stage.emulator.deliver([recording]).answer;
	expect(answer.status).toBe(200);
	expect(trigger.items).toHaveLength(1);
	const [{ json, binary }] = trigger.items;
	const file = (json.recording ?? json.transcription) as IDataObject;
	return {
		json,
		file,
		audio: binary?.data ? await stage.engine.bytesOf(binary.data) : null,
	};
}

describe('the item of a recording', () => {
	it('The item has every documented field, and the audio byte for byte', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording({
			event: { timestamp: '1728932177' },
			mediaId: '1002764438271669',
		});
		const audio = await readFile(DEFAULT_RECORDING);
		const item = await itemOf(trigger, recording);
		const [number] = stage.emulator.account.phoneNumbers;

		expect(item.json).toEqual({
			event: 'call_recording_available',
			callId: recording.callId,
			timestamp: '2024-10-14T18:56:17.000Z',
			businessAccountId: stage.emulator.account.businessAccountId,
			phoneNumberId: number.id,
			displayPhoneNumber: number.displayPhoneNumber.replace(/\D/g, ''),
			from: '14085551234',
			userId: 'US.13491208655302741918',
			parentUserId: 'US.ENT.11815799212886844830',
			to: null,
			recording: {
				mediaId: '1002764438271669',
				mimeType: 'audio/ogg; codecs=opus',
				sha256: createHash('sha256').update(audio).digest('base64'),
				fileName: 'call-recording-1002764438271669.ogg',
				sizeBytes: audio.length,
				durationSeconds: 20.605,
				channels: 2,
				verified: true,
				availableUntil: '2024-10-21T18:56:17.000Z',
			},
			direction: null,
			bizOpaqueCallbackData: null,
			contactName: null,
			contactUsername: null,
		});
		expect(item.audio?.equals(audio)).toBe(true);
		expect(trigger.items[0].binary?.data).toMatchObject({
			fileName: 'call-recording-1002764438271669.ogg',
			fileExtension: 'ogg',
			mimeType: 'audio/ogg',
			bytes: audio.length,
		});
	});

	it('The item reaches the next node of the workflow with its file', async () => {
		const trigger = stage.trigger();
		const received: Buffer[] = [];
		trigger.work = async ([{ binary }]) => {
			if (binary?.data) received.push(await stage.engine.bytesOf(binary.data));
		};
		await stage.emulator.deliver([await stage.emulator.createRecording()]).answer;
		await stage.engine.idle();
		expect(trigger.executions.map(({ status }) => status)).toEqual(['success']);
		expect(received[0]?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
	});

	it.each([
		['left out', 'omitted'],
		['an empty text', 'empty'],
	] as const)('The item has null for a phone number that is %s', async (_, phoneShown) => {
		const trigger = stage.trigger();
		stage.emulator.account.users[0].phoneShown = phoneShown;
		const recording = await stage.emulator.createRecording({
			event: { from_parent_user_id: undefined },
		});
		const { json } = await itemOf(trigger, recording);
		expect(json).toMatchObject({
			from: null,
			userId: 'US.13491208655302741918',
		});
	});

	it('The item has the user ID that Meta put instead of the phone number', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording({
			event: { from: 'LB.94640118273650027741', from_user_id: undefined },
		});
		const { json } = await itemOf(trigger, recording);
		expect(json).toMatchObject({ from: null, userId: 'LB.94640118273650027741' });
	});

	it('The item has the other side of a call that the business placed', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording({
			event: {
				from: '442079460958',
				from_user_id: undefined,
				from_parent_user_id: undefined,
				to: PERSON,
				to_user_id: 'US.13491208655302741918',
			},
		});
		const { json } = await itemOf(trigger, recording);
		expect(json).toMatchObject({
			from: '442079460958',
			to: '14085551234',
			userId: 'US.13491208655302741918',
		});
	});

	it('The item has null for odd optional fields', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording({
			event: { from: [], from_user_id: {}, timestamp: 'yesterday' },
		});
		const { json, file } = await itemOf(trigger, recording);
		expect(json).toMatchObject({ from: null, timestamp: null });
		expect(file).toMatchObject({ verified: true, availableUntil: null });
	});

	it('The item has the event as Meta sent it if the operator wants it', async () => {
		const trigger = stage.trigger({ options: { includeRawEvent: true } });
		const recording = await stage.emulator.createRecording({ event: { new_field: 'from 2027' } });
		const { json } = await itemOf(trigger, recording);
		expect(json.rawEvent).toEqual({
			...recording.event,
			metadata: { phone_number_id: json.phoneNumberId, display_phone_number: '442079460958' },
		});
	});

	it('The item has its file under the name that the operator chose', async () => {
		const trigger = stage.trigger({ options: { binaryPropertyName: 'call' } });
		await stage.emulator.deliver([await stage.emulator.createRecording()]).answer;
		expect(Object.keys(trigger.items[0].binary ?? {})).toEqual(['call']);
	});

	it('The item has no file and causes no request if downloading is turned off', async () => {
		const trigger = stage.trigger({ downloadFile: false });
		const recording = await stage.emulator.createRecording();
		const { file, audio } = await itemOf(trigger, recording);
		expect(file).toEqual({
			mediaId: recording.mediaId,
			mimeType: 'audio/ogg; codecs=opus',
			sha256: recording.media.sha256Base64,
			fileName: `call-recording-${recording.mediaId}.ogg`,
			sizeBytes: null,
			durationSeconds: null,
			channels: null,
			verified: false,
			availableUntil: expect.any(String),
		});
		expect(audio).toBeNull();
		expect(stage.emulator.requests).toEqual([]);
	});

	it('The item can have an empty file, if Meta says that it is empty', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording({ content: '' });
		const { file, audio } = await itemOf(trigger, recording);
		expect(file).toMatchObject({ sizeBytes: 0, verified: true });
		expect(audio).toHaveLength(0);
	});

	it('Every request has a User-Agent, and the token goes to the media host', async () => {
		stage.emulator.clock.advance(-AFTER_URL_LIFETIME_MS);
		const recording = await stage.emulator.createRecording();
		stage.emulator.clock.advance(AFTER_URL_LIFETIME_MS);
		await itemOf(stage.trigger(), recording);
		expect(stage.emulator.requests.map(({ kind }) => kind)).toEqual(['mediaInfo', 'media']);
		for (const { headers } of stage.emulator.requests) {
			expect(headers.authorization).toBe(`Bearer ${stage.emulator.account.accessToken}`);
			expect(headers['user-agent']).toBe('n8n-nodes-whatsapp-business-calling');
		}
	});
});

describe('the item of a transcript', () => {
	const events: INodeParameters = { events: ['call_transcription_available'] };

	it.each(['call_transcription_available', 'call_transcript_available'])(
		'The event name %s gives an item, parsed and as a file',
		async (event) => {
			const trigger = stage.trigger(events);
			const recording = await stage.emulator.createRecording({
				transcript: true,
				event: { event },
			});
			const { json, file, audio } = await itemOf(trigger, recording);
			expect(json.event).toBe('call_transcription_available');
			expect(json).not.toHaveProperty('recording');
			expect(file).toMatchObject({
				mediaId: recording.mediaId,
				mimeType: 'application/json',
				fileName: `call-transcript-${recording.mediaId}.json`,
				sizeBytes: recording.media.sizeBytes,
				verified: true,
				transcript: {
					language: 'en',
					duration: 20.6,
					text: expect.stringContaining('My parcel has not arrived'),
				},
			});
			const { segments } = file.transcript as { segments: IDataObject[] };
			expect(segments[1]).toEqual({
				id: 2,
				speaker: 'Customer',
				channel: 1,
				start: 8.9,
				end: 13.6,
				confidence: 0.92,
				text: 'Hello. My parcel has not arrived. The order number is four one seven.',
			});
			expect(JSON.parse(String(audio))).toHaveProperty('transcript.segments');
		},
	);

	it('A transcript that cannot be read is passed on as a file', async () => {
		const trigger = stage.trigger(events);
		const recording = await stage.emulator.createRecording({
			transcript: true,
			content: 'no JSON at all',
		});
		const { file, audio } = await itemOf(trigger, recording);
		expect(file).toMatchObject({ verified: true, transcript: null });
		expect(String(audio)).toBe('no JSON at all');
	});
});

describe('the item of a connecting call', () => {
	it('The item has the SDP offer that has to be answered', async () => {
		const trigger = stage.trigger({ events: ['connect'] });
		const call = stage.emulator.userCalls({ ctaPayload: 'from the website' });
		await stage.emulator.whenIdle();
		expect(trigger.items).toHaveLength(1);
		expect(trigger.items[0].json).toMatchObject({
			event: 'connect',
			callId: call.id,
			direction: 'USER_INITIATED',
			contactName: 'Ana Söderström',
			from: PERSON,
			session: { sdpType: 'offer', sdp: call.sdp },
			ctaPayload: 'from the website',
			deeplinkPayload: null,
			bizOpaqueCallbackData: null,
		});
		expect(trigger.items[0].binary).toBeUndefined();
	});
});

describe('the filters', () => {
	it('Only chosen events pass, before anything is downloaded', async () => {
		const trigger = stage.trigger({ events: ['call_transcription_available'] });
		const answer = await stage.emulator.deliver([await stage.emulator.createRecording()]).answer;
		expect(answer.status).toBe(200);
		expect(trigger.executions).toEqual([]);
		expect(stage.emulator.requests).toEqual([]);
	});

	it('Only chosen numbers pass, before anything is downloaded', async () => {
		const [wanted, other] = stage.emulator.account.phoneNumbers;
		const trigger = stage.trigger({ phoneNumberIds: [wanted.id] });
		const mine = await stage.emulator.createRecording({ phoneNumberId: wanted.id });
		const notMine = await stage.emulator.createRecording({ phoneNumberId: other.id });
		const answer = await stage.emulator.deliver([notMine, mine]).answer;
		expect(answer.status).toBe(200);
		expect(trigger.items.map(({ json }) => json.phoneNumberId)).toEqual([wanted.id]);
		expect(stage.requests('media')).toHaveLength(1);
	});

	it('Numbers can come from an expression', async () => {
		const [, other] = stage.emulator.account.phoneNumbers;
		const trigger = stage.trigger({ phoneNumberIds: `={{ "${other.id}, 1234" }}` });
		await stage.emulator.deliver([await stage.emulator.createRecording()]).answer;
		const wanted = await stage.emulator.createRecording({ phoneNumberId: other.id });
		await stage.emulator.deliver([wanted]).answer;
		expect(trigger.items.map(({ json }) => json.phoneNumberId)).toEqual([other.id]);
	});

	it('The panel offers the numbers of the account', async () => {
		const options = await stage.engine.phoneNumberOptions(stage.credential);
		expect(options.map(({ value }) => value)).toEqual(
			stage.emulator.account.phoneNumbers.map(({ id }) => id),
		);
		expect(options[0].name).toBe('Emulated Support · +44 20 7946 0958');
	});
});

describe('the URL of the file', () => {
	/** A recording whose event is so old when it is delivered. */
	async function recordingOfAge(ms: number): Promise<CreatedRecording> {
		stage.emulator.clock.advance(-ms);
		const recording = await stage.emulator.createRecording();
		stage.emulator.clock.advance(ms);
		return recording;
	}

	it("The event's URL is used while it is fresh: the Media API is not asked", async () => {
		const { file } = await itemOf(stage.trigger(), await recordingOfAge(60_000));
		expect(file.verified).toBe(true);
		expect(stage.emulator.requests.map(({ kind }) => kind)).toEqual(['media']);
	});

	it('The Media API is asked for the URL when the event is old, for the number of the call', async () => {
		const recording = await recordingOfAge(AFTER_URL_LIFETIME_MS);
		const { file } = await itemOf(stage.trigger(), recording);
		expect(file.verified).toBe(true);
		const [info] = stage.requests('mediaInfo');
		expect(info.path).toBe(`/v26.0/${recording.mediaId}`);
		expect(info.query).toMatchObject({ phone_number_id: recording.media.phoneNumberId });
		expect(stage.emulator.requests.map(({ kind }) => kind)).toEqual(['mediaInfo', 'media']);
	});

	it('The URL is found for an event that came six days late', async () => {
		const { file, audio } = await itemOf(stage.trigger(), await recordingOfAge(6 * DAY_MS));
		expect(file.verified).toBe(true);
		expect(audio?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
	});

	it('The Media API is asked for the URL when the event has none', async () => {
		const recording = await stage.emulator.createRecording({ fileFields: { url: undefined } });
		const { file } = await itemOf(stage.trigger(), recording);
		expect(file.verified).toBe(true);
		expect(stage.emulator.requests.map(({ kind }) => kind)).toEqual(['mediaInfo', 'media']);
	});

	it('A media ID alone is enough: the rest comes from the Media API', async () => {
		const recording = await stage.emulator.createRecording({
			fileFields: { url: undefined, sha256: undefined, mime_type: undefined },
		});
		const { file } = await itemOf(stage.trigger(), recording);
		expect(file).toMatchObject({
			mimeType: 'audio/ogg; codecs=opus',
			sha256: recording.media.sha256Base64,
			verified: true,
		});
	});

	it.each([401, 403, 404, 410])(
		'A fresh URL is used once when the media host answers %i',
		async (status) => {
			stage.emulator.failNext('media', { status });
			const { file } = await itemOf(stage.trigger(), await stage.emulator.createRecording());
			expect(file.verified).toBe(true);
			expect(stage.emulator.requests.map(({ kind }) => kind)).toEqual([
				'media',
				'mediaInfo',
				'media',
			]);
		},
	);

	const settled = () => ({ event: { timestamp: timestampBefore(AFTER_SETTLING_MS) } });

	it.each([404, 410])(
		'A file whose URL answers %i, and again when it is fresh, is reported as gone',
		async (status) => {
			stage.emulator.failNext('media', { status }, { times: Infinity });
			const recording = await stage.emulator.createRecording(settled());
			const { file, audio } = await itemOf(stage.trigger(), recording);
			expect(file).toMatchObject({ verified: false, error: { reason: 'mediaGone' } });
			expect(audio).toBeNull();
			expect(stage.requests('media')).toHaveLength(2);
		},
	);

	it('A file that Meta has deleted is reported as gone', async () => {
		const recording = await stage.emulator.createRecording(settled());
		stage.emulator.deleteMedia(recording.mediaId);
		const { file, audio } = await itemOf(stage.trigger(), recording);
		expect(file).toMatchObject({
			mediaId: recording.mediaId,
			sizeBytes: null,
			durationSeconds: null,
			channels: null,
			verified: false,
			error: { reason: 'mediaGone', message: expect.stringContaining('7 days') },
		});
		expect(audio).toBeNull();
	});

	it.each<[string, () => void]>([
		['a revoked token', () => stage.emulator.revokeToken()],
		[
			'a token that the media host refuses',
			() => stage.emulator.failNext('media', { status: 403 }, { times: Infinity }),
		],
	])('An item with %s points to the token, when the time for retries is over', async (_, cause) => {
		const trigger = stage.trigger({ options: { retryFor: 0 } });
		const recording = await stage.emulator.createRecording();
		cause();
		const { file } = await itemOf(trigger, recording);
		expect(file).toMatchObject({
			verified: false,
			error: { reason: 'accessDenied', message: expect.stringContaining('access token') },
		});
	});
});

describe('the hash', () => {
	it.each([
		['base64', (sha256: Buffer) => sha256.toString('base64')],
		['hexadecimal', (sha256: Buffer) => sha256.toString('hex')],
	])("The event's hash is understood as %s", async (_, write) => {
		const probe = await stage.emulator.createRecording();
		const sha256 = write(Buffer.from(probe.media.sha256Hex, 'hex'));
		const recording = await stage.emulator.createRecording({ fileFields: { sha256 } });
		const { file } = await itemOf(stage.trigger(), recording);
		expect(file).toMatchObject({ sha256: probe.media.sha256Base64, verified: true });
	});

	it('The hash comes from the Media API if the event has none', async () => {
		const recording = await stage.emulator.createRecording({ fileFields: { sha256: undefined } });
		const { file } = await itemOf(stage.trigger(), recording);
		expect(file).toMatchObject({ sha256: recording.media.sha256Base64, verified: true });
		expect(stage.requests('mediaInfo')).toHaveLength(1);
	});

	it('A hash that is wrong once is fixed by a fresh URL', async () => {
		stage.emulator.failNext('media', { wrongContent: true });
		const recording = await stage.emulator.createRecording();
		const { file, audio } = await itemOf(stage.trigger(), recording);
		expect(file.verified).toBe(true);
		expect(audio?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
		expect(stage.emulator.requests.map(({ kind }) => kind)).toEqual([
			'media',
			'mediaInfo',
			'media',
		]);
	});

	it('A hash that is wrong twice gives an item without a file, and leaves nothing in the store', async () => {
		const before = await stage.engine.storedFiles();
		stage.emulator.failNext('media', { wrongContent: true }, { times: 2 });
		const recording = await stage.emulator.createRecording({ sizeBytes: 300_000 });
		const { file, audio } = await itemOf(stage.trigger(), recording);
		expect(file).toMatchObject({
			sizeBytes: null,
			durationSeconds: null,
			channels: null,
			verified: false,
			error: {
				reason: 'hashMismatch',
				message: expect.stringContaining(recording.mediaId),
			},
		});
		expect(audio).toBeNull();
		expect(stage.requests('media')).toHaveLength(2);
		expect(await stage.engine.storedFiles()).toEqual(before);
	});

	it('An empty response has the wrong hash, and a fresh URL gives the file', async () => {
		stage.emulator.failNext('media', { emptyBody: true });
		const { file, audio } = await itemOf(stage.trigger(), await stage.emulator.createRecording());
		expect(file.verified).toBe(true);
		expect(audio?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
	});

	it('A file that is too short has the wrong hash, and a fresh URL gives all of it', async () => {
		stage.emulator.failNext('media', { truncateTo: 5_000 });
		const { audio } = await itemOf(stage.trigger(), await stage.emulator.createRecording());
		expect(audio?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
	});

	it('A body longer than its Content-Length has the wrong hash, and a fresh URL gives the file', async () => {
		stage.emulator.failNext('media', { contentLengthDelta: -100 });
		const { audio } = await itemOf(stage.trigger(), await stage.emulator.createRecording());
		expect(audio?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
	});
});
