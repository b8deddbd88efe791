import type { IDataObject } from 'n8n-workflow';
import { makeSdp, type DeliverOptions, type WebhookUpdate } from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import { graph } from '../support/graph';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { useStage } from './engineStage';

const stage = useStage();

const ALL = [
	'connect',
	'call_created',
	'status',
	'terminate',
	'call_recording_available',
	'call_transcription_available',
	'call_permission_reply',
];

function triggerOn(...events: string[]): TriggerWorkflow {
	const trigger = stage.trigger({ events });
	stage.emulator.presetSubscription(trigger.url, ['calls', 'messages']);
	return trigger;
}

const update = (value: IDataObject, field = 'calls'): WebhookUpdate => ({
	phoneNumberId: NUMBER,
	field,
	value,
});

const ofCall = (more: IDataObject, beside: IDataObject = {}) =>
	update({ calls: [{ id: 'wacid.A', timestamp: '1728932177', ...more }], ...beside });

async function deliver(updates: WebhookUpdate[], options: DeliverOptions = {}): Promise<number> {
	return (await stage.emulator.deliver(updates, { redeliver: false, ...options }).answer).status;
}

/** The only item that the updates lead to. */
async function itemOf(trigger: TriggerWorkflow, ...updates: WebhookUpdate[]): Promise<IDataObject> {
	const before = trigger.items.length;
	expect(await deliver(updates)).toBe(200);
	expect(trigger.items).toHaveLength(before + 1);
	return trigger.items[before].json;
}

/** The business calls, with data of its own. */
async function call(to = PERSON): Promise<string> {
	const { body } = await graph(stage.emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		to,
		action: 'connect',
		session: { sdp_type: 'offer', sdp: makeSdp('offer') },
		biz_opaque_callback_data: 'order 4711',
	});
	return (body.calls as Array<{ id: string }>)[0].id;
}

const eventsOf = ({ items }: TriggerWorkflow) =>
	items.map(({ json }) => [json.event, json.status ?? json.direction ?? null]);

describe('a call from the business', () => {
	it('An answered call gives an item for each status, then the end with its times', async () => {
		const trigger = triggerOn('status', 'connect', 'terminate');
		const callId = await call();
		await stage.emulator.whenIdle();
		stage.emulator.userPicksUp(callId);
		stage.emulator.hangUp(callId, { durationSeconds: 75 });
		await stage.emulator.whenIdle();
		expect(eventsOf(trigger)).toEqual([
			['status', 'RINGING'],
			['connect', 'BUSINESS_INITIATED'],
			['status', 'ACCEPTED'],
			['terminate', 'COMPLETED'],
		]);
		const [ringing, connect, , terminate] = trigger.items.map(({ json }) => json);
		expect(ringing).toEqual({
			event: 'status',
			callId,
			timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
			businessAccountId: '102000000000001',
			phoneNumberId: NUMBER,
			displayPhoneNumber: '442079460958',
			from: null,
			to: PERSON,
			userId: 'US.13491208655302741918',
			parentUserId: 'US.ENT.11815799212886844830',
			status: 'RINGING',
			bizOpaqueCallbackData: 'order 4711',
			contactName: 'Ana Söderström',
			contactUsername: null,
		});
		expect(connect).toMatchObject({
			to: PERSON,
			from: '442079460958',
			session: { sdpType: 'answer', sdp: expect.stringContaining('a=ice-ufrag') },
			bizOpaqueCallbackData: 'order 4711',
		});
		expect(terminate).toMatchObject({
			callId,
			direction: 'BUSINESS_INITIATED',
			answered: true,
			durationSeconds: 75,
			errors: [],
			bizOpaqueCallbackData: 'order 4711',
		});
		const { startedAt, endedAt } = terminate as Record<string, string>;
		expect(Date.parse(endedAt) - Date.parse(startedAt)).toBe(75_000);
	});

	it('A declined call gives the status and the end', async () => {
		const trigger = triggerOn('status', 'terminate');
		const callId = await call();
		await stage.emulator.whenIdle();
		stage.emulator.userRejects(callId);
		await stage.emulator.whenIdle();
		expect(eventsOf(trigger)).toEqual([
			['status', 'RINGING'],
			['status', 'REJECTED'],
			['terminate', 'COMPLETED'],
		]);
		expect(trigger.items[2].json).toMatchObject({
			answered: false,
			startedAt: null,
			endedAt: null,
			durationSeconds: null,
		});
	});

	it('A status comes once, although Meta sends it again', async () => {
		const trigger = triggerOn('status');
		const statuses = ['RINGING', 'ACCEPTED'].map((status) =>
			update({ statuses: [{ id: 'wacid.A', timestamp: '1728932177', type: 'call', status }] }),
		);
		for (const layout of ['changes', 'merged', 'entries'] as const) {
			expect(await deliver(statuses, { layout })).toBe(200);
		}
		expect(eventsOf(trigger)).toEqual([
			['status', 'RINGING'],
			['status', 'ACCEPTED'],
		]);
	});

	it.each(['omitted', 'empty'] as const)(
		'A person whose phone number is %s has the user ID',
		async (phoneShown) => {
			stage.emulator.account.users[0].phoneShown = phoneShown;
			const trigger = triggerOn('status', 'connect');
			await call();
			await stage.emulator.whenIdle();
			for (const { json } of trigger.items) {
				expect(json).toMatchObject({ to: null, userId: 'US.13491208655302741918' });
			}
			expect(trigger.items).toHaveLength(2);
		},
	);
});

describe('a call from a person', () => {
	it('A call that is not answered ends without times', async () => {
		const trigger = triggerOn('connect', 'terminate');
		const { id } = stage.emulator.userCalls({ deeplinkPayload: 'campaign 7' });
		stage.emulator.hangUp(id);
		await stage.emulator.whenIdle();
		expect(eventsOf(trigger)).toEqual([
			['connect', 'USER_INITIATED'],
			['terminate', 'COMPLETED'],
		]);
		expect(trigger.items[1].json).toMatchObject({
			from: PERSON,
			answered: false,
			direction: 'USER_INITIATED',
			deeplinkPayload: 'campaign 7',
			ctaPayload: null,
		});
	});

	it.each(['omitted', 'empty'] as const)(
		'A caller whose phone number is %s has the user ID, in call and contact',
		async (phoneShown) => {
			stage.emulator.account.users[0].phoneShown = phoneShown;
			const trigger = triggerOn('connect');
			stage.emulator.userCalls();
			await stage.emulator.whenIdle();
			expect(trigger.items[0].json).toMatchObject({
				from: null,
				userId: 'US.13491208655302741918',
				contactName: 'Ana Söderström',
			});
		},
	);

	it('A caller can have a user ID instead of the phone number', async () => {
		const trigger = triggerOn('connect');
		const json = await itemOf(trigger, ofCall({ event: 'connect', from: 'LB.94640118273' }));
		expect(json).toMatchObject({ from: null, userId: 'LB.94640118273', session: null });
	});

	it('A call can have no direction, as in the flow examples', async () => {
		const trigger = triggerOn('connect');
		const json = await itemOf(trigger, ofCall({ event: 'connect', from: PERSON }));
		expect(json).toMatchObject({ from: PERSON, direction: null, contactName: null });
	});
});

describe('the end of a call', () => {
	const failed = {
		event: 'terminate',
		direction: 'BUSINESS_INITIATED',
		status: ['Failed', 'Completed'],
	};
	const error = {
		code: 138021,
		message: 'Media receive timeout',
		href: 'https://developers.facebook.com/',
		error_data: { details: 'No packets came for 30 seconds' },
	};

	it.each([
		['beside the call', ofCall(failed, { errors: [error] })],
		['in the call', ofCall({ ...failed, errors: [error] })],
	])('An error %s has title and hint', async (_, sent) => {
		const json = await itemOf(triggerOn('terminate'), sent);
		expect(json).toMatchObject({ status: 'FAILED', answered: null });
		expect(json.errors).toEqual([
			{
				code: 138021,
				title: 'The audio connection of the call failed',
				message: 'Media receive timeout',
				details: 'No packets came for 30 seconds',
				hint: expect.stringContaining('UDP'),
			},
		]);
	});

	it('An error that the emulator makes has title and hint', async () => {
		const trigger = triggerOn('terminate');
		const { id } = stage.emulator.userCalls();
		stage.emulator.hangUp(id, { error: { code: 131044, message: 'Payment' } });
		await stage.emulator.whenIdle();
		expect(trigger.items[0].json).toMatchObject({
			status: 'FAILED',
			errors: [{ code: 131044, title: expect.stringContaining('cannot charge') }],
		});
	});

	it('The end can come before the beginning, and nothing is lost', async () => {
		const trigger = triggerOn('connect', 'terminate');
		expect(await deliver([ofCall(failed)])).toBe(200);
		expect(await deliver([ofCall({ event: 'connect' })])).toBe(200);
		expect(trigger.items.map(({ json }) => json.event)).toEqual(['terminate', 'connect']);
	});
});

describe('several calls in one change', () => {
	it('Each call has the name of its own person', async () => {
		const trigger = triggerOn('connect', 'status');
		const people = [
			{ profile: { name: 'Ana' }, wa_id: '1001', user_id: 'US.1' },
			{ profile: { name: 'Ben' }, user_id: 'US.2' },
		];
		const calls = ['1001', ''].map((from, i) => ({
			id: `wacid.${i}`,
			timestamp: '1728932177',
			event: 'connect',
			from,
			from_user_id: `US.${i + 1}`,
		}));
		const stranger = { ...calls[0], id: 'wacid.3', from: '1003', from_user_id: 'US.3' };
		const statuses = [
			{ id: 'wacid.4', type: 'call', status: 'RINGING', recipient_user_id: 'US.2' },
		];
		expect(
			await deliver([update({ contacts: people, calls: [...calls, stranger], statuses })]),
		).toBe(200);
		expect(trigger.items.map(({ json }) => json.contactName)).toEqual(['Ana', 'Ben', null, 'Ben']);
	});
});

describe('a call of a number that uses SIP', () => {
	it('The call becomes Call Created, without an SDP', async () => {
		const trigger = triggerOn('call_created');
		const json = await itemOf(
			trigger,
			ofCall(
				{ event: 'call_created', from: PERSON, to: '442079460958', direction: 'USER_INITIATED' },
				{ contacts: [{ profile: { name: 'Ana' }, wa_id: PERSON }] },
			),
		);
		expect(json).toMatchObject({
			event: 'call_created',
			callId: 'wacid.A',
			from: PERSON,
			direction: 'USER_INITIATED',
			contactName: 'Ana',
		});
		expect(json).not.toHaveProperty('session');
	});
});

describe('the answer to a call permission request', () => {
	/** Asks, and gives the ID of the message that asked. */
	async function ask(): Promise<string> {
		const { body } = await graph(stage.emulator, 'POST', `${NUMBER}/messages`, {
			messaging_product: 'whatsapp',
			to: PERSON,
			type: 'interactive',
			interactive: {
				type: 'call_permission_request',
				action: { name: 'call_permission_request' },
			},
		});
		return (body.messages as Array<{ id: string }>)[0].id;
	}

	it.each([
		[{ accept: true }, { response: 'accept', accepted: true, isPermanent: false }],
		[
			{ accept: true, permanent: true },
			{ response: 'accept', accepted: true, isPermanent: true, expiresAt: null },
		],
		[
			{ accept: false },
			{ response: 'reject', accepted: false, isPermanent: null, expiresAt: null },
		],
	])('The answer %j has its fields', async (answer, expected) => {
		const trigger = triggerOn('call_permission_reply');
		stage.emulator.setPermission(PERSON, 'no_permission');
		const requestMessageId = await ask();
		stage.emulator.userAnswersPermissionRequest(answer);
		await stage.emulator.whenIdle();
		expect(trigger.items).toHaveLength(1);
		expect(trigger.items[0].json).toMatchObject({
			event: 'call_permission_reply',
			callId: null,
			messageId: expect.stringMatching(/^wamid\./),
			requestMessageId,
			from: PERSON,
			userId: 'US.13491208655302741918',
			responseSource: 'user_action',
			...expected,
		});
	});

	it('A temporary permission says until when it is valid', async () => {
		const trigger = triggerOn('call_permission_reply');
		stage.emulator.userAnswersPermissionRequest({ accept: true });
		await stage.emulator.whenIdle();
		const { expiresAt, timestamp, requestMessageId } = trigger.items[0].json;
		expect(Date.parse(String(expiresAt)) - Date.parse(String(timestamp))).toBe(7 * 24 * 3_600_000);
		// Given in the profile, unasked.
		expect(requestMessageId).toBeNull();
	});

	const reply = (answer: IDataObject, more: IDataObject = {}) =>
		update(
			{
				messages: [
					{
						from: PERSON,
						id: 'wamid.R',
						timestamp: '1728932177',
						interactive: { type: 'call_permission_reply', call_permission_reply: answer },
						...more,
					},
				],
			},
			'messages',
		);

	it('A rejection by WhatsApp itself, after calls that were not picked up, says so', async () => {
		const json = await itemOf(
			triggerOn('call_permission_reply'),
			reply({ response: 'reject', response_source: 'automatic' }),
		);
		expect(json).toMatchObject({
			accepted: false,
			responseSource: 'automatic',
			callId: null,
			requestMessageId: null,
		});
	});

	it('A permission that came with a call names the call', async () => {
		const json = await itemOf(
			triggerOn('call_permission_reply'),
			reply({ response: 'accept' }, { context: { id: 'wacid.B', from: '442079460958' } }),
		);
		expect(json).toMatchObject({ callId: 'wacid.B', requestMessageId: null });
	});

	it('A chosen permission event makes the app subscribe to messages as well', async () => {
		const trigger = stage.engine.trigger(stage.credential, { events: ['call_permission_reply'] });
		await trigger.activate();
		expect(stage.emulator.subscriptionState().app?.fields.toSorted()).toEqual([
			'calls',
			'messages',
		]);
		await trigger.deactivate();
		expect(stage.emulator.subscriptionState().app).toBeUndefined();
	});
});

describe('other messages', () => {
	const text = {
		from: PERSON,
		id: 'wamid.T',
		timestamp: '1',
		type: 'text',
		text: { body: 'Hello' },
	};

	it.each<[string, IDataObject]>([
		['a text', { messages: [text] }],
		[
			'a button reply',
			{ messages: [{ ...text, type: 'interactive', interactive: { type: 'button_reply' } }] },
		],
		['the status of a message', { statuses: [{ id: 'wamid.T', status: 'delivered' }] }],
		[
			'the status of a call, which is not one there',
			{
				statuses: [{ id: 'wacid.A', status: 'RINGING', type: 'call' }],
			},
		],
		[
			'an unsupported message with its error',
			{ messages: [{ ...text, errors: [{ code: 131051 }] }] },
		],
		['something of another shape', { messages: 'x' }],
	])(
		'Messages such as %s are acknowledged, without an execution or a log line',
		async (_, value) => {
			const trigger = triggerOn(...ALL);
			const logged = stage.engine.logs.length;
			expect(await deliver([update(value, 'messages')])).toBe(200);
			expect(trigger.executions).toEqual([]);
			expect(stage.engine.logs.slice(logged)).toEqual([]);
		},
	);

	it('A message beside an event of ours does not disturb it', async () => {
		const trigger = triggerOn(...ALL);
		const json = await itemOf(
			trigger,
			update({ messages: [text] }, 'messages'),
			ofCall({ event: 'terminate' }),
		);
		expect(json.event).toBe('terminate');
	});
});

describe('events without a file', () => {
	it('An event without a file needs no request to Meta, while media is slow', async () => {
		const trigger = triggerOn(...ALL);
		stage.emulator.failNext('media', { hang: true }, { times: Infinity });
		const updates = Array.from({ length: 50 }, (_, i) =>
			update({ calls: [{ id: `wacid.${i}`, timestamp: '1', event: 'terminate' }] }),
		);
		expect(await deliver(updates)).toBe(200);
		expect(trigger.items).toHaveLength(50);
		expect(stage.emulator.requests).toEqual([]);
	});

	it('An event without a file does not wait forever for the file of another event of its delivery', async () => {
		const trigger = stage.trigger({
			events: ['terminate', 'call_recording_available'],
			options: { timeBudget: 1 },
		});
		const recording = await stage.emulator.createRecording();
		stage.emulator.failNext('media', { hang: true }, { times: Infinity });
		expect(await deliver([ofCall({ event: 'terminate' }), recording.update])).toBe(503);
		expect(trigger.items.map(({ json }) => json.event)).toEqual(['terminate']);
		stage.emulator.clearFaults();
		expect(await deliver([ofCall({ event: 'terminate' }), recording.update])).toBe(200);
		expect(trigger.items.map(({ json }) => json.event)).toEqual([
			'terminate',
			'call_recording_available',
		]);
	});

	it('An event that was not chosen starts nothing', async () => {
		const trigger = triggerOn('call_recording_available');
		expect(
			await deliver([
				ofCall({ event: 'terminate' }),
				update({ statuses: [{ id: 'wacid.A', type: 'call', status: 'RINGING' }] }),
			]),
		).toBe(200);
		expect(trigger.executions).toEqual([]);
	});
});
