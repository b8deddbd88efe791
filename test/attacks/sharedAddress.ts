import { createHmac, randomUUID } from 'node:crypto';
import {
	formatSharedAddress,
	siblingUrl,
	type SharedAddress,
} from '../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import type { Workflow } from '../support/stage';
import { node } from '../support/workflow';
import { SECRETS, type Answered, type AttackStage } from './attackStage';

const EVIL = 'https://evil.example';

const EVENTS = ['call_recording_available'];

type Listed = Pick<Workflow, 'url'>;

const listOf = (...listed: Listed[]) =>
	listed.map(({ url }) => ({
		webhookId: url.split('/').at(-2) ?? '',
		isTest: /-test\//.test(url),
		events: EVENTS,
	}));

/** The address of a trigger that lists others. */
function addressOf(
	{ url }: Listed,
	listed: Listed[],
	{ secret = SECRETS.appSecret, ...more }: Partial<SharedAddress> & { secret?: string } = {},
): string {
	const siblings = listOf(...listed);
	return formatSharedAddress(
		{ url, siblings, leavesAccount: false, isKnownToLeave: null, other: null, ...more },
		secret,
	);
}

/** What another trigger sends along with a delivery that it passes on. */
function proof({ url }: Listed, body: string, secret = SECRETS.appSecret) {
	const text = `relayed delivery\n${url}\n${body}`;
	const hmac = createHmac('sha256', secret).update(text).digest('hex');
	return { 'x-whatsapp-business-calling-relay': hmac };
}

interface Place {
	holder: Workflow;
	sibling: Workflow;
}

type Forge = (place: Place) => string;

/** The query of a right list, written for another trigger. */
const queryOf = (address: string) => address.slice(address.indexOf('?'));

const own = ({ holder, sibling }: Place) => addressOf(holder, [sibling]);

const FORGERIES: Array<[string, Forge]> = [
	['another secret', ({ holder, sibling }) => addressOf(holder, [sibling], { secret: 'x' })],
	['no secret', ({ holder, sibling }) => addressOf(holder, [sibling], { secret: '' })],
	...(['accessToken', 'verifyToken'] as const).map((name): [string, Forge] => [
		`${name} as the secret`,
		({ holder, sibling }) => addressOf(holder, [sibling], { secret: SECRETS[name] }),
	]),
	[
		'the right secret, for another trigger',
		({ holder, sibling }) => holder.url + queryOf(addressOf(sibling, [holder])),
	],
	[
		'the right secret, for the test of the same trigger',
		({ holder, sibling }) => holder.url + queryOf(addressOf({ url: holder.testUrl }, [sibling])),
	],
	[
		'the right secret, for a trigger of another origin',
		({ holder, sibling }) => {
			const url = `${EVIL}${new URL(holder.url).pathname}`;
			return holder.url + queryOf(addressOf({ url }, [sibling]));
		},
	],
	['a letter less', (place) => own(place).slice(0, -1)],
	['a trigger more', (place) => `${own(place)}${'A'.repeat(24)}`],
	['another webhook of before', (place) => `${own(place)}&other=${'A'.repeat(80)}`],
	[
		'the webhook of before of another list',
		(place) => {
			const other = { url: EVIL, verifyToken: 'x', addedFields: [] };
			const address = addressOf(place.holder, [], { other });
			return own(place) + address.slice(address.indexOf('&other='));
		},
	],
	['nothing in it', ({ holder }) => `${holder.url}?also=`],
	['an address in it', ({ holder }) => `${holder.url}?also=${encodeURIComponent(EVIL)}`],
	['two lists', (place) => `${own(place)}&also=AAAA`],
	['a list of lists', (place) => own(place).replace('also=', 'also[]=')],
	['an object', ({ holder }) => `${holder.url}?also[toString]=x`],
	['an object for the webhook of before', (place) => `${own(place)}&other[toString]=x`],
	['12,000 letters', ({ holder }) => `${holder.url}?also=${'A'.repeat(12_000)}`],
];

export function sharedAddressAttacks(stage: () => AttackStage): void {
	let sibling: Workflow;
	beforeAll(async () => {
		sibling = await stage().addWorkflow({
			parameters: { registration: 'manual', verifyToken: SECRETS.verifyToken },
		});
	});
	const place = (): Place => ({ holder: stage().workflow, sibling });
	const newBody = async () => stage().body(await stage().recording());

	/** A workflow of n8n's own Webhook node, at the address that a trigger has. */
	async function hostile(status: number, location: string, answer: string): Promise<Listed> {
		const webhookId = randomUUID();
		const options = {
			responseCode: { values: { responseCode: 'customCode', customCode: status } },
			responseHeaders: { entries: [{ name: 'Location', value: location }] },
			responseData: answer,
		};
		const parameters = { httpMethod: 'POST', path: `${webhookId}/webhook`, options };
		const nodes = [node('Webhook', 'n8n-nodes-base.webhook', 2.1, parameters, { webhookId })];
		const { api } = stage().n8n;
		const { id } = await api.createWorkflow({ name: `Hostile ${status}`, nodes, connections: {} });
		await api.activate(id);
		const [one] = listOf({ url: `x/${webhookId}/webhook` });
		return { url: siblingUrl(place().holder.url, one) ?? '' };
	}

	describe('lists of triggers in a webhook URL', () => {
		it.each(FORGERIES)('A list with %s sends nothing to anyone', async (_, forge) => {
			const body = await newBody();
			const url = forge(place());
			await stage().survives(async () => {
				// The trigger's own event is there, and Meta is asked to deliver again for the others.
				expect(await stage().deliver(body, { url })).toMatchObject({ status: 503, body: '' });
				expect(await stage().deliver(body, { url })).toMatchObject({ status: 503, body: '' });
			}, 1);
		});

		it.each(['__proto__[also]=x', 'constructor[prototype][also]=x', 'Also=x', 'also%00=x'])(
			'A query of %s is not a list',
			async (query) => {
				const body = await newBody();
				await stage().survives(async () => {
					const url = `${place().holder.url}?${query}`;
					expect(await stage().deliver(body, { url })).toMatchObject({ status: 200 });
				}, 1);
			},
		);

		it('The right secret does nothing for what Meta did not sign', async () => {
			const body = await newBody();
			await stage().survives(async () => {
				const headers = {
					'x-hub-signature-256': stage().signature(body, 'x'),
					...proof(sibling, body),
				};
				const url = own(place());
				expect(await stage().deliver(body, { url, headers })).toMatchObject({
					status: 401,
					body: '',
				});
			});
		});

		it('A list of the trigger itself and 70 times another sends to each once', async () => {
			const body = await newBody();
			const { holder } = place();
			const url = addressOf(holder, [holder, ...Array<Listed>(70).fill(sibling)]);
			await stage().survives(async () => {
				expect(await stage().deliver(body, { url })).toMatchObject({ status: 200 });
				expect(await stage().deliver(body, { url })).toMatchObject({ status: 200 });
			}, 2);
		});

		it('A list of 70 missing triggers costs a few lines of the log', async () => {
			const body = await newBody();
			const { holder } = place();
			const gone = Array.from({ length: 70 }, () => ({
				url: holder.url.replace(/[^/]+\/webhook$/, `${randomUUID()}/webhook`),
			}));
			await stage().survives(async () => {
				const before = stage().n8n.log.text().length;
				expect(await stage().deliver(body, { url: addressOf(holder, gone) })).toMatchObject({
					status: 503,
				});
				const said = stage().n8n.log.text().slice(before).split('\n');
				expect(said.filter((line) => line.includes('shares this webhook address'))).toHaveLength(
					20,
				);
			}, 1);
		});

		it('Two triggers that list each other do not send in circles', async () => {
			const body = await newBody();
			const { holder } = place();
			await stage().survives(async () => {
				const answers = await Promise.all([
					stage().deliver(body, { url: addressOf(holder, [sibling]) }),
					stage().deliver(body, { url: addressOf(sibling, [holder]) }),
				]);
				expect(answers.map(({ status }) => status)).toEqual([200, 200]);
			}, 2);
		});
	});

	describe('deliveries marked as passed on', () => {
		const send = async (
			to: string,
			body: string,
			headers: Record<string, string>,
		): Promise<Answered> => await stage().deliver(body, { url: to, headers });

		it('A delivery that was passed on starts nothing again when it is repeated', async () => {
			const body = await newBody();
			await stage().survives(async () => {
				for (let times = 0; times < 3; times++) {
					expect((await send(sibling.url, body, proof(sibling, body))).status).toBe(200);
				}
				// With the list of its holder it is not believed, and not passed on.
				const { url } = sibling;
				const { status } = await send(url + queryOf(own(place())), body, {});
				expect(status).toBe(503);
			}, 1);
		});

		it('A proof is accepted only where it was meant to go: elsewhere the list counts', async () => {
			const [first, second] = [await newBody(), await newBody()];
			const { holder } = place();
			await stage().survives(async () => {
				const wrong = [proof(sibling, first), proof(holder, second), proof(holder, first, 'x')];
				for (const headers of wrong) {
					expect((await send(own(place()), first, headers)).status).toBe(200);
				}
			}, 2);
		});

		it('A delivery that was passed on is not passed on again, whatever list comes with it', async () => {
			const body = await newBody();
			const { holder } = place();
			await stage().survives(async () => {
				expect((await send(own(place()), body, proof(holder, body))).status).toBe(200);
			}, 1);
		});
	});

	describe('hostile responses at a listed URL', () => {
		it.each([
			['a redirect leads to another host', 302, EVIL, ''],
			['a redirect that keeps method and body leads to another host', 307, EVIL, ''],
			['a refusal has 8 MB', 404, '', 'x'.repeat(8_000_000)],
			['n8n says in a page that all is well', 200, '', '<html>ok</html>'],
		])(
			"Nothing leaves n8n, and the trigger's own event comes out, if %s",
			async (_, status, to, answer) => {
				const listed = await hostile(status, to, answer);
				const body = await newBody();
				const url = addressOf(place().holder, [listed]);
				await stage().survives(async () => {
					await stage().withinMemory('body', async () => {
						const isAccepted = status === 200 && !answer.includes('<html>');
						expect(await stage().deliver(body, { url })).toMatchObject({
							status: isAccepted ? 200 : 503,
						});
					});
				}, 2);
			},
		);
	});
}
