import type { RequestListener } from 'node:http';
import type { INodeParameters } from 'n8n-workflow';
import { serve } from '../support/localServer';
import { Receiver } from '../support/receiver';
import { signatureOf } from '../support/signature';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { useStage } from './engineStage';

const stage = useStage();

/** Other systems that use the same app. */
let others: Receiver[];
let messages = 0;

beforeEach(async () => {
	others = await Promise.all([new Receiver().start(), new Receiver().start()]);
});
afterEach(async () => void (await Promise.all(others.map(async (other) => await other.stop()))));

function taker(parameters: INodeParameters): TriggerWorkflow {
	return stage.engine.trigger(stage.credential, {
		options: {
			onOtherWebhook: 'takeOverAndForward',
			otherVerifyToken: others[0].verifyToken,
		},
		...parameters,
	});
}

/** A signed delivery with a text message, which is no business of the trigger. */
async function deliverMessage(url: string): Promise<number> {
	messages++;
	const change = { field: 'messages', value: { messages: [{ id: `wamid.${messages}` }] } };
	const body = JSON.stringify({ entry: [{ id: '1', changes: [change] }] });
	const headers = {
		'content-type': 'application/json',
		'x-hub-signature-256': signatureOf(body, stage.emulator.account.appSecret),
	};
	return (await fetch(url, { method: 'POST', body, headers })).status;
}

async function pointNumber(phoneNumberId: string, other: Receiver): Promise<void> {
	const { accessToken } = stage.emulator.account;
	const answer = await fetch(`${stage.emulator.baseUrl}/v26.0/${phoneNumberId}`, {
		method: 'POST',
		headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
		body: JSON.stringify({
			webhook_configuration: {
				override_callback_uri: other.url,
				verify_token: other.verifyToken,
			},
		}),
	});
	expect(answer.status).toBe(200);
}

const numbers = () => stage.emulator.account.phoneNumbers.map(({ id }) => id);

describe('Take Over and Forward', () => {
	it('Messages are forwarded to the webhook of the app, unchanged, and it is put back', async () => {
		stage.emulator.presetSubscription(others[0].url, ['messages']);
		const trigger = taker({});
		await trigger.activate();
		expect(await deliverMessage(trigger.url)).toBe(200);
		expect(others[0].webhooks).toHaveLength(1);
		await trigger.deactivate();
		expect(stage.emulator.subscriptionState().app).toMatchObject({
			callbackUrl: others[0].url,
			fields: ['messages'],
		});
	});

	it.each(['businessAccount', 'phoneNumber'])(
		'Messages are forwarded that a URL of the %s takes away from the app',
		async (registration) => {
			stage.emulator.presetSubscription(others[0].url, ['messages', 'calls']);
			const trigger = taker({ registration, phoneNumberIds: [numbers()[0]] });
			await trigger.activate();
			expect(await deliverMessage(trigger.url)).toBe(200);
			expect(others[0].webhooks).toHaveLength(1);
			await trigger.deactivate();
			expect(stage.emulator.subscriptionState()).toMatchObject({
				app: { callbackUrl: others[0].url },
				accountOverride: null,
				numberOverrides: {},
			});
		},
	);

	it('Numbers of different owners are refused: the messages of one are not for the other', async () => {
		stage.emulator.presetSubscription(others[0].url, ['messages', 'calls']);
		const [first, second] = numbers();
		await pointNumber(first, others[0]);
		await pointNumber(second, others[1]);
		const before = stage.emulator.subscriptionState();
		const trigger = taker({ registration: 'phoneNumber', phoneNumberIds: [first, second] });
		await expect(trigger.create()).rejects.toThrow('different URLs');
		expect(stage.emulator.subscriptionState()).toEqual(before);
	});

	it('The response of the other webhook does not fill the memory', async () => {
		let sent = 0;
		const endless: RequestListener = (_, response) => {
			const chunk = Buffer.alloc(65_536);
			const write = () => {
				while (!response.destroyed && sent < 200_000_000 && response.write(chunk)) {
					sent += chunk.length;
				}
			};
			response.writeHead(200).on('drain', write);
			write();
		};
		let answer: RequestListener = (request, response) => {
			const { searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
			response.end(searchParams.get('hub.challenge'));
		};
		const server = await serve((request, response) => answer(request, response));
		try {
			stage.emulator.presetSubscription(`${server.url}/`, ['messages']);
			const trigger = taker({});
			await trigger.activate();
			answer = endless;
			expect(await deliverMessage(trigger.url)).toBe(200);
			expect(sent).toBeLessThan(20_000_000);
		} finally {
			await server.stop();
		}
	});
});
