import type { Emulator } from '../../emulator';
import { ForeignHost } from '../support/foreignHost';
import { serve } from '../support/localServer';
import { poll } from '../support/processes';
import { Receiver } from '../support/receiver';
import { TRIGGER, type Stage } from '../support/stage';
import type { Shows } from './everyVersion';

const callback = (emulator: Emulator) => emulator.subscriptionState();

/** The credential's test, and what publishing and unpublishing do at Meta. */
export function describeRegistration(stage: () => Stage, shows: Shows): void {
	describe('the credential', () => {
		shows('credential', 'A credential with the right token and account is accepted', async () => {
			expect(await stage().n8n.api.testCredential(stage().credential)).toMatchObject({
				status: 'OK',
			});
		});

		shows(
			'credential',
			"The credential's test does not send its token to another host",
			async () => {
				const foreign = await new ForeignHost().start();
				const proxy = await serve((_, response) => {
					response.writeHead(302, { location: `${foreign.url}/steal` }).end();
				});
				try {
					const credential = await stage().credentialFor({
						account: stage().emulator.account,
						baseUrl: proxy.url,
					});
					expect(await stage().n8n.api.testCredential(credential)).toMatchObject({
						status: 'Error',
					});
					expect(foreign.tokens).toEqual([]);
				} finally {
					await proxy.stop();
					await foreign.stop();
				}
			},
		);

		shows(
			'credential',
			'A credential with a revoked token is rejected, with what to do',
			async () => {
				await stage().withMeta(async (emulator) => {
					const credential = await stage().credentialFor(emulator);
					emulator.revokeToken();
					expect(await stage().n8n.api.testCredential(credential)).toMatchObject({
						status: 'Error',
						message: expect.stringContaining('did not accept the access token') as string,
					});
				});
			},
		);

		for (const mistake of ['appId', 'phoneNumberId']) {
			shows(
				'credential',
				`A credential with the ${mistake} instead of the business account is rejected`,
				async () => {
					const { account, baseUrl } = stage().emulator;
					const businessAccountId =
						mistake === 'appId' ? account.appId : (account.phoneNumbers[0]?.id ?? '');
					const credential = await stage().credentialFor({
						account: { ...account, businessAccountId },
						baseUrl,
					});
					expect(await stage().n8n.api.testCredential(credential)).toMatchObject({
						status: 'Error',
						message: expect.stringContaining('no WhatsApp Business account with this ID') as string,
					});
				},
			);
		}
	});

	describe('registration with the app', () => {
		shows(
			'registration',
			'Activation points the webhook to the trigger, and deactivation removes only that',
			async () => {
				await stage().withMeta(async (emulator) => {
					const before = callback(emulator);
					const credential = await stage().credentialFor(emulator);
					const workflow = await stage().addWorkflow({ credential });
					expect(callback(emulator)).toMatchObject({
						app: { callbackUrl: workflow.url, fields: ['calls'] },
					});

					await stage().executionsOf(workflow.id, 1, async () => {
						const recording = await emulator.createRecording();
						expect((await emulator.deliver([recording]).answer).status).toBe(200);
					});

					await stage().n8n.api.deactivate(workflow.id);
					expect(callback(emulator)).toEqual(before);
				});
			},
		);

		shows('registration', 'Registration survives temporary errors of the Graph API', async () => {
			await stage().withMeta(async (emulator) => {
				const credential = await stage().credentialFor(emulator);
				emulator.failNext('subscriptions', { status: 503 }, { times: 3 });
				emulator.failNext('subscribedApps', { status: 500, errorCode: 2 }, { times: 2 });
				const workflow = await stage().addWorkflow({ credential });
				expect(callback(emulator)).toMatchObject({ app: { callbackUrl: workflow.url } });
				await stage().n8n.api.deactivate(workflow.id);
			});
		});

		shows(
			'registration',
			"Registration does not overwrite another system's webhook, and names it",
			async () => {
				await stage().withMeta(async (emulator) => {
					const receiver = await new Receiver().start();
					try {
						emulator.presetSubscription(receiver.url, ['messages']);
						const before = callback(emulator);
						const credential = await stage().credentialFor(emulator);
						const workflow = await stage().addWorkflow({ credential, activate: false });
						await expect(stage().n8n.api.activate(workflow.id)).rejects.toThrow(receiver.url);
						expect(callback(emulator)).toEqual(before);
						await stage().n8n.api.deactivate(workflow.id);
					} finally {
						await receiver.stop();
					}
				});
			},
		);

		shows(
			'registration',
			"Listening for a test event works, and production's webhook is restored",
			async () => {
				await stage().withMeta(async (emulator) => {
					const credential = await stage().credentialFor(emulator);
					const workflow = await stage().addWorkflow({ credential });
					const production = callback(emulator);
					await stage().n8n.api.listenForTestEvent(workflow.id, TRIGGER);
					// Production and the test share the address, and both get the event.
					expect(callback(emulator).app?.callbackUrl).toContain(`${workflow.url}?also=`);
					const recording = await emulator.createRecording();
					expect((await emulator.deliver([recording]).answer).status).toBe(200);
					const runs = await stage().n8n.api.waitForExecutions(workflow.id, 2);
					expect(runs.map(({ mode }) => mode).sort()).toEqual(['manual', 'webhook']);
					await poll('the production webhook', 20_000, async () => {
						const now = JSON.stringify(callback(emulator));
						return now === JSON.stringify(production) || undefined;
					});
					await stage().n8n.api.deactivate(workflow.id);
				});
			},
		);

		shows(
			'registration',
			'Listening without an active workflow leaves nothing behind',
			async () => {
				await stage().withMeta(async (emulator) => {
					const credential = await stage().credentialFor(emulator);
					const before = callback(emulator);
					const workflow = await stage().addWorkflow({ credential, activate: false });
					await stage().n8n.api.listenForTestEvent(workflow.id, TRIGGER);
					expect(callback(emulator)).toMatchObject({ app: { callbackUrl: workflow.testUrl } });
					await stage().n8n.api.stopListening(workflow.id);
					await poll('the end', 20_000, async () => !callback(emulator).app || undefined);
					await poll('the account', 20_000, async () => {
						const now = JSON.stringify(callback(emulator));
						return now === JSON.stringify(before) || undefined;
					});
				});
			},
		);
	});

	describe('manual registration', () => {
		shows(
			'registration',
			"Meta's challenge passes with the operator's verify token only",
			async () => {
				const { url } = await stage().addWorkflow({
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
			},
		);
	});
}
