import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { DEFAULT_RECORDING } from '../../emulator';
import { NUMBER, PERSON, SECOND_NUMBER } from '../support/constants';
import { graph } from '../support/graph';
import type { ActionRun } from './engine/actionRun';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { useStage } from './engineStage';

const stage = useStage({ ringTimeoutMs: 60_000 });

const AUDIO = readFileSync(DEFAULT_RECORDING);
/** An integer that JavaScript would round. */
const LONG_ID = '9007199254740993123';

function trigger(parameters: INodeParameters = {}): TriggerWorkflow {
	const workflow = stage.trigger({ events: ['voicemail'], ...parameters });
	stage.emulator.presetSubscription(workflow.url, ['calls', 'messages']);
	return workflow;
}

describe('a voicemail', () => {
	it('The voicemail becomes an item with its audio, verified as a recording is', async () => {
		const workflow = trigger();
		const { id } = stage.emulator.userCalls();
		stage.emulator.hangUp(id);
		const made = await stage.emulator.createVoicemail({ callId: id });
		await stage.emulator.deliver([made]).answer;
		const [item] = workflow.items;
		expect(item.json).toMatchObject({
			event: 'voicemail',
			callId: id,
			phoneNumberId: NUMBER,
			from: PERSON,
			userId: 'US.13491208655302741918',
			to: null,
			contactName: 'Ana Söderström',
			recording: {
				mediaId: made.mediaId,
				mimeType: 'audio/ogg; codecs=opus',
				fileName: `call-recording-${made.mediaId}.ogg`,
				sizeBytes: AUDIO.length,
				sha256: createHash('sha256').update(AUDIO).digest('base64'),
				verified: true,
			},
		});
		expect((item.json.recording as IDataObject).durationSeconds).toBeGreaterThan(0);
		expect(await stage.engine.bytesOf(item.binary!.data)).toEqual(AUDIO);
	});

	it('A voicemail that comes again becomes no second item', async () => {
		const workflow = trigger();
		const made = await stage.emulator.createVoicemail();
		await stage.emulator.deliver([made]).answer;
		const again = await stage.emulator.deliver([made, made]).answer;
		expect(again.status).toBe(200);
		expect(workflow.items).toHaveLength(1);
	});

	it('A voicemail is told from the messages of a person', async () => {
		const workflow = trigger();
		const made = await stage.emulator.createVoicemail({ event: { id: 'wamid.AUDIO' } });
		expect((await stage.emulator.deliver([made]).answer).status).toBe(200);
		expect(workflow.items).toEqual([]);
		expect(stage.requests('media')).toEqual([]);
	});

	it('A voicemail of a number that was not chosen is not downloaded', async () => {
		const workflow = trigger({ phoneNumberIds: [SECOND_NUMBER] });
		await stage.emulator.deliver([await stage.emulator.createVoicemail()]).answer;
		expect(workflow.items).toEqual([]);
		expect(stage.requests('mediaInfo')).toEqual([]);
	});

	it('A voicemail with other bytes than announced comes without them', async () => {
		const workflow = trigger();
		const made = await stage.emulator.createVoicemail({ sha256Override: '0'.repeat(64) });
		await stage.emulator.deliver([made]).answer;
		const [item] = workflow.items;
		expect(item.json).toMatchObject({
			recording: { verified: false, error: { reason: 'hashMismatch' } },
		});
		expect(item.binary).toBeUndefined();
	});

	it('A voicemail needs the field messages, to which publishing subscribes', async () => {
		const workflow = stage.engine.trigger(stage.credential, { events: ['voicemail'] });
		await workflow.create();
		expect(stage.emulator.subscriptionState().app?.fields).toEqual(['calls', 'messages']);
	});
});

async function update(parameters: INodeParameters = {}, bytes: Buffer = AUDIO): Promise<ActionRun> {
	return await stage.engine.run(
		stage.credential,
		{
			resource: 'phoneNumber',
			operation: 'updateVoicemail',
			phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
			...parameters,
		},
		[
			{
				json: {},
				binary: {
					data: {
						data: bytes.toString('base64'),
						mimeType: 'audio/mpeg',
						fileName: 'a"\r\nX-Evil: 1.ogg',
					},
				},
			},
		],
	);
}

/** The file with an end that says that it lasts 60 seconds; nobody looks at checksums before it is uploaded. */
function longer(file: Buffer): Buffer {
	const copy = Buffer.from(file);
	const preSkip = copy.readUInt16LE(copy.indexOf('OpusHead') + 10);
	copy.writeBigUInt64LE(BigInt(preSkip + 60 * 48_000), copy.lastIndexOf('OggS') + 6);
	return copy;
}

const sent = () => stage.requests('settings').at(-1)?.body;

describe('updating voicemail', () => {
	it('The announcement is uploaded, and named in the settings', async () => {
		const { items } = await update();
		const [upload] = stage.requests('mediaUpload');
		expect(upload.status).toBe(200);
		expect(upload.rawBody).not.toContain('Evil');
		const { announcementMediaId } = items[0].json.voicemail as IDataObject;
		const { body } = await graph(stage.emulator, 'GET', String(announcementMediaId));
		expect(body).toMatchObject({ mime_type: 'audio/ogg', file_size: String(AUDIO.length) });
		expect(sent()).toEqual({
			calling: {
				voicemail: {
					status: 'ENABLED',
					triggers: ['REJECT', 'TIMEOUT'],
					audio: {
						default: { announcement_media_id: announcementMediaId, timeout_seconds: 20 },
					},
				},
			},
		});
		expect(items[0].json).toEqual({
			phoneNumberId: NUMBER,
			success: true,
			voicemail: {
				status: 'ENABLED',
				triggers: ['REJECT', 'TIMEOUT'],
				timeoutSeconds: 20,
				announcementMediaId: expect.stringMatching(/^\d+$/),
			},
		});
	});

	it('WhatsApp takes the voicemail of a call that is rejected', async () => {
		const workflow = trigger({ events: ['terminate', 'voicemail'] });
		await update({ triggers: ['REJECT'] });
		const { id } = stage.emulator.userCalls({ leavesVoicemail: true });
		await stage.engine.run(stage.credential, {
			resource: 'call',
			operation: 'reject',
			phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
			callId: id,
		});
		await stage.emulator.whenIdle();
		expect(workflow.items.map(({ json }) => [json.event, json.callId])).toEqual([
			['terminate', id],
			['voicemail', id],
		]);
	});

	it('WhatsApp takes the voicemail of a call that is not answered', async () => {
		const workflow = trigger();
		await update({ triggers: ['TIMEOUT'], timeoutSeconds: '0' });
		const { id } = stage.emulator.userCalls({ leavesVoicemail: true });
		await stage.emulator.whenIdle();
		expect(workflow.items.map(({ json }) => json.callId)).toEqual([id]);
	});

	it('Voicemail is turned off', async () => {
		const { items } = await update({ status: 'DISABLED' });
		expect(sent()).toEqual({ calling: { voicemail: { status: 'DISABLED' } } });
		expect(items[0].json.voicemail).toEqual({
			status: 'DISABLED',
			triggers: null,
			timeoutSeconds: null,
			announcementMediaId: null,
		});
		expect(stage.requests('mediaUpload')).toEqual([]);
	});

	it('The announcement is kept, with all digits of its ID', async () => {
		await stage.emulator.presetAnnouncement(LONG_ID);
		stage.emulator.failNext('settings', {
			status: 200,
			// As Meta writes it: a number, and too long for JavaScript.
			body: `{"calling":{"voicemail":{"status":"ENABLED","triggers":["REJECT"],"audio":{"default":{"announcement_media_id":${LONG_ID}}}}}}`,
		});
		const { items } = await update({ triggers: ['REJECT'], announcement: 'stored' });
		expect(items[0].json).toMatchObject({ voicemail: { announcementMediaId: LONG_ID } });
		expect(sent()).toMatchObject({
			calling: { voicemail: { audio: { default: { announcement_media_id: LONG_ID } } } },
		});
		expect(stage.requests('mediaUpload')).toEqual([]);
	});

	it('The announcement is left to WhatsApp if WhatsApp allows that', async () => {
		const parameters = { triggers: ['REJECT'], announcement: 'default' };
		const { error } = await update(parameters);
		expect(error.message).toBe('WhatsApp did not accept the voicemail settings');
		stage.emulator.variants.voicemailAnnouncement = 'optional';
		expect((await update(parameters)).succeeded).toBe(true);
		expect(sent()).toMatchObject({ calling: { voicemail: { audio: { default: {} } } } });
	});

	it('An account without access gets an error that says what to do', async () => {
		stage.emulator.variants.voicemailAccess = 'none';
		const { error } = await update();
		expect(error.message).toBe('WhatsApp did not accept the voicemail settings');
		expect(error.description).toContain('this account has no access to it yet');
	});

	it('A setting that Meta forbids gives an error that says what to do', async () => {
		stage.emulator.failNext('settings', { errorCode: 10 });
		const { error } = await update();
		expect(error.message).toBe('WhatsApp does not allow this account to use voicemail');
	});

	it.each<[string, INodeParameters, Buffer, string]>([
		['no triggers', { triggers: '={{ [] }}' }, AUDIO, 'When is empty'],
		['unknown triggers', { triggers: ['BUSY'] }, AUDIO, '"BUSY" is not a value of When'],
		['too long a time', { timeoutSeconds: 31 }, AUDIO, 'Ring For (Seconds) must be'],
		['half a second', { timeoutSeconds: 0.5 }, AUDIO, 'Ring For (Seconds) must be'],
		['no time', { timeoutSeconds: '={{ "" }}' }, AUDIO, 'Ring For (Seconds) must be'],
		['an MP3', {}, Buffer.from('ID3'), 'The file in the field data is not an Ogg Opus file'],
		['an empty file', {}, Buffer.alloc(0), 'The file in the field data is not an Ogg Opus file'],
		['a huge file', {}, Buffer.alloc(5 * 1024 * 1024 + 1), 'The announcement is larger than 5 MB'],
		['a long file', {}, longer(AUDIO), 'The announcement is too long: 60 seconds'],
		['no stored file', { announcement: 'stored' }, AUDIO, 'The number has no announcement yet'],
		['a wrong status', { status: '={{ "AUTO" }}' }, AUDIO, '"AUTO" is not a value of Voicemail'],
	])(
		'The operation rejects %s, and uploads and changes nothing',
		async (_, parameters, bytes, message) => {
			const { error } = await update(parameters, bytes);
			expect(error.message).toContain(message);
			expect(error.description).not.toBe('');
			expect(stage.requests('mediaUpload')).toEqual([]);
			expect(stage.requests('settings').filter(({ method }) => method === 'POST')).toEqual([]);
		},
	);

	it('A missing file is an error that says so', async () => {
		const { error } = await update({ binaryPropertyName: 'greeting' });
		expect(error.message).toContain('greeting');
		expect(stage.emulator.requests).toEqual([]);
	});
});
