import { NUMBER, PERSON } from '../test/support/constants';
import { graph } from '../test/support/graph';
import { Receiver } from '../test/support/receiver';
import { startEmulator, type Emulator } from './index';

let emulator: Emulator;
let receiver: Receiver;

beforeEach(async () => {
	emulator = await startEmulator({ redeliveryDelaysMs: [] });
	receiver = await new Receiver().start();
	emulator.presetSubscription(receiver.url, ['calls', 'messages']);
});

afterEach(async () => {
	await emulator.stop();
	await receiver.stop();
});

const send = async (message: object, number = NUMBER) =>
	await graph(emulator, 'POST', `${number}/messages`, {
		messaging_product: 'whatsapp',
		recipient_type: 'individual',
		to: PERSON,
		...message,
	});

describe('a call button', () => {
	const button = (parameters?: unknown, more: object = {}) => ({
		type: 'interactive',
		interactive: {
			type: 'voice_call',
			body: { text: 'Call us' },
			action: { name: 'voice_call', ...(parameters !== undefined && { parameters }) },
			...more,
		},
	});
	const full = { display_text: 'x'.repeat(20), ttl_minutes: 43_200, payload: '📞'.repeat(512) };

	it('A call button that is tapped calls, with its payload at the start and the end', async () => {
		const { body } = await send(button(full));
		expect(body).toMatchObject({
			contacts: [{ input: PERSON, wa_id: PERSON }],
			messages: [{ id: expect.stringMatching(/^wamid\./) as string }],
		});
		const call = emulator.userTapsCallButton();
		emulator.hangUp(call.id);
		await emulator.whenIdle();
		expect(receiver.events).toMatchObject([
			{ event: 'connect', from: PERSON, cta_payload: full.payload },
			{ event: 'terminate', cta_payload: full.payload },
		]);
	});

	it('A call button needs a number that can be called', async () => {
		expect((await send(button(), '106000000000003')).error.code).toBe(138000);
	});

	it('A call button needs neither parameters nor a payload', async () => {
		await send(button());
		expect(emulator.userTapsCallButton()).not.toHaveProperty('ctaPayload');
	});

	it('A call button expires after its time, a week if none is given', async () => {
		const short = await send(button({ ttl_minutes: 1 }));
		const [{ id }] = short.body.messages as [{ id: string }];
		await send(button({ payload: 'long' }));
		emulator.clock.advance(60_000);
		expect(() => emulator.userTapsCallButton(id)).toThrow('expired');
		emulator.clock.advance(7 * 24 * 3_600_000 - 120_000);
		const call = emulator.userTapsCallButton();
		expect(call.ctaPayload).toBe('long');
		emulator.hangUp(call.id);
		emulator.clock.advance(120_000);
		expect(() => emulator.userTapsCallButton()).toThrow('expired');
		expect(() => emulator.userTapsCallButton('wamid.none')).toThrow('no such call button');
	});

	it.each<[string, object]>([
		['without a text', button(undefined, { body: undefined })],
		['with an empty text', button(undefined, { body: { text: '' } })],
		['with a long text', button(undefined, { body: { text: 'x'.repeat(1025) } })],
		['with a header', button(undefined, { header: { type: 'text', text: 'Hi' } })],
		['with the action of another', button(undefined, { action: { name: 'call' } })],
		['without an action', button(undefined, { action: undefined })],
		['with a long label', button({ display_text: 'x'.repeat(21) })],
		['with an empty label', button({ display_text: '' })],
		['with a label that is no text', button({ display_text: 5 })],
		['for no time', button({ ttl_minutes: 0 })],
		['for more than 30 days', button({ ttl_minutes: 43_201 })],
		['for half a minute', button({ ttl_minutes: 1.5 })],
		['for a time as text', button({ ttl_minutes: '100' })],
		['with a long payload', button({ payload: 'x'.repeat(513) })],
		['with a payload that is no text', button({ payload: {} })],
		['with callback data', button({ biz_opaque_callback_data: 'x' })],
		['with a list of parameters', button([])],
		['of another type', { type: 'interactive', interactive: { type: 'button' } }],
	])('A call button %s is rejected', async (_, message) => {
		expect((await send(button(full))).status).toBe(200);
		expect((await send(message)).error.code).toBe(100);
	});
});

describe('a call link', () => {
	it('A call link that is opened calls the number in it, with its payload', async () => {
		emulator.userOpensCallLink('https://wa.me/call/441314960321?biz_payload=a%20%26%20b+c', PERSON);
		await emulator.whenIdle();
		expect(receiver.events).toMatchObject([
			{ event: 'connect', from: PERSON, to: '441314960321', deeplink_payload: 'a & b c' },
		]);
		const plain = emulator.userOpensCallLink('https://wa.me/call/442079460958', '14085555678');
		expect(plain).not.toHaveProperty('deeplinkPayload');
	});

	it.each([
		'https://wa.me/442079460958',
		'http://wa.me/call/442079460958',
		'https://wa.me.example.com/call/442079460958',
		'https://wa.me/call/+442079460958',
		'https://wa.me/call/442079460958/x',
		'https://wa.me/call/442079460958?payload=x',
		'https://wa.me/call/442079460958?biz_payload=x&biz_payload=y',
		'https://wa.me/call/15550001111',
		'wa.me/call/442079460958',
	])('The link %s leads nowhere', (link) => {
		expect(() => emulator.userOpensCallLink(link)).toThrow();
	});
});

describe('the 24 hours after the last contact', () => {
	const ask = {
		type: 'interactive',
		interactive: { type: 'call_permission_request', action: { name: 'call_permission_request' } },
	};

	it('The 24 hours end: a message is accepted, and reported as failed', async () => {
		emulator.closeWindow('14085555678');
		const { status, body } = await send({ ...ask, to: '14085555678' });
		expect(status).toBe(200);
		const [{ id }] = body.messages as [{ id: string }];
		await emulator.whenIdle();
		expect(receiver.events).toMatchObject([{ id, status: 'failed', errors: [{ code: 131047 }] }]);
	});

	it.each<[string, () => unknown]>([
		['calls', () => emulator.userCalls({ from: '14085555678' })],
		[
			'answers a permission request',
			() => emulator.userAnswersPermissionRequest({ from: '14085555678', accept: true }),
		],
		['leaves a voicemail', () => emulator.createVoicemail({ from: '14085555678' })],
	])('The 24 hours start again when the customer %s', async (_, act) => {
		const user = emulator.closeWindow('14085555678');
		await act();
		expect(user.windowClosesAt).toBeGreaterThan(emulator.clock.now() + 86_000_000);
	});
});

describe('a template', () => {
	const text = (value: string, parameter_name?: string) => ({
		type: 'text',
		text: value,
		...(parameter_name !== undefined && { parameter_name }),
	});
	const body = (...parameters: object[]) => ({ type: 'body', parameters });
	const header = (...parameters: object[]) => ({ type: 'header', parameters });
	const template = (name: string, components?: unknown, more: object = {}) => ({
		to: '14085555678',
		type: 'template',
		template: {
			name,
			language: { code: 'en_US' },
			...(components !== undefined && { components }),
			...more,
		},
	});

	it.each<[string, object]>([
		['without parameters', template('call_permission_plain')],
		['with numbered ones', template('call_permission', [body(text('Ana'), text('7'))])],
		[
			'with named ones',
			template('call_permission_named', [
				header(text('7', 'order')),
				body(text('Ana', 'first_name')),
			]),
		],
	])('A template %s asks for permission, also after the 24 hours', async (_, message) => {
		emulator.closeWindow('14085555678');
		expect((await send(message)).status).toBe(200);
		await emulator.whenIdle();
		expect(receiver.events).toEqual([]);
		expect((await send(message)).error.code).toBe(138009);
	});

	it('A template needs a number that can call, if it asks for that', async () => {
		const off = '106000000000003';
		expect((await send(template('call_permission_plain'), off)).error.code).toBe(138000);
		expect((await send(template('order_update'), off)).status).toBe(200);
	});

	it('A template of another kind asks for nothing', async () => {
		expect((await send(template('order_update'))).status).toBe(200);
		expect((await send(template('order_update'))).status).toBe(200);
	});

	const [one, two] = [text('Ana'), text('7')];
	it.each<[string, object, number]>([
		['with an unknown name', template('none'), 132001],
		['in another language', template('order_update', [], { language: { code: 'de' } }), 132001],
		['that is paused', template('call_permission_paused'), 132015],
		['with too few parameters', template('call_permission', [body(one)]), 132000],
		['with too many', template('call_permission', [body(one, two, two)]), 132000],
		['with a header that it has not', template('order_update', [header(one)]), 132000],
		['without the names', template('call_permission_named', [header(two), body(one)]), 100],
		[
			'with other names',
			template('call_permission_named', [header(text('7', 'no')), body(text('Ana', 'name'))]),
			132012,
		],
		['without a language', template('order_update', [], { language: undefined }), 100],
		['with an empty text', template('call_permission', [body(one, text(''))]), 100],
		['with a line break', template('call_permission', [body(one, text('a\nb'))]), 132018],
		['with a tab', template('call_permission', [body(one, text('a\tb'))]), 132018],
		['with five spaces', template('call_permission', [body(one, text('a     b'))]), 132018],
		['with an image', template('call_permission', [body(one, { type: 'image' })]), 100],
		['with two bodies', template('call_permission', [body(one), body(two)]), 100],
		['with an empty component', template('order_update', [body()]), 100],
		['with a button', template('order_update', [{ type: 'button', parameters: [one] }]), 100],
		['with components that are no list', template('order_update', {}), 100],
		['with an unknown field', template('order_update', [], { namespace: 'x' }), 100],
		['without itself', { type: 'template' }, 100],
		['beside an interactive message', { ...template('order_update'), interactive: {} }, 100],
	])('A template %s is rejected', async (_, message, code) => {
		expect((await send(message)).error.code).toBe(code);
	});
});
