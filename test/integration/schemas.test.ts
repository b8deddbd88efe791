import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { IDataObject, INodeExecutionData, INodeParameters } from 'n8n-workflow';
import { makeSdp } from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import { graph } from '../support/graph';
import { ACTION_TYPE as ACTION } from '../support/workflow';
import { AFTER_SETTLING_MS, timestampBefore, useStage } from './engineStage';

const stage = useStage();

const FOLDER = join(__dirname, '../../nodes/WhatsAppBusinessCalling/__schema__');
/** As the editor asks for it: the trigger has neither resource nor operation. */
const TRIGGER_SCHEMA = 'v1.1.0.json';
const phoneNumberId = { __rl: true, mode: 'id', value: NUMBER };

interface Schema {
	type: 'object' | 'array' | 'string' | 'boolean' | 'integer' | 'number';
	properties?: Record<string, Schema>;
	items?: Schema;
	version?: number;
}

/** Of `resource/operation`. */
const schemaOf = (operation: string) => `v1.0.0/${operation}.json`;

const readSchema = (path: string) => JSON.parse(readFileSync(join(FOLDER, path), 'utf8')) as Schema;

/** What of a value is not as the schema says. Every field may be null, as n8n's schemas have it. */
function differences(schema: Schema, value: unknown, path = '$'): string[] {
	if (value === null) return [];
	switch (schema.type) {
		case 'array':
			if (!Array.isArray(value) || !schema.items) return [`${path} is no array`];
			return value.flatMap((element, i) =>
				differences(schema.items as Schema, element, `${path}[${i}]`),
			);
		case 'object':
			if (typeof value !== 'object' || Array.isArray(value)) return [`${path} is no object`];
			// Whatever Meta sends, as it sends it.
			if (!schema.properties) return [];
			return Object.entries(value).flatMap(([name, field]) => {
				const known = schema.properties?.[name];
				return known
					? differences(known, field, `${path}.${name}`)
					: [`${path}.${name} is not in the schema`];
			});
		case 'integer':
			return Number.isInteger(value) ? [] : [`${path} is no integer`];
		default:
			return typeof value === schema.type ? [] : [`${path} is no ${schema.type}`];
	}
}

/** Places of a schema that no value has filled, so that nothing is promised that never comes. */
function unfilled(schema: Schema, values: unknown[], path = '$'): string[] {
	const present = values.filter((value) => value !== null && value !== undefined);
	if (present.length === 0) return [path];
	if (schema.type === 'array') {
		return unfilled(schema.items as Schema, present.flat(), `${path}[]`);
	}
	return Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
		unfilled(
			field,
			present.map((value) => (value as IDataObject)[name]),
			`${path}.${name}`,
		),
	);
}

function check(path: string, items: INodeExecutionData[]): void {
	const schema = readSchema(path);
	const values = items.map(({ json }) => json);
	expect(values.flatMap((value) => differences(schema, value))).toEqual([]);
	// A sample has all fields of the trigger's items, even where it has nothing to fill into them.
	if (path !== schemaOf('setup/getSampleRecording')) expect(unfilled(schema, values)).toEqual([]);
}

async function run(parameters: INodeParameters): Promise<INodeExecutionData[]> {
	return (await stage.engine.run(stage.credential, { phoneNumberId, ...parameters })).items;
}

const announced = {
	recordCall: true,
	recordingPurpose: 'quality',
	recordingLanguage: 'en_US',
	transcribeCall: true,
	transcriptionPurpose: 'quality',
	transcriptionLanguage: 'en_US',
};

const onCall = () => ({ resource: 'call', callId: stage.emulator.userCalls().id });
const file = async (transcript: boolean) => ({
	resource: transcript ? 'transcription' : 'recording',
	mediaId: (await stage.emulator.createRecording({ transcript })).mediaId,
});

/** All that Meta documents, or sends by reports of others. */
const SETTINGS = {
	calling: {
		status: 'ENABLED',
		call_icon_visibility: 'DEFAULT',
		call_icons: { restrict_to_user_countries: ['US'] },
		callback_permission_status: 'ENABLED',
		call_hours: {
			status: 'ENABLED',
			timezone_id: 'UTC',
			weekly_operating_hours: [{ day_of_week: 'MONDAY', open_time: '0900', close_time: '1700' }],
			holiday_schedule: [{ date: '2026-01-01', start_time: '0000', end_time: '2359' }],
		},
		audio: { additional_codecs: ['PCMA'] },
		voicemail: {
			status: 'ENABLED',
			triggers: ['TIMEOUT'],
			audio: { default: { announcement_media_id: 938884519013664, timeout_seconds: 20 } },
		},
		srtp_key_exchange_protocol: 'DTLS',
		sip: {
			status: 'ENABLED',
			webhook_delivery: 'ENABLED',
			servers: [{ hostname: 'sip.example.com', port: 5061, request_uri_user_params: { a: 'b' } }],
		},
		ip_addresses: {},
		video: { status: 'DISABLED' },
		restrictions: {
			restrictions_list: [
				{ type: 'RESTRICTED_PERSON_INITIATED_CALLING', reason: 'feedback', expiration: 1754072386 },
			],
		},
	},
	payload_encryption: { status: 'DISABLED' },
	storage_configuration: { status: 'DEFAULT' },
};

/** Outputs that together fill every field of an operation's schema. */
const OUTPUTS: Record<string, () => Promise<INodeExecutionData[]>> = {
	'call/start': async () => [
		...(await run({
			resource: 'call',
			operation: 'start',
			to: PERSON,
			sdp: makeSdp('offer'),
			...announced,
		})),
		...(await run({
			resource: 'call',
			operation: 'start',
			userId: 'GB.94640118273650027741',
			sdp: makeSdp('offer'),
		})),
	],
	'call/preAccept': async () =>
		await run({ ...onCall(), operation: 'preAccept', sdp: makeSdp('answer') }),
	'call/accept': async () =>
		await run({ ...onCall(), operation: 'accept', sdp: makeSdp('answer'), ...announced }),
	'call/reject': async () => await run({ ...onCall(), operation: 'reject' }),
	'call/terminate': async () => await run({ ...onCall(), operation: 'terminate' }),
	'delivery/read': async () => {
		stage.emulator.presetSubscription(stage.trigger().url, ['calls', 'messages']);
		await everyEvent();
		const deliveries = stage.emulator.deliveries.map(({ body, headers }) => ({ body, headers }));
		const operation = { resource: 'delivery', operation: 'read', bodyFrom: 'text', events: EVENTS };
		return (await stage.engine.run(stage.credential, operation, deliveries)).items;
	},
	'callButton/send': async () =>
		await run({
			resource: 'callButton',
			operation: 'send',
			to: PERSON,
			bodyText: 'Call us',
			options: { payload: 'order 7' },
		}),
	'callButton/getLink': async () =>
		await run({
			resource: 'callButton',
			operation: 'getLink',
			phoneNumber: '+44 20 7946 0958',
			payload: 'order 7',
		}),
	'permission/get': async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		await run({ resource: 'permission', operation: 'request', to: PERSON });
		stage.emulator.userAnswersPermissionRequest({ accept: true });
		return [
			...(await run({ resource: 'permission', operation: 'get', to: PERSON })),
			...(await run({
				resource: 'permission',
				operation: 'get',
				userId: 'US.13491208655302741918',
			})),
		];
	},
	'permission/request': async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		return await run({ resource: 'permission', operation: 'request', to: PERSON });
	},
	'phoneNumber/getMany': async () => await run({ resource: 'phoneNumber', operation: 'getMany' }),
	'phoneNumber/updateCallSettings': async () => await updateCallSettings(),
	'phoneNumber/getCallStatistics': async () => {
		const call = onCall();
		await run({ ...call, operation: 'accept', sdp: makeSdp('answer') });
		stage.emulator.hangUp(call.callId, { durationSeconds: 9 });
		return await run({
			resource: 'phoneNumber',
			operation: 'getCallStatistics',
			dimensions: ['country', 'direction', 'phone'],
		});
	},
	'phoneNumber/updateVoicemail': async () => {
		await stage.emulator.presetAnnouncement('938884519013664');
		stage.emulator.failNext('settings', { status: 200, body: SETTINGS });
		return await run({
			resource: 'phoneNumber',
			operation: 'updateVoicemail',
			announcement: 'stored',
		});
	},
	'phoneNumber/getCallSettings': async () => {
		stage.emulator.failNext('settings', { status: 200, body: SETTINGS });
		return await run({ resource: 'phoneNumber', operation: 'getCallSettings' });
	},
	'recording/download': async () => await run({ ...(await file(false)), operation: 'download' }),
	'recording/get': async () => await run({ ...(await file(false)), operation: 'get' }),
	'setup/check': async () => await run({ resource: 'setup', operation: 'check' }),
	'setup/getSampleRecording': async () => {
		const samples = ['connect', 'recording', 'recordingWithoutFile', 'transcription'];
		const sampleOf = async (sample: string) =>
			await run({ resource: 'setup', operation: 'getSampleRecording', sample });
		return (await Promise.all(samples.map(sampleOf))).flat();
	},
	'setup/sendTestRecording': async () => {
		const { url } = stage.trigger();
		return await run({ resource: 'setup', operation: 'sendTestRecording', triggerUrl: url });
	},
	'transcription/download': async () => await run({ ...(await file(true)), operation: 'download' }),
	'transcription/get': async () => await run({ ...(await file(true)), operation: 'get' }),
};

async function updateCallSettings(): Promise<INodeExecutionData[]> {
	stage.emulator.failNext('settings', { status: 200, body: SETTINGS }, { method: 'GET' });
	return await run({
		resource: 'phoneNumber',
		operation: 'updateCallSettings',
		settings: {
			callHours: {
				hours: {
					status: 'ENABLED',
					timeZone: 'UTC',
					weeklyHours: { range: [{ day: 'MONDAY', opens: '09:00', closes: '17:00' }] },
					holidays: { holiday: [{ date: '2099-12-24', starts: '00:00', ends: '23:59' }] },
				},
			},
		},
	});
}

/** Every operation that the panel offers, as `resource/operation`. */
function operations(): string[] {
	const { properties } = stage.engine.nodeTypes.getByNameAndVersion(ACTION).description;
	return properties
		.filter(({ name }) => name === 'operation')
		.flatMap(({ options = [], displayOptions }) =>
			options.flatMap((option) =>
				(displayOptions?.show?.resource ?? []).map(
					(resource) => `${String(resource)}/${String('value' in option ? option.value : '')}`,
				),
			),
		)
		.toSorted();
}

const EVENTS = [
	'connect',
	'call_created',
	'status',
	'terminate',
	'call_recording_available',
	'call_transcription_available',
	'call_permission_reply',
	'voicemail',
];

/** Events that together fill every field of the trigger's items. */
async function everyEvent(): Promise<void> {
	const { id } = stage.emulator.userCalls({ deeplinkPayload: 'a', ctaPayload: 'b' });
	await graph(stage.emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		call_id: id,
		action: 'accept',
		session: { sdp_type: 'answer', sdp: makeSdp('answer') },
		recording: { status: 'ENABLED', purpose: 'quality', announcement_language: 'en' },
		transcription: { status: 'ENABLED', purpose: 'quality', announcement_language: 'en' },
	});
	stage.emulator.hangUp(id, {
		durationSeconds: 3,
		error: { code: 138021, message: 'Timeout', details: 'No media' },
	});
	await graph(stage.emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		to: PERSON,
		action: 'connect',
		session: { sdp_type: 'offer', sdp: makeSdp('offer') },
		biz_opaque_callback_data: 'c',
	});
	await graph(stage.emulator, 'POST', `${NUMBER}/messages`, {
		messaging_product: 'whatsapp',
		to: '14085555678',
		type: 'interactive',
		interactive: { type: 'call_permission_request', action: { name: 'call_permission_request' } },
	});
	stage.emulator.userAnswersPermissionRequest({ from: '14085555678', accept: true });
	stage.emulator.userCalls({ from: 'GB.94640118273650027741' });
	stage.emulator.deliver([await stage.emulator.createVoicemail()]);
	const event = { timestamp: timestampBefore(AFTER_SETTLING_MS) };
	for (const transcript of [false, true]) {
		const gone = await stage.emulator.createRecording({ transcript, event });
		stage.emulator.deleteMedia(gone.mediaId);
		stage.emulator.deliver([gone]);
	}
	await stage.emulator.whenIdle();
}

describe('output schemas', () => {
	it('Every operation and the trigger have a schema, and there is no other', () => {
		const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
			.filter((entry) => entry.isFile())
			.map((entry) => join(entry.parentPath, entry.name).slice(FOLDER.length + 1))
			.toSorted();
		expect(files).toEqual([...operations().map(schemaOf), TRIGGER_SCHEMA].toSorted());
		expect(operations()).toEqual(Object.keys(OUTPUTS).toSorted());
	});

	it('The schemas are part of the built package', () => {
		const built = FOLDER.replace('/nodes/', '/dist/nodes/');
		for (const path of [...operations().map(schemaOf), TRIGGER_SCHEMA]) {
			expect([path, existsSync(join(built, path))]).toEqual([path, true]);
			expect(readSchema(path)).toMatchObject({ type: 'object', version: 1 });
		}
	});

	it.each(Object.keys(OUTPUTS))(
		'The schema of %s has everything that comes, and all of it comes',
		async (name) => {
			check(schemaOf(name), await OUTPUTS[name]());
		},
	);

	it('The schema of Delivery > Read is that of the trigger', () => {
		expect(readSchema(schemaOf('delivery/read'))).toEqual(readSchema(TRIGGER_SCHEMA));
	});

	it('The schema of the trigger has everything that comes, and all of it comes', async () => {
		const trigger = stage.trigger({
			events: EVENTS,

			options: { includeRawEvent: false, onFileUnavailable: 'emit' },
		});
		stage.emulator.presetSubscription(trigger.url, ['calls', 'messages']);

		await everyEvent();
		expect(new Set(trigger.items.map(({ json }) => json.event)).size).toBe(7);
		check(TRIGGER_SCHEMA, trigger.items);
	});
});
