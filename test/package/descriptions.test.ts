import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { INodeProperties, INodePropertyCollection, INodePropertyOptions } from 'n8n-workflow';

import { WhatsAppBusinessCallingApi } from '../../credentials/WhatsAppBusinessCallingApi.credentials';
import { WhatsAppBusinessCalling } from '../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCalling.node';
import { WhatsAppBusinessCallingTrigger } from '../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCallingTrigger.node';
import manifest from '../../package.json';
import { REPOSITORY } from '../support/package';

const action = new WhatsAppBusinessCalling().description;
const trigger = new WhatsAppBusinessCallingTrigger().description;
const credential = new WhatsAppBusinessCallingApi();

const FOLDER = 'nodes/WhatsAppBusinessCalling';

type Option = INodePropertyOptions | INodeProperties | INodePropertyCollection;

const isChoice = (option: Option): option is INodePropertyOptions => 'value' in option;
const isField = (option: Option): option is INodeProperties => 'type' in option;

const choices = (property: INodeProperties | undefined) =>
	(property?.options ?? []).filter(isChoice).map(({ value }) => value);

const fieldsOf = (property: INodeProperties | undefined) =>
	(property?.options ?? []).filter(isField);

const values = (property: INodeProperties, key: string) => property.displayOptions?.show?.[key];

/** The parameter that an operation shows under a name. */
function parameter(resource: string, operation: string | null, name: string) {
	return action.properties.find(
		(property) =>
			property.name === name &&
			(values(property, 'resource')?.includes(resource) ?? true) &&
			(operation === null || (values(property, 'operation')?.includes(operation) ?? true)),
	);
}

const inTrigger = (name: string) => trigger.properties.find((property) => property.name === name);
const inOptions = (name: string) =>
	fieldsOf(inTrigger('options')).find((field) => field.name === name);

describe('what saved workflows contain', () => {
	it('The names of nodes and credential do not change', () => {
		expect(action).toMatchObject({
			name: 'whatsAppBusinessCalling',
			displayName: 'WhatsApp Business Calling',
			usableAsTool: true,
			credentials: [{ name: 'whatsAppBusinessCallingApi', required: true }],
		});
		expect(trigger).toMatchObject({
			name: 'whatsAppBusinessCallingTrigger',
			displayName: 'WhatsApp Business Calling Trigger',
			credentials: [{ name: 'whatsAppBusinessCallingApi', required: true }],
		});
		expect(trigger).not.toHaveProperty('usableAsTool');
		expect(credential).toMatchObject({
			name: 'whatsAppBusinessCallingApi',
			displayName: 'WhatsApp Business Calling API',
		});
	});

	it.each([
		['accessToken', '', true],
		['businessAccountId', '', undefined],
		['appId', '', undefined],
		['appSecret', '', true],
		['apiVersion', 'v26.0', undefined],
		['baseUrl', 'https://graph.facebook.com', undefined],
	])('The credential has the field %s, by default %j', (name, value, password) => {
		const field = credential.properties.find((property) => property.name === name);
		expect(field?.default).toBe(value);
		expect(field?.typeOptions?.password).toBe(password);
	});

	it('The trigger has two webhooks on one path', () => {
		expect(
			trigger.webhooks?.map(({ name, httpMethod, path }) => ({ name, httpMethod, path })),
		).toEqual([
			{ name: 'setup', httpMethod: 'GET', path: 'webhook' },
			{ name: 'default', httpMethod: 'POST', path: 'webhook' },
		]);
	});

	it.each<[string, unknown]>([
		['events', ['call_recording_available']],
		['phoneNumberIds', []],
		['downloadFile', true],
		['registration', 'app'],
		['verifyToken', ''],
		['options', {}],
	])('The trigger has the parameter %s, by default %j', (name, value) => {
		expect(inTrigger(name)?.default).toEqual(value);
	});

	it.each<[string, unknown]>([
		['acknowledge', 'stored'],
		['binaryPropertyName', 'data'],
		['includeRawEvent', false],
		['maxConcurrentDeliveries', 32],
		['maxConcurrentDownloads', 4],
		['maxFileSize', 100],
		['onFileUnavailable', 'retry'],
		['onOtherWebhook', 'stop'],
		['otherVerifyToken', ''],
		['otherWebhookUrl', ''],
		['retryFor', 1],
		['timeBudget', 15],
	])('The trigger has the option %s, by default %j', (name, value) => {
		expect(inOptions(name)?.default).toBe(value);
	});

	it("The trigger's lists have the documented values", () => {
		expect(choices(inOptions('acknowledge'))).toEqual(['stored', 'finished']);
		expect(choices(inOptions('onFileUnavailable'))).toEqual(['retry', 'emit', 'fail']);
		expect([...choices(inTrigger('registration'))].sort()).toEqual([
			...['app', 'businessAccount', 'manual', 'phoneNumber'],
		]);
		expect(choices(inOptions('onOtherWebhook'))).toEqual(['stop', 'takeOverAndForward']);
	});

	it.each([
		...['call_recording_available', 'call_transcription_available', 'connect', 'terminate'],
		...['call_created', 'status', 'call_permission_reply', 'voicemail'],
	])('The trigger has the event %s', (event) => {
		expect(choices(inTrigger('events'))).toContain(event);
	});

	it('trigger: each event tells the value that a Switch node compares, in the two lines that n8n shows', () => {
		for (const { value, description } of (inTrigger('events')?.options ?? []).filter(isChoice)) {
			expect(description).toContain(`(event: ${value === 'other' ? 'their name' : String(value)})`);
			expect(description!.length).toBeLessThan(108);
		}
	});

	it.each([
		['call', ['start', 'preAccept', 'accept', 'reject', 'terminate']],
		['callButton', ['getLink', 'send']],
		['delivery', ['read']],
		['phoneNumber', ['getCallStatistics', 'updateVoicemail']],
		['recording', ['download', 'get']],
		['transcription', ['download', 'get']],
	])('The action has the operations of %s', (resource, operations) => {
		expect(choices(action.properties.find(({ name }) => name === 'resource'))).toContain(resource);
		const found = choices(parameter(resource, null, 'operation'));
		expect(found).toEqual(expect.arrayContaining(operations));
	});

	const locator = { mode: 'list', value: '' };
	it.each<[string, string, string, unknown]>([
		...['start', 'preAccept', 'accept', 'reject', 'terminate'].map(
			(operation): [string, string, string, unknown] => [
				'call',
				operation,
				'phoneNumberId',
				locator,
			],
		),
		...['preAccept', 'accept', 'reject', 'terminate'].map(
			(operation): [string, string, string, unknown] => ['call', operation, 'callId', ''],
		),
		...['start', 'preAccept', 'accept'].map((operation): [string, string, string, unknown] => [
			'call',
			operation,
			'sdp',
			'',
		]),
		...Object.entries({
			phoneNumberId: locator,
			status: 'ENABLED',
			triggers: ['REJECT', 'TIMEOUT'],
			timeoutSeconds: 20,
			announcement: 'file',
			binaryPropertyName: 'data',
		}).map(([name, value]): [string, string, string, unknown] => [
			'phoneNumber',
			'updateVoicemail',
			name,
			value,
		]),
		['permission', 'request', 'sendAs', 'message'],
		['permission', 'request', 'templateName', ''],
		['permission', 'request', 'templateLanguage', 'en_US'],
		['permission', 'request', 'templateParameters', {}],
		['callButton', 'send', 'phoneNumberId', locator],
		...['to', 'userId', 'bodyText', 'buttonText'].map((name): [string, string, string, unknown] => [
			'callButton',
			'send',
			name,
			'',
		]),
		['callButton', 'send', 'options', {}],
		['callButton', 'getLink', 'phoneNumber', ''],
		['callButton', 'getLink', 'payload', ''],
		['call', 'start', 'to', ''],
		['call', 'start', 'userId', ''],
		...['start', 'accept'].flatMap(
			(operation): Array<[string, string, string, unknown]> => [
				['call', operation, 'recordCall', false],
				['call', operation, 'recordingPurpose', ''],
				['call', operation, 'recordingLanguage', 'en_US'],
				['call', operation, 'transcribeCall', false],
				['call', operation, 'transcriptionPurpose', ''],
				['call', operation, 'transcriptionLanguage', 'en_US'],
				['call', operation, 'options', {}],
			],
		),
		...['recording', 'transcription'].flatMap(
			(resource): Array<[string, string, string, unknown]> => [
				[resource, 'download', 'mediaId', ''],
				[resource, 'get', 'mediaId', ''],
				[resource, 'download', 'sha256', ''],
				[resource, 'download', 'binaryPropertyName', 'data'],
			],
		),
		...Object.entries({
			bodyFrom: 'binary',
			inputBinaryField: 'data',
			body: '={{ $json.body }}',
			verifySignature: true,
			signature: "={{ $json.headers['x-hub-signature-256'] }}",
			events: ['call_recording_available'],
			phoneNumberIds: [],
			downloadFile: true,
			options: {},
		}).map(([name, value]): [string, string, string, unknown] => ['delivery', 'read', name, value]),
	])(
		'The action has at %s, %s, the parameter %s, by default %j',
		(resource, operation, name, value) => {
			expect(parameter(resource, operation, name)?.default).toEqual(value);
		},
	);

	it.each(['start', 'accept'])('The action has callback data at %s', (operation) => {
		const names = fieldsOf(parameter('call', operation, 'options')).map(({ name }) => name);
		expect(names).toContain('bizOpaqueCallbackData');
	});

	it('The action pre-accepts before Accept unless turned off, and Start has no such option', () => {
		const option = fieldsOf(parameter('call', 'accept', 'options')).find(
			({ name }) => name === 'preAcceptFirst',
		);
		expect(option).toMatchObject({
			default: true,
			displayOptions: { show: { '/operation': ['accept'] } },
		});
	});

	it('Delivery > Read has the events, numbers and options of the trigger', () => {
		const field = (name: string) => parameter('delivery', 'read', name);
		expect(choices(field('events'))).toEqual(choices(inTrigger('events')));
		for (const name of ['events', 'phoneNumberIds', 'downloadFile']) {
			const same = ({ type, typeOptions, default: value }: Partial<INodeProperties> = {}) => ({
				...{ type, typeOptions, value },
			});
			expect(same(field(name))).toEqual(same(inTrigger(name)));
		}
		const options = fieldsOf(field('options'));
		for (const name of ['binaryPropertyName', 'includeRawEvent', 'maxFileSize']) {
			expect(options).toContainEqual(inOptions(name));
		}
		expect(choices(options.find(({ name }) => name === 'onFileUnavailable'))).toEqual([
			...['emit', 'fail', 'retry'],
		]);
	});

	it('The action chooses phone numbers from the list first', () => {
		const modes = parameter('call', 'start', 'phoneNumberId')?.modes ?? [];
		expect(modes.map(({ name }) => name)).toEqual(['list', 'id']);
	});

	it.each(['preAccept', 'reject', 'terminate'])(
		'The action has no recording at %s',
		(operation) => {
			for (const name of ['recordCall', 'transcribeCall']) {
				expect(parameter('call', operation, name)).toBeUndefined();
			}
		},
	);
});

/** All properties, those of collections included, with the place where they stand. */
function everyField(
	properties: INodeProperties[],
	place: string,
): Array<[string, INodeProperties]> {
	return properties.flatMap((property) => {
		const here = `${place} > ${property.name}`;
		return [[here, property] as [string, INodeProperties], ...everyField(fieldsOf(property), here)];
	});
}

const FIELDS = [
	...everyField(action.properties, 'action'),
	...everyField(trigger.properties, 'trigger'),
	...everyField(credential.properties, 'credential'),
];

describe('the texts of the panels', () => {
	// n8n's guidelines want no tooltip for Trigger On.
	const PLAIN = ['Resource', 'Operation', 'Options', 'Trigger On'];

	it.each(
		FIELDS.filter(([, { type, displayName }]) => type !== 'notice' && !PLAIN.includes(displayName)),
	)('The field %s says what it is for', (_, { description, hint, displayName }) => {
		expect(description ?? hint).toMatch(/^\S.{10,}\S$/s);
		expect(displayName).toMatch(/^[A-Z]/);
	});

	it.each(FIELDS.filter(([, { type }]) => type === 'boolean'))(
		'The switch %s begins with Whether',
		(_, field) => {
			expect(field.description).toMatch(/^Whether /);
		},
	);

	it('Every operation says what it does', () => {
		const operations = action.properties.filter(({ name }) => name === 'operation');
		for (const choice of operations.flatMap(({ options = [] }) => options.filter(isChoice))) {
			expect(choice.action).toMatch(/^[A-Z][a-z ]+$/);
			expect(choice.description).toMatch(/^\S.{8,}$/);
		}
	});
});

describe('the parameters', () => {
	/** Whether two parameters can be on the panel together, as far as their conditions on values tell. */
	function canMeet(a: INodeProperties, b: INodeProperties): boolean {
		const [one, two] = [a.displayOptions?.show ?? {}, b.displayOptions?.show ?? {}];
		return Object.keys(one).every((key) => {
			const [left, right] = [one[key], two[key]];
			return !left || !right || left.some((value) => right.includes(value));
		});
	}

	it.each([
		['action', action.properties],
		['trigger', trigger.properties],
		['credential', credential.properties],
		['options of the trigger', fieldsOf(inTrigger('options'))],
	])('No two parameters of the %s have one name at the same time', (_, properties) => {
		const clashes = properties.flatMap((a, index) =>
			properties
				.slice(index + 1)
				.flatMap((b) => (a.name === b.name && canMeet(a, b) ? [a.name] : [])),
		);
		expect(clashes).toEqual([]);
	});

	it('Every parameter has a default', () => {
		expect(
			FIELDS.filter(([, field]) => field.default === undefined).map(([place]) => place),
		).toEqual([]);
	});

	it('Conditions name parameters that exist', () => {
		for (const { name, properties } of [action, trigger]) {
			const names = new Set(properties.map((property) => property.name));
			const asked = properties.flatMap(({ displayOptions }) =>
				Object.keys({ ...displayOptions?.show, ...displayOptions?.hide }),
			);
			const unknown = asked.filter((key) => !names.has(key.replace(/^\//, '')));
			expect({ name, unknown }).toEqual({ name, unknown: [] });
		}
	});
});

describe('the files beside the code', () => {
	it.each([
		['WhatsAppBusinessCalling', action],
		['WhatsAppBusinessCallingTrigger', trigger],
	])('The codex of %s is complete', (file, { name }) => {
		const path = join(REPOSITORY, FOLDER, `${file}.node.json`);
		const codex = JSON.parse(readFileSync(path, 'utf8')) as { node: string; categories: string[] };
		expect(codex.node).toBe(`${manifest.name}.${name}`);
		expect(codex.categories.length).toBeGreaterThan(0);
	});

	it.each([
		['action', FOLDER, action.icon],
		['trigger', FOLDER, trigger.icon],
		['credential', 'credentials', credential.icon],
	])('The icons of the %s exist, one for light and one for dark', (_, folder, icon) => {
		if (typeof icon !== 'object') throw new Error('There must be an icon for each theme.');
		const [light, dark] = [icon.light, icon.dark].map((address) => {
			expect(address).toMatch(/^file:.*\.svg$/);
			const path = resolve(dirname(join(REPOSITORY, folder, 'x')), address.replace('file:', ''));
			expect(existsSync(path) ? '' : path).toBe('');
			return readFileSync(path, 'utf8');
		});
		expect(light).toContain('<svg');
		expect(dark).toContain('<svg');
		expect(light).not.toBe(dark);
	});
});
