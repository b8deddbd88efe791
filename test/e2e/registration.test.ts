import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Receiver } from '../../emulator/helpers';
import { startEmulator, type Emulator } from '../../emulator';
import { poll } from '../support/processes';
import { startStage, TRIGGER, type Stage } from './stage';

jest.setTimeout(180_000);

let stage: Stage;

beforeAll(async () => {
	stage = await startStage();
});

afterAll(async () => {
	await stage?.stop();
});

/** A Meta of its own for each test, because an app has one webhook. */
async function withMeta(work: (emulator: Emulator) => Promise<void>): Promise<void> {
	const emulator = await startEmulator({ recordingDelayMs: 0, redeliveryDelaysMs: [] });
	try {
		await work(emulator);
	} finally {
		await emulator.stop();
	}
}

const callback = (emulator: Emulator) => emulator.subscriptionState();

describe('the credential', () => {
	it('A credential with the right token and account is accepted', async () => {
		expect(await stage.n8n.api.testCredential(stage.credential)).toMatchObject({ status: 'OK' });
	});

	it("The credential's test does not send its token to another host", async () => {
		const seen: Array<string | undefined> = [];
		const listen = async (server: Server) =>
			await new Promise<string>((resolve) => {
				server.listen(0, '127.0.0.1', () =>
					resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
				);
			});
		const thief = createServer((request, response) => {
			seen.push(request.headers.authorization);
			response.end('{"id": "1"}');
		});
		const target = await listen(thief);
		const proxy = createServer((_, response) => {
			response.writeHead(302, { location: `${target}/steal` }).end();
		});
		const baseUrl = await listen(proxy);
		try {
			const credential = await stage.credentialFor({
				account: stage.emulator.account,
				baseUrl,
			} as Emulator);
			expect(await stage.n8n.api.testCredential(credential)).toMatchObject({ status: 'Error' });
			expect(seen).toEqual([]);
		} finally {
			proxy.close();
			thief.close();
		}
	});

	it('A credential with a revoked token is rejected, with what to do', async () => {
		await withMeta(async (emulator) => {
			const credential = await stage.credentialFor(emulator);
			emulator.revokeToken();
			expect(await stage.n8n.api.testCredential(credential)).toMatchObject({
				status: 'Error',
				message: expect.stringContaining('did not accept the access token') as string,
			});
		});
	});

	it.each(['appId', 'phoneNumberId'])(
		'A credential with the %s instead of the business account is rejected',
		async (mistake) => {
			const { account, baseUrl } = stage.emulator;
			const businessAccountId =
				mistake === 'appId' ? account.appId : (account.phoneNumbers[0]?.id ?? '');
			const credential = await stage.credentialFor({
				account: { ...account, businessAccountId },
				baseUrl,
			} as Emulator);
			expect(await stage.n8n.api.testCredential(credential)).toMatchObject({
				status: 'Error',
				message: expect.stringContaining('no WhatsApp Business account with this ID') as string,
			});
		},
	);
});

describe('registration with the app', () => {
	it('Activation points the webhook to the trigger, and deactivation removes only that', async () => {
		await withMeta(async (emulator) => {
			const credential = await stage.credentialFor(emulator);
			const workflow = await stage.addWorkflow({ credential });
			expect(callback(emulator)).toMatchObject({ app: { callbackUrl: workflow.url } });

			const recording = await emulator.createRecording({});
			expect((await emulator.deliver([recording]).answer).status).toBe(200);
			await stage.n8n.api.waitForExecutions(workflow.id, 1);

			await stage.n8n.api.deactivate(workflow.id);
			expect(callback(emulator).app ?? null).toBeNull();
		});
	});

	it('Registration survives temporary errors of the Graph API', async () => {
		await withMeta(async (emulator) => {
			const credential = await stage.credentialFor(emulator);
			emulator.failNext('subscriptions', { status: 503 }, { times: 3 });
			emulator.failNext('subscribedApps', { status: 500, errorCode: 2 }, { times: 2 });
			const workflow = await stage.addWorkflow({ credential });
			expect(callback(emulator)).toMatchObject({ app: { callbackUrl: workflow.url } });
			await stage.n8n.api.deactivate(workflow.id);
		});
	});

	it("Registration does not overwrite another system's webhook, and names it", async () => {
		await withMeta(async (emulator) => {
			const receiver = await new Receiver().start();
			try {
				emulator.presetSubscription(receiver.url, ['messages']);
				const before = callback(emulator);
				const credential = await stage.credentialFor(emulator);
				const workflow = await stage.addWorkflow({ credential, activate: false });
				await expect(stage.n8n.api.activate(workflow.id)).rejects.toThrow(receiver.url);
				expect(callback(emulator)).toEqual(before);
			} finally {
				await receiver.stop();
			}
		});
	});

	it('Listening without an active workflow leaves nothing behind', async () => {
		await withMeta(async (emulator) => {
			const credential = await stage.credentialFor(emulator);
			const before = callback(emulator);
			const workflow = await stage.addWorkflow({ credential, activate: false });
			await stage.n8n.api.listenForTestEvent(workflow.id, TRIGGER);
			expect(callback(emulator)).toMatchObject({ app: { callbackUrl: workflow.testUrl } });
			await stage.n8n.api.stopListening(workflow.id);
			await poll('the end', 20_000, async () => !callback(emulator).app || undefined);
			await poll('the account', 20_000, async () => {
				const now = JSON.stringify(callback(emulator));
				return now === JSON.stringify(before) || undefined;
			});
		});
	});
});

describe('manual registration', () => {
	it("Meta's challenge passes with the operator's verify token only", async () => {
		const { url } = await stage.addWorkflow({
			parameters: { registration: 'manual', verifyToken: 'chosen by the operator' },
		});
		const challenge = async (token: string, mode = 'subscribe') => {
			const query = new URLSearchParams({
				'hub.mode': mode,
				'hub.challenge': '<b>1158201444</b>',
				'hub.verify_token': token,
			});
			return await fetch(`${url}?${query.toString()}`);
		};
		const right = await challenge('chosen by the operator');
		expect(right.status).toBe(200);
		expect(right.headers.get('content-type')).toContain('text/plain');
		expect(await right.text()).toBe('<b>1158201444</b>');
		expect((await challenge('guessed')).status).toBe(403);
		expect((await challenge('chosen by the operator', 'unsubscribe')).status).toBe(403);
		expect((await fetch(url)).status).toBe(403);
	});
});
