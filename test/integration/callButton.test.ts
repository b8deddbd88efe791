import * as fc from 'fast-check';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { NUMBER, PERSON } from '../support/constants';
import type { ActionRun } from './engine/actionRun';
import { useStage } from './engineStage';

const stage = useStage();

const USER_ID = 'US.13491208655302741918';

async function callButton(operation: string, parameters: INodeParameters): Promise<ActionRun> {
	return await stage.runOnNumber('callButton', operation, parameters);
}

const send = async (parameters: INodeParameters) =>
	await callButton('send', { to: PERSON, bodyText: 'Call us', ...parameters });

const getLink = async (parameters: INodeParameters) =>
	await callButton('getLink', { phoneNumber: '+44 20 7946 0958', ...parameters });

const sentButton = () => (stage.requests('messages')[0].body as IDataObject).interactive;

/** The items of a call, from its start to its end. */
async function eventsOf(makeCall: () => { id: string }): Promise<IDataObject[]> {
	const trigger = stage.trigger({ events: ['connect', 'terminate'] });
	stage.emulator.hangUp(makeCall().id);
	await stage.emulator.whenIdle();
	return trigger.items.map(({ json }) => json);
}

describe('sending a call button', () => {
	it('The request is the interactive message, and the item has its ID', async () => {
		const { items } = await send({
			bodyText: ' Questions? ',
			buttonText: ' Call Us ',
			options: { payload: ' order 7 ', ttlMinutes: 1440 },
		});
		expect(stage.requests('messages').map(({ body }) => body)).toEqual([
			{
				messaging_product: 'whatsapp',
				recipient_type: 'individual',
				to: PERSON,
				type: 'interactive',
				interactive: {
					type: 'voice_call',
					body: { text: 'Questions?' },
					action: {
						name: 'voice_call',
						parameters: { display_text: 'Call Us', ttl_minutes: 1440, payload: ' order 7 ' },
					},
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
					payload: ' order 7 ',
				},
				pairedItem: { item: 0 },
			},
		]);
	});

	it('What was not filled in is left to WhatsApp', async () => {
		const { items } = await send({ to: '', userId: USER_ID, buttonText: '\u200b' });
		expect(sentButton()).toEqual({
			type: 'voice_call',
			body: { text: 'Call us' },
			action: { name: 'voice_call' },
		});
		expect(items[0].json).toMatchObject({ to: PERSON, payload: null });
	});

	it('The call that the button starts has the payload, at its start and at its end', async () => {
		await send({ options: { payload: 'order 7' } });
		const events = await eventsOf(() => stage.emulator.userTapsCallButton());
		expect(events).toMatchObject([
			{ event: 'connect', ctaPayload: 'order 7', deeplinkPayload: null },
			{ event: 'terminate', ctaPayload: 'order 7' },
		]);
	});

	it.each<[string, unknown, unknown]>([
		['a number', 4471, '4471'],
		['an object', { order: 7 }, '{"order":7}'],
		['nothing', null, undefined],
		['512 characters that are two units each', '📞'.repeat(512), '📞'.repeat(512)],
	])('The payload can be %s', async (_, payload, expected) => {
		const { items } = await send({ options: { payload } as INodeParameters });
		expect(items).toHaveLength(1);
		const { action } = sentButton() as { action: { parameters?: IDataObject } };
		expect(action.parameters?.payload).toBe(expected);
	});

	it.each<[unknown, number]>([
		['60', 60],
		[1, 1],
		[43_200, 43_200],
	])('The value %j is accepted as minutes', async (ttlMinutes, expected) => {
		await send({ options: { ttlMinutes } as INodeParameters });
		expect(sentButton()).toMatchObject({ action: { parameters: { ttl_minutes: expected } } });
	});

	it.each<[string, INodeParameters, string]>([
		['no message', { bodyText: ' \u2060' }, 'The message is missing'],
		['a long message', { bodyText: 'x'.repeat(1025) }, 'The message is too long: 1025 characters'],
		[
			'a long button text',
			{ buttonText: 'x'.repeat(21) },
			'The button text is too long: 21 characters',
		],
		[
			'a long payload',
			{ options: { payload: 'x'.repeat(513) } },
			'The payload is too long: 513 characters',
		],
		['no time', { options: { ttlMinutes: 0 } }, 'Valid For (Minutes) must be'],
		['too much time', { options: { ttlMinutes: 43_201 } }, 'Valid For (Minutes) must be'],
		['half a minute', { options: { ttlMinutes: 0.5 } }, 'Valid For (Minutes) must be'],
		['a time that is none', { options: { ttlMinutes: 'a week' } }, 'Valid For (Minutes) must be'],
		['nobody', { to: '' }, 'No recipient'],
		['a number that is none', { to: 'Ana' }, '"Ana" is not a phone number'],
	])('The operation rejects %s before anything is sent', async (_, parameters, message) => {
		const { error } = await send(parameters);
		expect(error.message).toContain(message);
		expect(error.description).not.toBe('');
		expect(stage.emulator.requests).toEqual([]);
	});

	it('A button text of 20 characters is accepted, also of characters with two code units', async () => {
		expect((await send({ buttonText: '📞'.repeat(20) })).succeeded).toBe(true);
	});

	it.each<[number, string]>([
		[131047, 'The 24-hour window for messages to this person is closed'],
		[131009, 'WhatsApp did not accept a value in the request'],
	])(
		'A rejection by Meta with %d says why, and the message is sent once',
		async (errorCode, title) => {
			stage.emulator.failNext('messages', { errorCode }, { times: Infinity });
			const { error } = await send({});
			expect(error.message).toBe(title);
			expect(stage.requests('messages')).toHaveLength(1);
		},
	);

	it('A message whose response was lost is not sent again: the person would get two', async () => {
		stage.emulator.failNext('messages', { takesEffect: true, reset: true }, { times: Infinity });
		const { error } = await send({});
		expect(error.message).toBe('Meta could not be reached');
		expect(stage.requests('messages')).toHaveLength(1);
	});
});

describe('getting a call link', () => {
	it('The operation sends nothing', async () => {
		const { items } = await getLink({});
		expect(items).toEqual([
			{
				json: {
					link: 'https://wa.me/call/442079460958',
					phoneNumber: '442079460958',
					payload: null,
				},
				pairedItem: { item: 0 },
			},
		]);
		expect(stage.emulator.requests).toEqual([]);
	});

	it('The link calls that number with the payload', async () => {
		const [{ json }] = (await getLink({ phoneNumber: '441314960321', payload: 'flyer 7' })).items;
		expect(json.link).toBe('https://wa.me/call/441314960321?biz_payload=flyer%207');
		const events = await eventsOf(() =>
			stage.emulator.userOpensCallLink(String(json.link), PERSON),
		);
		expect(events).toMatchObject([
			{ event: 'connect', to: '441314960321', deeplinkPayload: 'flyer 7', ctaPayload: null },
			{ event: 'terminate', deeplinkPayload: 'flyer 7' },
		]);
	});

	it('Any payload stays in its place', async () => {
		const payload = fc.string({ unit: 'binary', minLength: 1, maxLength: 100 });
		await fc.assert(
			fc.asyncProperty(payload, async (text) => {
				const [{ json }] = (await getLink({ payload: text })).items;
				const url = new URL(String(json.link));
				expect(url.origin + url.pathname).toBe('https://wa.me/call/442079460958');
				expect(url.hash).toBe('');
				expect([...url.searchParams]).toEqual(
					json.payload === null ? [] : [['biz_payload', json.payload]],
				);
			}),
			{ numRuns: 50 },
		);
	});

	it('Half of a pair of code units becomes an unknown character', async () => {
		const [{ json }] = (await getLink({ payload: 'a\ud800' })).items;
		expect(json.link).toMatch(/\?biz_payload=a%EF%BF%BD$/);
	});

	it.each<[string, INodeParameters, string]>([
		['no number', { phoneNumber: '={{ "" }}' }, 'The phone number is missing'],
		['a phone number ID', { phoneNumber: NUMBER }, `"${NUMBER}" is a phone number ID`],
		[
			'a number without its country code',
			{ phoneNumber: '(408) 555-1234' },
			'"(408) 555-1234" is not a phone number',
		],
		[
			'a path',
			{ phoneNumber: '442079460958/../../login' },
			'"442079460958/../../login" is not a phone number',
		],
		['a long payload', { payload: 'x'.repeat(513) }, 'The payload is too long: 513 characters'],
	])('The operation rejects %s', async (_, parameters, message) => {
		const { error } = await getLink(parameters);
		expect(error.message).toContain(message);
		expect(error.description).not.toBe('');
	});
});
