import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { IBinaryData, IDataObject, INodeParameters } from 'n8n-workflow';
import { decodeAudio } from '../support/audio';
import { DAY_MS, NUMBER } from '../support/constants';
import { serve } from '../support/localServer';
import type { CredentialFields } from '../support/workflow';
import { useStage } from './engineStage';

const stage = useStage();

const TRIGGER_URL = 'https://n8n.example/webhook/id/webhook';
const ELSEWHERE = 'https://crm.example/hook';
const CHECKS = [
	...['apiVersion', 'appSecret', 'token', 'tokenPermissions', 'businessAccount', 'paymentMethod'],
	...['phoneNumber', 'messagingLimit', 'calling', 'sip', 'keyExchange', 'quality', 'voicemail'],
	...['callbackUrl', 'appSubscription', 'callbackResponds', 'accountSubscription', 'overrides'],
];

const FAILED = 'needs attention';
const OPEN = 'not checked';

interface Finding {
	name: string;
	status: 'ok' | typeof FAILED | typeof OPEN;
	whatToDo: string;
	found: string;
	id: string;
}

/** What Meta says of a proof that was made with the secret of another app, and of a token of another app. */
const WRONG_PROOF = {
	status: 400,
	body: { error: { code: 100, message: 'Invalid appsecret_proof provided in the API argument' } },
};
const OTHER_APP = {
	status: 400,
	body: {
		error: {
			code: 100,
			message: '(#100) The App_id in the input_token did not match the Viewing App',
		},
	},
};

/** Of a trigger that runs, at which Meta's webhook points. */
let triggerUrl: string;

async function check(
	parameters: INodeParameters = {},
	credential: Partial<CredentialFields> = {},
): Promise<Finding[]> {
	const { items } = await runCheck(parameters, credential);
	return items.map(({ json }) => json as unknown as Finding);
}

async function runCheck(
	parameters: INodeParameters = {},
	credential: Partial<CredentialFields> = {},
) {
	return await stage.engine.run({ ...stage.credential, ...credential } as CredentialFields, {
		resource: 'setup',
		operation: 'check',
		phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
		triggerUrl,
		...parameters,
	});
}

const having = (findings: Finding[], status: Finding['status']) =>
	findings.filter((finding) => finding.status === status).map(({ id }) => id);

const findingOf = (findings: Finding[], id: string) => {
	const found = findings.find((finding) => finding.id === id);
	if (!found) throw new Error(`There is no check ${id}`);
	return found;
};

const inOrder = (ids: string[]) => CHECKS.filter((id) => ids.includes(id));

beforeEach(() => {
	const trigger = stage.engine.trigger(stage.credential);
	triggerUrl = trigger.url;
	stage.emulator.presetSubscription(triggerUrl);
});

afterEach(() => {
	expect(stage.emulator.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
});

describe('checking a setup', () => {
	it('A correct setup has one good item per check, without an empty value', async () => {
		const run = await runCheck();
		const findings = run.items.map(({ json }) => json as unknown as Finding);
		expect(findings.map(({ id }) => id)).toEqual(CHECKS);
		expect(having(findings, 'ok')).toEqual(CHECKS);
		for (const finding of findings) {
			expect(Object.keys(finding)).toEqual(['name', 'status', 'whatToDo', 'found', 'id']);
			expect(finding).toMatchObject({ whatToDo: '', found: expect.stringMatching(/\w/) as string });
			expect(finding.name).toMatch(/^[A-Z][a-z]*[ \w]+$/);
		}
		expect(run.hints).toEqual([
			{ type: 'info', location: 'outputPane', message: '18 of 18 checks passed.' },
		]);
	});

	it.each<[string, () => void, RegExp, INodeParameters]>([
		['token', () => stage.emulator.revokeToken(), /Invalid OAuth/, {}],
		[
			'token',
			() => {
				stage.emulator.account.tokenExpiresAt = stage.emulator.clock.now() - DAY_MS;
			},
			/expired/,
			{},
		],
		[
			'tokenPermissions',
			() => {
				stage.emulator.account.tokenScopes = ['whatsapp_business_management'];
			},
			/missing: whatsapp_business_messaging/,
			{},
		],
		[
			'businessAccount',
			() => stage.emulator.failNext('account', { errorCode: 803 }, { times: Infinity }),
			/does not recognize this ID/,
			{},
		],
		[
			'paymentMethod',
			() => {
				stage.emulator.account.primaryFundingId = undefined;
			},
			/no payment method/,
			{},
		],
		[
			'phoneNumber',
			() => {},
			/999 is not on this account/,
			{ phoneNumberId: { __rl: true, mode: 'id', value: '999' } },
		],
		[
			'calling',
			() => {
				stage.emulator.account.phoneNumbers[0].callingEnabled = false;
			},
			/off/,
			{},
		],
		[
			'sip',
			() => {
				stage.emulator.account.phoneNumbers[0].sipEnabled = true;
			},
			/SIP/,
			{},
		],
		[
			'quality',
			() => {
				stage.emulator.account.phoneNumbers[0].restrictions = [
					{
						type: 'RESTRICTED_USER_INITIATED_CALLING',
						reason: 'feedback',
						expiresAt: Date.UTC(2026, 11, 1),
					},
				];
			},
			/RESTRICTED_USER_INITIATED_CALLING until 2026-12-01/,
			{},
		],
		[
			'appSubscription',
			() => stage.emulator.presetSubscription(triggerUrl, ['messages']),
			/not subscribed to calls \(fields: messages\)/,
			{},
		],
		['appSubscription', () => stage.emulator.deactivateSubscription(), /inactive/, {}],
		['callbackUrl', () => stage.emulator.presetSubscription(ELSEWHERE), /crm\.example/, {}],
		[
			'overrides',
			() => stage.emulator.presetOverride(ELSEWHERE, NUMBER),
			/The number has a webhook URL of its own: https:\/\/crm\.example/,
			{},
		],
		[
			'overrides',
			() => stage.emulator.presetOverride(ELSEWHERE),
			/The account has a webhook URL of its own/,
			{},
		],
	])(
		'A setup that is broken at %s fails that check alone, and first',
		async (id, breakIt, found, parameters) => {
			breakIt();
			const findings = await check(parameters);
			expect(inOrder(findings.map((finding) => finding.id))).toEqual(CHECKS);
			expect(having(findings, FAILED)).toEqual([id]);
			expect(findings[0].id).toBe(id);
			expect(findings[0].found).toMatch(found);
			expect(findings[0].whatToDo).toMatch(/\w{3,} \w+/);
		},
	);

	it('One hint says how many checks failed, and which', async () => {
		stage.emulator.account.primaryFundingId = undefined;
		stage.emulator.account.phoneNumbers[0].sipEnabled = true;
		expect((await runCheck()).hints).toEqual([
			{
				type: 'warning',
				location: 'outputPane',
				message: '2 of 18 checks need attention: Payment method, SIP not in use.',
			},
		]);
	});

	it.each<[string, boolean, string[]]>([
		['off, a low messaging limit is in the way', false, ['messagingLimit', 'calling']],
		['on, a low messaging limit is that of a test number', true, []],
	])('A setup with calling %s is judged correctly', async (_, isOn, failed) => {
		stage.emulator.account.phoneNumbers[0].messagingLimit = 'TIER_250';
		stage.emulator.account.phoneNumbers[0].callingEnabled = isOn;
		expect(having(await check(), FAILED)).toEqual(failed);
	});

	it.each<[string, string[], string, Finding['status'], RegExp]>([
		['off', ['calls'], 'DISABLED', 'ok', /^off$/],
		['on, without messages', ['calls'], 'ENABLED', FAILED, /not subscribed to messages/],
		['on', ['calls', 'messages'], 'ENABLED', 'ok', /^on$/],
	])(
		'A setup with voicemail that is %s is judged correctly',
		async (_, fields, voicemail, status, found) => {
			stage.emulator.presetSubscription(triggerUrl, fields);
			const calling = { status: 'ENABLED', voicemail: { status: voicemail, triggers: ['REJECT'] } };
			stage.emulator.failNext('settings', { status: 200, body: { calling } });
			const finding = findingOf(await check(), 'voicemail');
			expect(finding).toMatchObject({ status, found: expect.stringMatching(found) });
		},
	);

	it('Voicemail during call hours is reported as impossible to leave outside them', async () => {
		stage.emulator.presetSubscription(triggerUrl, ['calls', 'messages']);
		const on = { status: 'ENABLED' };
		const calling = { ...on, voicemail: on, call_hours: on };
		stage.emulator.failNext('settings', { status: 200, body: { calling } });
		expect(findingOf(await check(), 'voicemail')).toMatchObject({
			status: 'ok',
			whatToDo: expect.stringContaining('outside call hours'),
		});
	});

	it('A number whose key exchange is SDES is reported: browsers and media servers need DTLS', async () => {
		stage.emulator.account.phoneNumbers[0].shownSettings = {
			calling: { srtp_key_exchange_protocol: 'SDES' },
		};
		const [first] = await check();
		expect(first).toMatchObject({ id: 'keyExchange', status: FAILED, found: 'SDES' });
	});

	it('An API version that ends after the release is reported once', async () => {
		stage.emulator.failNext('me', {
			status: 400,
			headers: { 'facebook-api-version': 'v24.0' },
			body: { error: { code: 2500, message: 'An active access token must be used' } },
		});
		const findings = await check({}, { apiVersion: 'v22.0' });
		expect(having(findings, FAILED)).toEqual(['apiVersion']);
		expect(findings[0].found).toMatch(/no longer has v22\.0, and responds with v24\.0/);
	});

	it('An API version that never was is reported once', async () => {
		const findings = await check({}, { apiVersion: 'v99.0' });
		expect(having(findings, FAILED)).toEqual(['apiVersion']);
		expect(findings[0].found).toMatch(/has no version v99\.0/);
	});

	it('Fields that Meta does not have leave their checks open', async () => {
		const nonexisting = {
			status: 400,
			body: { error: { code: 100, message: '(#100) Tried accessing nonexisting field (x)' } },
		};
		for (const kind of ['account', 'phoneNumber'] as const) {
			stage.emulator.failNext(kind, nonexisting, { times: Infinity });
		}
		const findings = await check();
		expect(findingOf(findings, 'paymentMethod').status).toBe(OPEN);
		expect(findingOf(findings, 'messagingLimit').status).toBe(OPEN);
	});

	it('An app that does not get the webhooks of the account fails that check alone', async () => {
		const { businessAccountId, accessToken } = stage.emulator.account;
		await fetch(`${stage.emulator.baseUrl}/v26.0/${businessAccountId}/subscribed_apps`, {
			method: 'DELETE',
			headers: { authorization: `Bearer ${accessToken}` },
		});
		stage.emulator.forget();
		expect(having(await check(), FAILED)).toEqual(['accountSubscription']);
	});

	it('A setup without any webhook finds no app subscription, and skips its URL', async () => {
		await stage.emulator.stop();
		await stage.startEmulator({});
		const findings = await check();
		expect(having(findings, FAILED)).toEqual(['appSubscription', 'accountSubscription']);
		expect(having(findings, OPEN)).toEqual(['callbackUrl', 'callbackResponds']);
		for (const { whatToDo } of findings.slice(0, 2)) {
			expect(whatToDo).toMatch(/^Publish the workflow/);
		}
	});

	it('A bad token is reported once, and what requires it stays open', async () => {
		stage.emulator.revokeToken();
		const findings = await check();
		expect(having(findings, FAILED)).toEqual(['token']);
		const seen = ['apiVersion', 'appSecret', 'callbackUrl', 'appSubscription', 'callbackResponds'];
		expect(having(findings, 'ok')).toEqual(seen);
	});

	it('The page of a proxy is taken neither for a bad token nor for missing settings', async () => {
		for (const edge of ['debugToken', 'phoneNumbers', 'settings'] as const) {
			stage.emulator.failNext(edge, { status: 200, body: '<html>' }, { times: Infinity });
		}
		const findings = await check();
		expect(having(findings, FAILED)).toEqual(['token']);
		const unread = [
			'tokenPermissions',
			'phoneNumber',
			...['calling', 'sip', 'keyExchange', 'quality', 'voicemail'],
		];
		expect(having(findings, OPEN)).toEqual(unread);
		for (const id of unread) {
			const { found, whatToDo } = findingOf(findings, id);
			expect(found).toMatch(/^Same cause as Access token: .* cannot be read$/);
			expect(whatToDo).toBe('See Access token.');
		}
	});

	it('A number of another account leaves open what belongs to a number', async () => {
		const findings = await check({ phoneNumberId: { __rl: true, mode: 'id', value: '999' } });
		expect(having(findings, OPEN)).toEqual([
			...['messagingLimit', 'calling', 'sip', 'keyExchange', 'quality', 'voicemail'],
			'overrides',
		]);
	});

	it.each<[string, Partial<CredentialFields>, RegExp]>([
		['a wrong app secret', { appSecret: 'wrong' }, /did not accept the App ID and App Secret$/],
		['a wrong app ID', { appId: '999' }, /did not accept the App ID and App Secret$/],
	])('A setup with %s is reported once, and not as a wrong token', async (_, credential, found) => {
		const findings = await check({}, credential);
		expect(inOrder(findings.map(({ id }) => id))).toEqual(CHECKS);
		expect(having(findings, FAILED)).toEqual(['appSecret']);
		expect(findings[0].found).toMatch(found);
		expect(findings[0].whatToDo).toMatch(/Copy both .*The access token is not the cause/);
		const sentences = findings.slice(1).map((finding) => `${finding.found} ${finding.whatToDo}`);
		expect(sentences.join(' ')).not.toMatch(/new token|Generate/);
	});

	it('The secret of another app is reported with the app that it must belong to', async () => {
		stage.emulator.failNext('debugToken', OTHER_APP, { times: Infinity });
		for (const kind of [
			'account',
			'phoneNumber',
			'phoneNumbers',
			'settings',
			'subscribedApps',
		] as const) {
			stage.emulator.failNext(kind, WRONG_PROOF, { times: Infinity });
		}
		const findings = await check();
		expect(findings[0]).toMatchObject({
			id: 'appSecret',
			found: 'Meta did not accept the App Secret for this access token',
			whatToDo: expect.stringContaining(
				'the app for which the access token was generated',
			) as string,
		});
	});

	it('The check says once that Meta cannot be reached, and where', async () => {
		const findings = await check({}, { baseUrl: 'http://127.0.0.1:9' });
		expect(having(findings, FAILED)).toEqual(['appSecret']);
		expect(findings[0]).toMatchObject({
			found:
				'Meta could not be reached: 127.0.0.1:9 could not be reached: the connection was refused',
			whatToDo: expect.stringMatching(/^Check the Base URL in the credential/) as string,
		});
		expect(having(findings, 'ok')).toEqual([]);
	});

	it('The checks continue if Meta fails at everything', async () => {
		for (const kind of [
			...(['debugToken', 'account', 'phoneNumbers', 'settings'] as const),
			...(['subscriptions', 'subscribedApps', 'phoneNumber', 'me'] as const),
		]) {
			stage.emulator.failNext(kind, { errorCode: 200 }, { times: Infinity });
		}
		const findings = await check();
		expect(inOrder(findings.map(({ id }) => id))).toEqual(CHECKS);
		expect(having(findings, FAILED)).toEqual(['appSecret']);
		for (const { status, whatToDo } of findings) {
			if (status !== 'ok') expect(whatToDo).toMatch(/\w/);
		}
	});

	it.each<[string, string, () => Partial<CredentialFields> | void]>([
		[
			'a permission that the token lacks',
			'tokenPermissions',
			() => void (stage.emulator.account.tokenScopes = ['whatsapp_business_messaging']),
		],
		['an account ID that does not exist', 'businessAccount', () => ({ businessAccountId: '999' })],
	])(
		'The check reports %s once: the checks that depend on it are not made',
		async (_, id, change) => {
			const findings = await check({}, change() ?? {});
			expect(having(findings, FAILED)).toEqual([id]);
			const { name } = findings[0];
			const open = findings.filter(({ status }) => status === OPEN);
			expect(open.length).toBeGreaterThan(1);
			for (const { found, whatToDo } of open) {
				expect(found).toContain(`Same cause as ${name}`);
				expect(whatToDo).toBe(`See ${name}.`);
			}
		},
	);

	it.each([-1e20, 1e300, Number.MAX_SAFE_INTEGER])(
		'All checks are made whatever the expiry of the token is: %d',
		async (seconds) => {
			stage.emulator.account.tokenExpiresAt = seconds * 1000;
			expect(inOrder((await check()).map(({ id }) => id))).toEqual(CHECKS);
		},
	);

	it('A check without the URL of the trigger names the addresses, and says how to compare them', async () => {
		stage.emulator.presetOverride(ELSEWHERE, NUMBER);
		const findings = await check({ triggerUrl: '' });
		expect(having(findings, FAILED)).toEqual([]);
		for (const id of ['callbackUrl', 'overrides']) {
			expect(findingOf(findings, id)).toMatchObject({
				status: OPEN,
				whatToDo: expect.stringContaining('Webhook URLs > Production URL') as string,
			});
		}
		expect(findingOf(findings, 'overrides').found).toContain(ELSEWHERE);
	});

	it.each([
		['n8n.example.com/webhook/x/webhook', /not a whole URL/],
		['https://', /not a whole URL/],
		['https://n8n.example/webhook-test/id/webhook', /is a test URL/],
		['https://n8n.example/workflow/aB3dE5fG7h', /is that of n8n's editor/],
		['https://example.com/n8n/workflow/aB3dE5fG7h/executions/12', /is that of n8n's editor/],
	])(
		'The wrong value %j as the URL of the trigger comes first among the webhook checks, whatever Meta says',
		async (url, problem) => {
			const wrong = {
				id: 'callbackUrl',
				status: FAILED,
				found: expect.stringMatching(problem) as string,
				whatToDo: expect.stringMatching(/^Replace it.*Webhook URLs > Production URL/) as string,
			};
			stage.emulator.presetOverride(ELSEWHERE, NUMBER);
			const findings = await check({ triggerUrl: url });
			expect(findings[0]).toMatchObject(wrong);
			expect(findingOf(findings, 'overrides')).toMatchObject({
				status: OPEN,
				found: expect.stringContaining(ELSEWHERE) as string,
				whatToDo: expect.stringMatching(/^See Calls reach this workflow\./) as string,
			});

			await stage.emulator.stop();
			await stage.startEmulator({});
			const withoutWebhook = await check({ triggerUrl: url });
			expect(withoutWebhook[0]).toMatchObject(wrong);
			expect(having(withoutWebhook, FAILED)).toEqual([
				...['callbackUrl', 'appSubscription', 'accountSubscription'],
			]);
			stage.emulator.failNext('subscriptions', { errorCode: 2 }, { times: Infinity });
			expect(findingOf(await check({ triggerUrl: url }), 'callbackUrl')).toMatchObject(wrong);
		},
	);

	it.each<[string, string | undefined]>([
		['number', NUMBER],
		['account', undefined],
	])(
		'A trigger on the %s is right although the app belongs to another system',
		async (_, number) => {
			stage.emulator.presetSubscription(ELSEWHERE, ['messages', 'calls']);
			stage.emulator.presetOverride(triggerUrl, number);
			expect(having(await check(), 'ok')).toEqual(CHECKS);
		},
	);

	it('The check says until when the token is valid', async () => {
		stage.emulator.account.tokenExpiresAt = Date.UTC(2100, 0, 1);
		expect(findingOf(await check(), 'token')).toMatchObject({
			status: 'ok',
			found: 'valid until 2100-01-01T00:00:00.000Z',
		});
	});
});

describe('the URL that Meta sends to', () => {
	function expectFinding(
		finding: Finding,
		status: Finding['status'],
		found: RegExp,
		whatToDo: RegExp,
	): void {
		expect(finding.status).toBe(status);
		expect(finding.found).toMatch(found);
		expect(finding.whatToDo).toMatch(whatToDo);
	}

	const TEST_URL = 'https://n8n.example/webhook-test/id/webhook';
	const here = (path: string) => `${stage.engine.origin}${path}`;

	it.each<[string, string, string, Finding['status'], RegExp, RegExp]>([
		['is the production URL', TRIGGER_URL, TRIGGER_URL, 'ok', /id\/webhook$/, /^$/],
		['has a slash at the end', `${TRIGGER_URL}/`, TRIGGER_URL, 'ok', /id\/webhook$/, /^$/],
		['has no slash at the end', TRIGGER_URL, `${TRIGGER_URL}/`, 'ok', /id\/webhook$/, /^$/],
		[
			'is the test URL of the trigger',
			TEST_URL,
			TRIGGER_URL,
			FAILED,
			/\(the test URL of this trigger\)/,
			/unpublish the workflow.*publish it again: a test was interrupted/,
		],
		[
			'is that of production, and the test URL was entered',
			TRIGGER_URL,
			TEST_URL,
			FAILED,
			/^The URL that was entered is a test URL/,
			/^Replace it.*Production URL/,
		],
		[
			'is that of another host',
			'https://old.example/webhook/id/webhook',
			TRIGGER_URL,
			FAILED,
			/this trigger at another host/,
			/If the URL of n8n has changed, unpublish/,
		],
		[
			'is of another workflow in this n8n',
			'https://n8n.example/webhook/other/webhook',
			TRIGGER_URL,
			FAILED,
			/\(another workflow in this n8n\)/,
			/^Unpublish the workflow/,
		],
		['is of another system', ELSEWHERE, TRIGGER_URL, FAILED, /crm\.example\/hook$/, /Take Over/],
	])('The URL %s', async (_, registered, url, status, found, whatToDo) => {
		stage.emulator.presetSubscription(registered);
		const findings = await check({ triggerUrl: url });
		expectFinding(findingOf(findings, 'callbackUrl'), status, found, whatToDo);
		expect(having(findings, FAILED)).toEqual(status === FAILED ? ['callbackUrl'] : []);
	});

	it('The URL can be one of this n8n where nothing is registered any more', async () => {
		stage.emulator.presetSubscription(here('/webhook/gone/webhook'));
		const findings = await check({ triggerUrl: here('/webhook/id/webhook') });
		const finding = findingOf(findings, 'callbackUrl');
		expect(finding.found).toContain('where no workflow is published any more');
		expect(finding.whatToDo).toContain(
			'Unpublish the workflow with the trigger and publish it again',
		);
	});

	it.each<[string, (response: ServerResponse) => void, Finding['status'], RegExp, RegExp]>([
		[
			'n8n has no workflow',
			(response) =>
				response
					.writeHead(404)
					.end('{"code":404,"message":"The requested webhook \\"GET id\\" is not registered."}'),
			FAILED,
			/no published workflow there/,
			/publish it again/,
		],
		['a proxy responds', (response) => response.writeHead(502).end(), FAILED, /a proxy/, /proxy/],
		['nothing responds', (response) => response.destroy(), OPEN, /no response/, /outside of your/],
		[
			'another system responds',
			(response) => response.end('hello'),
			OPEN,
			/not as a trigger with this app secret/,
			/select the same credential/,
		],
	])('The URL is asked for a response: %s', async (_, answer, status, found, whatToDo) => {
		const server = await serve((__, response) => answer(response));
		try {
			const url = `${server.url}/webhook/id/webhook`;
			stage.emulator.presetSubscription(url);
			const findings = await check({ triggerUrl: url });
			expectFinding(findingOf(findings, 'callbackResponds'), status, found, whatToDo);
		} finally {
			await server.stop();
		}
	});

	it.each<[string, string[], Finding['status'], RegExp, RegExp]>([
		['all published', [], 'ok', /\/webhook, shared with 2 other workflows$/, /^$/],
		['one not published any more', ['third'], 'ok', /not published any more: .*\/webhook$/, /next/],
		[
			'its holder not published any more',
			['holder'],
			FAILED,
			/shared with 2 other workflows, but nothing is published at the URL$/,
			/^Unpublish .*get nothing until one of them takes it over/,
		],
	])('The URL is shared by three workflows, %s', async (_, lost, status, found, whatToDo) => {
		const all = ['holder', 'second', 'third'].map((name) => ({
			name,
			trigger: stage.engine.trigger(stage.credential),
		}));
		stage.emulator.presetSubscription(all[0].trigger.url);
		for (const { trigger } of all) await trigger.activate();
		for (const { name, trigger } of all) {
			if (lost.includes(name)) stage.engine.triggers.delete(trigger.id);
		}
		stage.emulator.forget();
		const findings = await check({ triggerUrl: all[1].trigger.url });
		const finding = findingOf(findings, 'callbackUrl');
		expectFinding(finding, status, found, whatToDo);
		expect(finding.found).not.toContain('also=');
	});

	it('The URL can have a list that this app secret cannot verify', async () => {
		stage.emulator.presetSubscription(`${TRIGGER_URL}?also=AAAAAAAAAAAAAAAA`);
		const findings = await check({ triggerUrl: TRIGGER_URL });
		const finding = findingOf(findings, 'callbackUrl');
		expect(finding.found).toContain('a list of workflows that cannot be verified');
		expect(having(findings, FAILED)).toEqual(['callbackUrl']);
	});

	it('The URL of a number is judged in the same way', async () => {
		stage.emulator.presetSubscription(TRIGGER_URL);
		stage.emulator.presetOverride(TEST_URL, NUMBER);
		const findings = await check({ triggerUrl: TRIGGER_URL });
		expect(having(findings, FAILED)).toEqual(['overrides']);
		const finding = findingOf(findings, 'overrides');
		expect(finding.whatToDo).toMatch(/a test was interrupted.*It comes before that of the app/);
	});

	it.each<[{ registration: string; phoneNumberIds?: string[] }, RegExp, RegExp]>([
		[
			{ registration: 'phoneNumber', phoneNumberIds: [NUMBER] },
			/^The number has .*where no workflow is published any more/,
			/set Registration to Phone Number, .* publish the workflow and unpublish it/,
		],
		[
			{ registration: 'businessAccount' },
			/^The account has .*where no workflow is published any more/,
			/Unpublish the workflow with the trigger and publish it again: that removes/,
		],
	])(
		'The URL of a workflow that is gone is in the way: the advice removes it: %j',
		async (level, found, whatToDo) => {
			const trigger = stage.engine.trigger(stage.credential);
			await trigger.activate();
			const lost = stage.engine.trigger(stage.credential, level);
			stage.engine.triggers.delete(lost.id);
			stage.emulator.presetOverride(lost.url, level.phoneNumberIds?.[0]);
			stage.emulator.forget();
			const findings = await check({ triggerUrl: trigger.url });
			expectFinding(findingOf(findings, 'overrides'), FAILED, found, whatToDo);

			const followed = level.phoneNumberIds
				? stage.engine.trigger(stage.credential, level)
				: trigger;
			if (followed !== trigger) await followed.activate();
			await followed.deactivate();
			await trigger.activate();
			stage.emulator.forget();
			expect(having(await check({ triggerUrl: trigger.url }), FAILED)).toEqual([]);
		},
	);
});

describe('a sample', () => {
	const sample = async (name: string) => {
		const before = stage.emulator.requests.length;
		const { items } = await stage.engine.run(null, {
			resource: 'setup',
			operation: 'getSampleRecording',
			sample: name,
		});
		expect(stage.emulator.requests.length).toBe(before);
		expect(items).toHaveLength(1);
		return items[0];
	};

	/** What the trigger gives for an event of the emulator, as names of fields. */
	const fieldsOfTrigger = async (event: string, gone = false) => {
		const trigger = stage.trigger({
			events: [event],
			options: { includeRawEvent: false, onFileUnavailable: 'emit' },
		});
		if (event === 'connect') {
			stage.emulator.userCalls();
		} else {
			const file = await stage.emulator.createRecording({
				transcript: event === 'call_transcription_available',
			});
			if (gone) stage.emulator.deleteMedia(file.mediaId);
			stage.emulator.deliver([file]);
		}
		await stage.emulator.whenIdle();
		return shapeOf(trigger.items[0].json);
	};

	/** Names of all fields, those of lists once. */
	const shapeOf = (value: unknown, path = ''): string[] => {
		if (Array.isArray(value)) return shapeOf(value[0], `${path}[]`);
		if (typeof value !== 'object' || value === null) return [path];
		return Object.entries(value).flatMap(([name, field]) => shapeOf(field, `${path}.${name}`));
	};

	it.each([
		['connect', 'connect', false],
		['recording', 'call_recording_available', false],
		['recordingWithoutFile', 'call_recording_available', true],
		['transcription', 'call_transcription_available', false],
	])(
		'The sample %s has the fields of an item of the trigger, and needs no credential',
		async (name, event, gone) => {
			const { json } = await sample(name);
			expect(json.event).toBe(event);
			expect(shapeOf(json)).toEqual(await fieldsOfTrigger(event, gone));
		},
	);

	it('The sample of a recording has real audio, with the length and the SHA-256 that it states', async () => {
		const { json, binary } = await sample('recording');
		const audio = await stage.engine.bytesOf(binary?.data as IBinaryData);
		expect(json.recording).toMatchObject({
			verified: true,
			channels: 2,
			sizeBytes: audio.length,
			sha256: createHash('sha256').update(audio).digest('base64'),
			fileName: binary?.data.fileName,
		});
		const { channels, seconds } = await decodeAudio(audio);
		expect(channels).toHaveLength(2);
		expect(
			Math.abs(seconds - Number((json.recording as IDataObject).durationSeconds)),
		).toBeLessThan(0.1);
	});
});
