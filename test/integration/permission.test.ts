import type { IDataObject, INode, INodeParameters } from 'n8n-workflow';
import { NUMBER, PERSON } from '../support/constants';
import type { ActionRun } from './engine/actionRun';
import { useStage } from './engineStage';

const stage = useStage();

const USER_ID = 'US.13491208655302741918';

async function permission(operation: string, parameters: INodeParameters): Promise<ActionRun> {
	return await stage.runOnNumber('permission', operation, parameters);
}

const get = async (parameters: INodeParameters = { to: PERSON }) =>
	(await permission('get', parameters)).items[0].json;

const request = async (parameters: INodeParameters, node?: Partial<INode>) =>
	await stage.runOnNumber('permission', 'request', parameters, undefined, node);

const RETRY_ON_FAIL = { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 };

describe('getting a call permission', () => {
	it('A permanent permission allows calls, and need not be requested', async () => {
		expect(await get({ to: '+1 (408) 555-1234' })).toEqual({
			phoneNumberId: NUMBER,
			to: PERSON,
			userId: null,
			status: 'permanent',
			expiresAt: null,
			canCall: true,
			canRequestPermission: false,
			limits: [
				{
					action: 'send_call_permission_request',
					period: 'PT24H',
					maxAllowed: 1,
					used: 0,
					freeAgainAt: null,
				},
				{
					action: 'send_call_permission_request',
					period: 'P7D',
					maxAllowed: 2,
					used: 0,
					freeAgainAt: null,
				},
				{ action: 'start_call', period: 'PT24H', maxAllowed: 100, used: 0, freeAgainAt: null },
			],
		});
		const [{ query }] = stage.requests('callPermissions');
		expect(query).toMatchObject({ user_wa_id: PERSON });
	});

	it('A temporary permission says until when it is valid', async () => {
		const now = stage.emulator.clock.now();
		stage.emulator.userAnswersPermissionRequest({ accept: true });
		const json = await get();
		expect(json).toMatchObject({ status: 'temporary', canCall: true });
		expect(Date.parse(String(json.expiresAt)) - now).toBeCloseTo(7 * 24 * 3_600_000, -4);
	});

	it('A missing permission of a person with a user ID is reported', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		expect(await get({ userId: USER_ID })).toMatchObject({
			to: null,
			userId: USER_ID,
			status: 'no_permission',
			canCall: false,
			canRequestPermission: true,
		});
		expect(stage.requests('callPermissions')[0].query).toMatchObject({ recipient: USER_ID });
	});

	it('A permission that was requested says when the next request is possible', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		const now = stage.emulator.clock.now();
		await request({ to: PERSON });
		const json = await get();
		expect(json.canRequestPermission).toBe(false);
		const [day] = json.limits as IDataObject[];
		expect(day).toMatchObject({ maxAllowed: 1, used: 1 });
		expect(Date.parse(String(day.freeAgainAt)) - now).toBeCloseTo(24 * 3_600_000, -4);
	});

	it.each<[string, unknown, IDataObject]>([
		[
			'the end under its other documented name',
			{ permission: { status: 'temporary', expiration: 1745343479 }, actions: [] },
			{ expiresAt: '2025-04-22T17:37:59.000Z', canCall: null, limits: [] },
		],
		[
			'no list of actions',
			{ permission: { status: 'no_permission' } },
			{ canCall: null, canRequestPermission: null, limits: [] },
		],
		[
			'an action without a word on whether it is allowed',
			{
				permission: { status: 'no_permission' },
				actions: [
					{ action_name: 'start_call' },
					{ action_name: 'send_call_permission_request', can_perform_action: false },
				],
			},
			{ canCall: null, canRequestPermission: false },
		],
		[
			'words in capitals and numbers as text',
			{
				permission: { status: ' Temporary', expiration_time: '1745343479' },
				actions: [
					{
						action_name: 'start_call',
						can_perform_action: true,
						limits: [
							{
								time_period: 'PT24H',
								max_allowed: '100',
								current_usage: '7',
								limit_expiration_time: '1745622600',
							},
						],
					},
				],
			},
			{
				status: 'temporary',
				expiresAt: '2025-04-22T17:37:59.000Z',
				canCall: true,
				canRequestPermission: null,
				limits: [
					{
						action: 'start_call',
						period: 'PT24H',
						maxAllowed: 100,
						used: 7,
						freeAgainAt: '2025-04-25T23:10:00.000Z',
					},
				],
			},
		],
		[
			'limits without numbers',
			{
				permission: { status: 'permanent', expiration_time: '' },
				actions: [{ action_name: 'start_call', can_perform_action: true, limits: [{}] }],
			},
			{
				canCall: true,
				expiresAt: null,
				limits: [
					{
						action: 'start_call',
						period: null,
						maxAllowed: null,
						used: null,
						freeAgainAt: null,
					},
				],
			},
		],
	])('A response with %s is read', async (_, body, expected) => {
		stage.emulator.failNext('callPermissions', { status: 200, body });
		expect(await get()).toMatchObject(expected);
	});

	it('A response that is no permission is an error that says so', async () => {
		stage.emulator.failNext('callPermissions', { status: 200, body: { data: [] } });
		const { error } = await permission('get', { to: PERSON });
		expect(error.message).toBe('WhatsApp responded, but the response contains no permission');
	});

	it('The operation waits if Meta says that there were too many requests', async () => {
		stage.emulator.failNext('callPermissions', { errorCode: 613 });
		expect(await get()).toMatchObject({ canCall: true });
		expect(stage.requests('callPermissions')).toHaveLength(2);
	});
});

describe('requesting a call permission', () => {
	it('The request is the interactive message, and the item has its ID', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		const { items } = await request({ to: PERSON, bodyText: ' May we call you? ' });
		expect(stage.requests('messages').map(({ body }) => body)).toEqual([
			{
				messaging_product: 'whatsapp',
				recipient_type: 'individual',
				to: PERSON,
				type: 'interactive',
				interactive: {
					type: 'call_permission_request',
					action: { name: 'call_permission_request' },
					body: { text: 'May we call you?' },
				},
			},
		]);
		expect(items).toEqual([
			{
				json: {
					messageId: expect.stringMatching(/^wamid\./),
					phoneNumberId: NUMBER,
					to: PERSON,
					userId: USER_ID,
				},
				pairedItem: { item: 0 },
			},
		]);
	});

	it('A request can go to a user ID and have no text', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		const { items } = await request({ userId: USER_ID });
		expect(items[0].json).toMatchObject({ to: PERSON, userId: USER_ID });
		const [{ body }] = stage.requests('messages');
		expect(body).toMatchObject({ recipient: USER_ID });
		expect(body).not.toHaveProperty('to');
		expect(body).not.toHaveProperty('interactive.body');
	});

	it('A text of 1,024 characters is accepted, also of characters with two code units', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		expect((await request({ to: PERSON, bodyText: '📞'.repeat(1024) })).succeeded).toBe(true);
	});

	it('A request with number and user ID sends both, of which WhatsApp uses the number', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		await request({ to: PERSON, userId: USER_ID });
		expect(stage.requests('messages')[0].body).toMatchObject({ to: PERSON, recipient: USER_ID });
	});

	it('A text of invisible characters counts as none', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		await request({ to: PERSON, bodyText: '\u200b\ufe0f' });
		expect(stage.requests('messages')[0].body).not.toHaveProperty('interactive.body');
	});

	it.each<[number, string]>([
		[131047, 'The 24-hour window for messages to this person is closed'],
		[130497, 'This business number cannot contact people in this country'],
		[138009, 'Too many call permission requests to this person'],
		[138017, 'This person has already given permanent permission to be called'],
		[131026, 'The message could not be delivered to this person'],
		[131044, 'Meta cannot charge the WhatsApp Business account'],
		[131048, 'WhatsApp has temporarily blocked requests from this phone number'],
	])(
		'A rejection by Meta with %d says why, and the request is sent once',
		async (errorCode, title) => {
			stage.emulator.failNext('messages', { errorCode }, { times: Infinity });
			const { error } = await request({ to: PERSON });
			expect(error.message).toBe(title);
			expect(error.context.whatsApp).toMatchObject({ code: errorCode });
			expect(stage.requests('messages')).toHaveLength(1);
		},
	);

	it('A second request on one day is rejected by Meta', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		expect((await request({ to: PERSON })).succeeded).toBe(true);
		const { error } = await request({ to: PERSON });
		expect(error.message).toBe('Too many call permission requests to this person');
	});

	it('A request whose response was lost is not sent again: the person would get two', async () => {
		stage.emulator.setPermission(PERSON, 'no_permission');
		stage.emulator.failNext('messages', { takesEffect: true, reset: true }, { times: Infinity });
		const { error } = await request({ to: PERSON }, RETRY_ON_FAIL);
		expect(error.message).toBe('Meta could not be reached');
		expect(error.description).toContain('may have received the message');
		expect(stage.requests('messages')).toHaveLength(1);
	});

	it('Retry On Fail does not send the requests of the other items again, and sends the one that was rejected', async () => {
		const people = [PERSON, '447700900123'];
		for (const person of people) stage.emulator.setPermission(person, 'no_permission');
		stage.emulator.failNext('messages', { errorCode: 131026 }, { after: 1 });
		const { items } = await stage.runOnNumber(
			'permission',
			'request',
			{ to: '={{ $json.to }}' },
			people.map((to) => ({ to })),
			RETRY_ON_FAIL,
		);
		expect(items).toHaveLength(2);
		expect(stage.requests('messages').map(({ body }) => (body as IDataObject).to)).toEqual([
			people[0],
			people[1],
			people[1],
		]);
	});

	it.each([
		['message', { bodyText: '={{ ({ text: "Hi" }) }}' }],
		[
			'template',
			{
				sendAs: 'template',
				templateName: 'call_permission',
				templateParameters: { parameter: [{ value: '={{ ({ text: "Hi" }) }}' }] },
			},
		],
	])('An object is not sent as the text of a %s', async (_, parameters) => {
		const { error } = await request({ to: PERSON, ...parameters });
		expect(error.description).toContain('It evaluates to {"text":"Hi"}');
		expect(stage.requests('messages')).toEqual([]);
	});

	it('A response without an ID warns against repeating', async () => {
		stage.emulator.failNext('messages', { status: 200, body: { messages: [] } });
		const { error } = await request({ to: PERSON });
		expect(error.message).toBe('WhatsApp responded, but the response contains no message ID');
		expect(error.description).toContain('Do not send it again');
	});
});

describe('requesting a call permission with a template', () => {
	const parameter = (value: unknown, more: IDataObject = {}) => ({ value, ...more });
	const byTemplate = async (
		templateName: string,
		parameters: unknown[] = [],
		more: INodeParameters = {},
	) =>
		await request({
			to: '14085555678',
			sendAs: 'template',
			templateName,
			templateParameters: { parameter: parameters } as INodeParameters,
			...more,
		});
	const sentTemplate = () => (stage.requests('messages')[0].body as IDataObject).template;

	it('A template reaches a person who wrote more than 24 hours ago, and brings their reply', async () => {
		stage.emulator.closeWindow('14085555678');
		const trigger = stage.trigger({ events: ['call_permission_reply'] });
		stage.emulator.presetSubscription(trigger.url, ['calls', 'messages']);
		const { items } = await byTemplate('call_permission', [parameter(' Ben '), parameter(7)]);
		expect(stage.requests('messages').map(({ body }) => body)).toEqual([
			{
				messaging_product: 'whatsapp',
				recipient_type: 'individual',
				to: '14085555678',
				type: 'template',
				template: {
					name: 'call_permission',
					language: { code: 'en_US' },
					components: [
						{
							type: 'body',
							parameters: [
								{ type: 'text', text: 'Ben' },
								{ type: 'text', text: '7' },
							],
						},
					],
				},
			},
		]);
		await stage.emulator.userAnswersPermissionRequest({ from: '14085555678', accept: true }).answer;
		expect(trigger.items.map(({ json }) => json.requestMessageId)).toEqual([
			items[0].json.messageId,
		]);
	});

	it('A template can have names, and placeholders of the header', async () => {
		const { succeeded } = await byTemplate('call_permission_named', [
			parameter('Ben', { name: 'first_name' }),
			parameter('7', { name: 'order', part: 'header' }),
		]);
		expect(succeeded).toBe(true);
		expect(sentTemplate()).toMatchObject({
			components: [
				{ type: 'header', parameters: [{ parameter_name: 'order', text: '7' }] },
				{ type: 'body', parameters: [{ parameter_name: 'first_name', text: 'Ben' }] },
			],
		});
	});

	it('A template needs no parameters', async () => {
		expect((await byTemplate('call_permission_plain')).succeeded).toBe(true);
		expect(sentTemplate()).toEqual({
			name: 'call_permission_plain',
			language: { code: 'en_US' },
		});
	});

	it.each<[string, unknown[], string]>([
		['none', [], 'There is no such message template in this language'],
		['call_permission', [{ value: 'Ben' }], 'The parameters do not fit the message template'],
		['call_permission_paused', [], 'WhatsApp has paused or disabled this message template'],
	])(
		'A template %s with %j is rejected by Meta, with a reason',
		async (name, parameters, title) => {
			const { error } = await byTemplate(name, parameters);
			expect(error.message).toBe(title);
		},
	);

	it.each<[string, string, unknown, INodeParameters, string]>([
		['no name', '={{ "" }}', [], {}, 'Template Name is empty'],
		['a name with spaces', 'my template', [], {}, '"my template" cannot be a template name'],
		['a path', '../x', [], {}, '"../x" cannot be a template name'],
		['no language', 'a', [], { templateLanguage: '={{ "" }}' }, 'Template Language is empty'],
		['an empty value', 'a', [{ value: '\u200b' }], {}, 'Template parameter 1 has no value'],
		['no value', 'a', [{ value: 'x' }, {}], {}, 'Template parameter 2 has no value'],
		...['1 High Street\nLondon', 'a\tb', 'a     b'].map(
			(value): [string, string, unknown, INodeParameters, string] => [
				`the value ${JSON.stringify(value)}`,
				'a',
				[{ value }],
				{},
				'Template parameter 1 contains a line break, a tab or more than 4 spaces in a row',
			],
		),
		[
			'another part',
			'a',
			[{ value: 'x', part: 'footer' }],
			{},
			'"footer" is not a part of a template',
		],
		['another way', 'a', [], { sendAs: '={{ "sms" }}' }, '"sms" is not a value of Send As'],
	])(
		'A template with %s is rejected before anything is sent',
		async (_, name, rows, more, message) => {
			const { error } = await byTemplate(name, [], {
				templateParameters: { parameter: rows } as INodeParameters,
				...more,
			});
			expect(error.message).toBe(message);
			expect(error.description).not.toBe('');
			expect(stage.emulator.requests).toEqual([]);
		},
	);
});

describe('the check before a request', () => {
	it.each<[string, INodeParameters, string]>([
		['nobody', {}, 'No recipient'],
		['nothing to see', { to: '\u200b', userId: '\ufeff\u2060' }, 'No recipient'],
		['a number with an extension', { to: '+1 408 555 1234 x5' }, '"+1 408 555 1234 x5" is not'],
		['a number that is none', { to: 'Ana' }, '"Ana" is not a phone number'],
		['a user ID that is none', { userId: '1349' }, '"1349" is not a user ID'],
		[
			'no number of the business',
			{ to: PERSON, phoneNumberId: { __rl: true, mode: 'id', value: '={{ "" }}' } },
			'No phone number was chosen',
		],
		[
			'a phone number as its ID',
			{ to: PERSON, phoneNumberId: { __rl: true, mode: 'id', value: '+44 20' } },
			'"+44 20" is not a phone number ID',
		],
	])('A request to %s is rejected by both operations', async (_, parameters, message) => {
		for (const operation of ['get', 'request']) {
			const { error } = await permission(operation, parameters);
			expect(error.message).toContain(message);
			expect(error.description).not.toBe('');
		}
		expect(stage.emulator.requests).toEqual([]);
	});

	it('A text that is too long is rejected', async () => {
		const { error } = await request({ to: PERSON, bodyText: 'x'.repeat(1025) });
		expect(error.message).toBe('The message is too long: 1025 characters');
		expect(stage.emulator.requests).toEqual([]);
	});
});
