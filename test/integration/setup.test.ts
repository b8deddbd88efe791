import { createHash } from 'node:crypto';
import type { IBinaryData, IDataObject, INodeParameters } from 'n8n-workflow';
import { decodeAudio } from '../support/audio';
import { DAY_MS, NUMBER } from '../support/constants';
import type { CredentialFields } from '../support/workflow';
import { useStage } from './engineStage';

const stage = useStage();

const TRIGGER_URL = 'https://n8n.example/webhook/id/webhook';
const ELSEWHERE = 'https://crm.example/hook';
const CHECKS = [
	'appSecret',
	'token',
	'tokenPermissions',
	'businessAccount',
	'phoneNumber',
	'calling',
	'sip',
	'quality',
	'appSubscription',
	'callbackUrl',
	'accountSubscription',
	'overrides',
];

interface Finding {
	name: string;
	ok: boolean | null;
	found: string;
	hint: string | null;
}

async function check(
	parameters: INodeParameters = {},
	credential: Partial<CredentialFields> = {},
): Promise<Finding[]> {
	const { items } = await stage.engine.run(
		{ ...stage.credential, ...credential } as CredentialFields,
		{
			resource: 'setup',
			operation: 'check',
			phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
			triggerUrl: TRIGGER_URL,
			...parameters,
		},
	);
	return items.map(({ json }) => json as unknown as Finding);
}

const named = (findings: Finding[], ok: boolean | null) =>
	findings.filter((finding) => finding.ok === ok).map(({ name }) => name);

beforeEach(() => stage.emulator.presetSubscription(TRIGGER_URL));

afterEach(() => {
	expect(stage.emulator.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
});

describe('checking a setup', () => {
	it('A correct setup has one good item per check', async () => {
		const findings = await check();
		expect(findings.map(({ name }) => name)).toEqual(CHECKS);
		expect(named(findings, true)).toEqual(CHECKS);
		expect(findings.map(({ hint }) => hint)).toEqual(CHECKS.map(() => null));
		expect(findings.every(({ found }) => found !== '')).toBe(true);
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
			() => stage.emulator.presetSubscription(TRIGGER_URL, ['messages']),
			/not subscribed to calls \(fields: messages\)/,
			{},
		],
		['appSubscription', () => stage.emulator.deactivateSubscription(), /inactive/, {}],
		['callbackUrl', () => stage.emulator.presetSubscription(ELSEWHERE), /crm\.example/, {}],
		[
			'overrides',
			() => stage.emulator.presetOverride(ELSEWHERE, NUMBER),
			/The number has an address of its own: https:\/\/crm\.example/,
			{},
		],
		[
			'overrides',
			() => stage.emulator.presetOverride(ELSEWHERE),
			/The account has an address of its own/,
			{},
		],
	])(
		'A setup that is broken at %s fails that check alone',
		async (name, breakIt, found, parameters) => {
			breakIt();
			const findings = await check(parameters);
			expect(findings.map((finding) => finding.name)).toEqual(CHECKS);
			expect(named(findings, false)).toEqual([name]);
			const finding = findings.find((known) => known.name === name);
			expect(finding?.found).toMatch(found);
			expect(finding?.hint).toMatch(/\w{3,} \w+/);
		},
	);

	it('An app that does not get the webhooks of the account fails that check alone', async () => {
		await stage.emulator.stop();
		await stage.startEmulator({});
		const { businessAccountId, accessToken } = stage.emulator.account;
		stage.emulator.presetSubscription(TRIGGER_URL);
		await fetch(`${stage.emulator.baseUrl}/v26.0/${businessAccountId}/subscribed_apps`, {
			method: 'DELETE',
			headers: { authorization: `Bearer ${accessToken}` },
		});
		stage.emulator.forget();
		expect(named(await check(), false)).toEqual(['accountSubscription']);
	});

	it('A setup without any webhook finds no app subscription, and skips its URL', async () => {
		await stage.emulator.stop();
		await stage.startEmulator({});
		const findings = await check();
		expect(named(findings, false)).toEqual(['appSubscription', 'accountSubscription']);
		expect(named(findings, null)).toEqual(['callbackUrl']);
	});

	it('A bad token is reported once, and what requires it stays open', async () => {
		stage.emulator.revokeToken();
		const findings = await check();
		expect(named(findings, true)).toEqual(['appSecret', 'appSubscription', 'callbackUrl']);
		expect(named(findings, null)).toHaveLength(CHECKS.length - 4);
	});

	it('The page of a proxy is taken neither for a bad token nor for missing settings', async () => {
		for (const edge of ['debugToken', 'phoneNumbers', 'settings'] as const) {
			stage.emulator.failNext(edge, { status: 200, body: '<html>' }, { times: Infinity });
		}
		const findings = await check();
		expect(named(findings, false)).toEqual(['token']);
		const unread = ['tokenPermissions', 'phoneNumber', 'calling', 'sip', 'quality'];
		expect(named(findings, null)).toEqual(unread);
		for (const { name, found } of findings) {
			if (unread.includes(name)) expect(found).toMatch(/^same cause as token: .* cannot be read$/);
		}
	});

	it('A number of another account leaves open what belongs to a number', async () => {
		const findings = await check({ phoneNumberId: { __rl: true, mode: 'id', value: '999' } });
		expect(named(findings, null)).toEqual(['calling', 'sip', 'quality', 'overrides']);
	});

	it('A wrong app secret is reported as such', async () => {
		const findings = await check({}, { appSecret: 'wrong' });
		expect(findings.map(({ name }) => name)).toEqual(CHECKS);
		expect(named(findings, false)).toEqual(['appSecret']);
		expect(named(findings, null)).toEqual([
			'token',
			'tokenPermissions',
			'appSubscription',
			'callbackUrl',
		]);
	});

	it('The checks continue if Meta fails at everything', async () => {
		for (const kind of [
			'debugToken',
			'account',
			'phoneNumbers',
			'settings',
			'subscriptions',
			'subscribedApps',
			'phoneNumber',
		] as const) {
			stage.emulator.failNext(kind, { errorCode: 200 }, { times: Infinity });
		}
		const findings = await check();
		expect(findings.map(({ name }) => name)).toEqual(CHECKS);
		expect(named(findings, false)).toEqual(['token']);
		expect(findings.every(({ hint }) => hint !== null)).toBe(true);
	});

	it.each<[string, string, () => Partial<CredentialFields> | void]>([
		[
			'a permission that the token lacks',
			'tokenPermissions',
			() => void (stage.emulator.account.tokenScopes = ['whatsapp_business_messaging']),
		],
		[
			'a Business Account ID that does not exist',
			'businessAccount',
			() => ({ businessAccountId: '999' }),
		],
	])(
		'The check reports %s once: the checks that depend on it are not made',
		async (_, name, change) => {
			const findings = await check({}, change() ?? {});
			expect(findings.map((finding) => finding.name)).toEqual(CHECKS);
			expect(named(findings, false)).toEqual([name]);
			const open = findings.filter(({ ok }) => ok === null);
			expect(open.length).toBeGreaterThan(1);
			for (const { found, hint } of open) {
				expect(found).toContain(`same cause as ${name}`);
				expect(hint).toBe('Not checked.');
			}
		},
	);

	it.each([-1e20, 1e300, Number.MAX_SAFE_INTEGER])(
		'All checks are made whatever the expiry of the token is: %d',
		async (seconds) => {
			stage.emulator.account.tokenExpiresAt = seconds * 1000;
			expect((await check()).map(({ name }) => name)).toEqual(CHECKS);
		},
	);

	it('The check leaves the webhook URLs open without the URL of the trigger, and names them', async () => {
		stage.emulator.presetOverride(ELSEWHERE, NUMBER);
		const findings = await check({ triggerUrl: '' });
		expect(named(findings, false)).toEqual([]);
		expect(named(findings, null)).toEqual(['callbackUrl', 'overrides']);
		expect(findings.find(({ name }) => name === 'overrides')?.found).toContain(ELSEWHERE);
	});

	it.each<[string, string | undefined]>([
		['number', NUMBER],
		['account', undefined],
	])(
		'A trigger on the %s is right although the app belongs to another system',
		async (_, number) => {
			stage.emulator.presetSubscription(ELSEWHERE, ['messages', 'calls']);
			stage.emulator.presetOverride(TRIGGER_URL, number);
			expect(named(await check(), true)).toEqual(CHECKS);
		},
	);

	it('The check says until when the token is valid', async () => {
		stage.emulator.account.tokenExpiresAt = Date.UTC(2100, 0, 1);
		const [, token] = await check();
		expect(token).toMatchObject({ ok: true, found: 'valid until 2100-01-01T00:00:00.000Z' });
	});
});

describe('the URL that Meta sends to', () => {
	const TEST_URL = 'https://n8n.example/webhook-test/id/webhook';
	const here = (path: string) => `${stage.engine.origin}${path}`;

	it.each<[string, string, string, boolean | null, RegExp, RegExp]>([
		['is the production URL', TRIGGER_URL, TRIGGER_URL, true, /id\/webhook$/, /^$/],
		['has a slash at the end', `${TRIGGER_URL}/`, TRIGGER_URL, true, /id\/webhook\/$/, /^$/],
		['has no slash at the end', TRIGGER_URL, `${TRIGGER_URL}/`, true, /id\/webhook$/, /^$/],
		[
			'is the test URL of the trigger',
			TEST_URL,
			TRIGGER_URL,
			false,
			/\(the test URL of this trigger\)/,
			/a test was interrupted.*unpublish the workflow.*publish it again/,
		],
		[
			'is that of production, and the test URL was entered',
			TRIGGER_URL,
			TEST_URL,
			null,
			/id\/webhook$/,
			/Enter its Production URL/,
		],
		[
			'is that of another host',
			'https://old.example/webhook/id/webhook',
			TRIGGER_URL,
			false,
			/this trigger at another host/,
			/If the address of n8n has changed, unpublish/,
		],
		[
			'is of another workflow in this n8n',
			'https://n8n.example/webhook/other/webhook',
			TRIGGER_URL,
			false,
			/\(another workflow in this n8n\)/,
			/this other address/,
		],
		['is of another system', ELSEWHERE, TRIGGER_URL, false, /crm\.example\/hook$/, /Take Over/],
	])('The URL %s', async (_, registered, triggerUrl, ok, found, hint) => {
		stage.emulator.presetSubscription(registered);
		const findings = await check({ triggerUrl });
		const finding = findings.find(({ name }) => name === 'callbackUrl');
		expect(finding?.ok).toBe(ok);
		expect(finding?.found).toMatch(found);
		expect(finding?.hint ?? '').toMatch(hint);
		expect(named(findings, false)).toEqual(ok === false ? ['callbackUrl'] : []);
	});

	it('The URL can be one of this n8n where nothing is registered any more', async () => {
		stage.emulator.presetSubscription(here('/webhook/gone/webhook'));
		const findings = await check({ triggerUrl: here('/webhook/id/webhook') });
		const finding = findings.find(({ name }) => name === 'callbackUrl');
		expect(finding?.found).toContain('where no workflow is published any more');
		expect(finding?.hint).toContain('unpublish the workflow with the trigger and publish it again');
	});

	it.each<[string, string[], boolean, RegExp, RegExp]>([
		['all published', [], true, /\/webhook, shared with 2 other workflows$/, /^$/],
		['one not published any more', ['third'], true, /not published any more: .*\/webhook$/, /next/],
		[
			'its holder not published any more',
			['holder'],
			false,
			/shared with 2 other workflows, but nothing is published at the address$/,
			/get nothing until one of them takes it over: unpublish/,
		],
	])('The URL is shared by three workflows, %s', async (_, lost, ok, found, hint) => {
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
		const finding = findings.find(({ name }) => name === 'callbackUrl');
		expect(finding).toMatchObject({ ok });
		expect(finding?.found).toMatch(found);
		expect(finding?.found).not.toContain('also=');
		expect(finding?.hint ?? '').toMatch(hint);
	});

	it('The URL can have a list that this app secret cannot verify', async () => {
		stage.emulator.presetSubscription(`${TRIGGER_URL}?also=AAAAAAAAAAAAAAAA`);
		const findings = await check();
		const finding = findings.find(({ name }) => name === 'callbackUrl');
		expect(finding?.found).toContain('a list of workflows that cannot be verified');
		expect(named(findings, false)).toEqual(['callbackUrl']);
	});

	it('The URL of a number is judged in the same way', async () => {
		stage.emulator.presetOverride(TEST_URL, NUMBER);
		const findings = await check();
		expect(named(findings, false)).toEqual(['overrides']);
		const finding = findings.find(({ name }) => name === 'overrides');
		expect(finding?.hint).toMatch(/a test was interrupted.*It comes before the address of the app/);
	});
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
