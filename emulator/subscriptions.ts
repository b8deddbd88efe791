import { request, type Dispatcher } from 'undici';
import type { Account } from './account';
import { GraphError, invalidParameter } from './errors';
import { newChallenge } from './ids';
import type { Variants } from './variants';

interface AppSubscription {
	callbackUrl: string;
	fields: Set<string>;
	active: boolean;
}

/** Fields of the object `whatsapp_business_account`. */
const WEBHOOK_FIELDS = new Set([
	'account_alerts',
	'account_review_update',
	'account_settings_update',
	'account_update',
	'automatic_events',
	'business_capability_update',
	'business_status_update',
	'calls',
	'flows',
	'group_lifecycle_update',
	'group_participants_update',
	'group_settings_update',
	'group_status_update',
	'history',
	'message_echoes',
	'message_template_components_update',
	'message_template_quality_update',
	'message_template_status_update',
	'messages',
	'messaging_handovers',
	'partner_solutions',
	'payment_configuration_update',
	'phone_number_name_update',
	'phone_number_quality_update',
	'security',
	'smb_app_state_sync',
	'smb_message_echoes',
	'standby',
	'template_category_update',
	'tracking_events',
	'user_preferences',
]);

const OBJECT = 'whatsapp_business_account';
const OVERRIDE_MAX_LENGTH = 200;

/**
 * Who gets webhooks: the app's subscription, the app's tie to the business account, and the
 * overrides of account and number (Meta, "Create a webhook endpoint", "Override").
 */
export class Subscriptions {
	private app: AppSubscription | undefined;
	private accountSubscribed = false;
	private accountOverride: string | undefined;
	private readonly numberOverrides = new Map<string, string>();
	private otherApps: string[] = [];

	constructor(
		private readonly account: Account,
		private readonly dispatcher: Dispatcher,
		private readonly timeoutMs: number,
		private readonly variants: Variants,
	) {}

	/** Where an update goes, or undefined when nobody is subscribed to it. */
	route(phoneNumberId: string, field: string): string | undefined {
		if (!this.accountSubscribed || !this.app?.active || !this.app.fields.has(field)) {
			return undefined;
		}
		return this.called(
			this.numberOverrides.get(phoneNumberId) ?? this.accountOverride ?? this.app.callbackUrl,
		);
	}

	hasField(field: string): boolean {
		return this.accountSubscribed && (this.app?.fields.has(field) ?? false);
	}

	/** What a dashboard would do: set everything without a challenge. */
	preset(callbackUrl: string, fields: string[]): void {
		this.app = { callbackUrl, fields: new Set(fields), active: true };
		this.accountSubscribed = true;
	}

	presetOverride(callbackUrl: string | null, phoneNumberId: string | undefined): void {
		if (phoneNumberId === undefined) this.accountOverride = callbackUrl ?? undefined;
		else if (callbackUrl === null) this.numberOverrides.delete(phoneNumberId);
		else this.numberOverrides.set(phoneNumberId, callbackUrl);
	}

	/** Other apps that get the account's webhooks too; they are listed first. */
	presetOtherApps(count: number): void {
		this.otherApps = Array.from({ length: count }, (_, index) =>
			String(680_000_000_000_000 + index),
		);
	}

	deactivate(): void {
		if (this.app) this.app.active = false;
	}

	state() {
		return {
			app: this.app && { ...this.app, fields: [...this.app.fields] },
			accountSubscribed: this.accountSubscribed,
			accountOverride: this.accountOverride ?? null,
			numberOverrides: Object.fromEntries(this.numberOverrides),
		};
	}

	// The app's subscriptions edge

	listApp(version: string) {
		if (!this.app) return { data: [] };
		const names = [...this.app.fields];
		return {
			data: [
				{
					object: OBJECT,
					callback_url: this.app.callbackUrl,
					active: this.app.active,
					fields:
						this.variants.subscriptionFieldsAs === 'names'
							? names
							: names.map((name) => ({ name, version })),
				},
			],
		};
	}

	async subscribeApp(params: Map<string, string>): Promise<void> {
		for (const name of ['object', 'callback_url', 'verify_token', 'fields']) {
			if (!params.get(name)) {
				throw new GraphError(100, { message: `(#100) The parameter ${name} is required.` });
			}
		}
		checkObject(params.get('object') ?? '');
		const fields = parseFields(params.get('fields') ?? '');
		if (fields.length === 0) {
			throw new GraphError(100, { message: '(#100) The parameter fields is required.' });
		}
		const callbackUrl = await this.verified(
			params.get('callback_url') ?? '',
			'callback_url',
			params.get('verify_token') ?? '',
		);
		this.app = {
			callbackUrl,
			fields: new Set([...(this.app?.fields ?? []), ...fields]),
			active: true,
		};
	}

	unsubscribeApp(params: Map<string, string>): void {
		const object = params.get('object');
		if (object !== undefined) checkObject(object);
		const fields = params.get('fields');
		if (object === undefined || fields === undefined) {
			this.app = undefined;
			return;
		}
		for (const field of parseFields(fields)) this.app?.fields.delete(field);
		if (this.app?.fields.size === 0) this.app = undefined;
	}

	// The account's subscribed_apps edge

	listAccount() {
		const { appId, appName } = this.account;
		const others = this.otherApps.map((id) => describeApp(id, `Other ${id}`));
		if (!this.accountSubscribed) return others;
		const override = this.accountOverride !== undefined && {
			override_callback_uri: this.accountOverride,
		};
		return [...others, { ...describeApp(appId, appName), ...override }];
	}

	/** Without an override: subscribes, and takes an override away. */
	async subscribeAccount(params: Map<string, string>): Promise<void> {
		const uri = params.get('override_callback_uri');
		if (uri === undefined) {
			if (params.has('verify_token')) {
				throw invalidParameter('verify_token without override_callback_uri');
			}
			this.accountSubscribed = true;
			this.accountOverride = undefined;
			return;
		}
		if (!this.accountSubscribed) {
			throw invalidParameter(
				'The app must be subscribed to the WhatsApp Business Account before it can override the callback',
			);
		}
		this.accountOverride = await this.verifiedOverride(uri, params.get('verify_token'));
	}

	unsubscribeAccount(): void {
		this.accountSubscribed = false;
		this.accountOverride = undefined;
	}

	// The number's webhook_configuration

	numberConfiguration(phoneNumberId: string) {
		const number = this.numberOverrides.get(phoneNumberId);
		return {
			...(number !== undefined && { phone_number: number }),
			...(this.accountOverride !== undefined && {
				whatsapp_business_account: this.accountOverride,
			}),
			...(this.app && { application: this.app.callbackUrl }),
		};
	}

	async configureNumber(phoneNumberId: string, configuration: unknown): Promise<void> {
		if (typeof configuration !== 'object' || configuration === null) {
			throw invalidParameter('webhook_configuration must be an object');
		}
		const { override_callback_uri: uri, verify_token: token } = configuration as Record<
			string,
			unknown
		>;
		if (typeof uri !== 'string') {
			throw invalidParameter('webhook_configuration.override_callback_uri must be a string');
		}
		if (uri === '') {
			this.numberOverrides.delete(phoneNumberId);
			return;
		}
		const override = await this.verifiedOverride(
			uri,
			typeof token === 'string' ? token : undefined,
		);
		this.numberOverrides.set(phoneNumberId, override);
	}

	private async verifiedOverride(uri: string, verifyToken: string | undefined): Promise<string> {
		if (uri.length > OVERRIDE_MAX_LENGTH) {
			throw invalidParameter(
				`override_callback_uri must not have more than ${OVERRIDE_MAX_LENGTH} characters`,
			);
		}
		if (!verifyToken) {
			throw new GraphError(100, { message: '(#100) The parameter verify_token is required.' });
		}
		return await this.verified(uri, 'override_callback_uri', verifyToken);
	}

	/** A URL that has passed the checks and the challenge, as Meta keeps it. */
	private async verified(
		callbackUrl: string,
		parameter: string,
		verifyToken: string,
	): Promise<string> {
		checkCallbackUrl(callbackUrl, parameter);
		const { callbackQuery } = this.variants;
		const bare = withoutQuery(callbackUrl);
		if (callbackQuery === 'refused' && callbackUrl !== bare) {
			throw invalidParameter(`${parameter} must not have a query`);
		}
		await this.challenge(this.called(callbackUrl), verifyToken);
		const kept = callbackQuery === 'droppedWhenStored' ? bare : callbackUrl;
		return this.variants.callbackUrlAs === 'equivalent' ? equivalent(kept) : kept;
	}

	/** The URL to which requests go. */
	private called(callbackUrl: string): string {
		return this.variants.callbackQuery === 'droppedWhenCalled'
			? withoutQuery(callbackUrl)
			: callbackUrl;
	}

	/** Meta, "Create a webhook endpoint": answer 200 with the challenge and nothing else. */
	private async challenge(callbackUrl: string, verifyToken: string): Promise<void> {
		const challenge = newChallenge();
		const url = new URL(callbackUrl);
		url.searchParams.append('hub.mode', 'subscribe');
		url.searchParams.append('hub.challenge', challenge);
		url.searchParams.append('hub.verify_token', verifyToken);
		let status: number;
		let body: string;
		try {
			const answer = await request(url, {
				dispatcher: this.dispatcher,
				headers: { 'user-agent': 'facebookplatform/1.0 (+http://developers.facebook.com)' },
				signal: AbortSignal.timeout(this.timeoutMs),
			});
			status = answer.statusCode;
			body = await answer.body.text();
		} catch (error) {
			throw verificationFailed(error instanceof Error ? error.message : String(error));
		}
		if (status !== 200) throw verificationFailed(`HTTP Status Code = ${status}`);
		if (body !== challenge) {
			throw verificationFailed('HTTP Status Code = 200; the body is not the challenge');
		}
	}
}

/** Another form of the same URL. */
function equivalent(callbackUrl: string): string {
	const { origin, pathname, searchParams } = new URL(callbackUrl);
	const query = new URLSearchParams([...searchParams].reverse());
	const path = `${pathname.replace('-', '%2D').replace(/\/+$/, '')}/`;
	return `${origin}${path}${query.size > 0 ? `?${query}` : ''}`;
}

function withoutQuery(callbackUrl: string): string {
	return callbackUrl.replace(/\?.*$/s, '');
}

function describeApp(id: string, name: string) {
	const link = `https://www.facebook.com/games/?app_id=${id}`;
	return { whatsapp_business_api_data: { id, link, name } };
}

function verificationFailed(why: string): GraphError {
	return new GraphError(2200, {
		message: `(#2200) Callback verification failed with the following errors: ${why}`,
	});
}

function checkObject(object: string): void {
	if (object !== OBJECT) throw invalidParameter(`object must be ${OBJECT}, not ${object}`);
}

/** A comma list, or a JSON array in a string: both are in use. */
function parseFields(text: string): string[] {
	let fields: unknown = text.split(',').map((field) => field.trim());
	if (text.trimStart().startsWith('[')) {
		try {
			fields = JSON.parse(text);
		} catch {
			throw invalidParameter('fields is not a JSON array');
		}
	}
	if (!Array.isArray(fields)) throw invalidParameter('fields must be a list');
	return fields
		.filter((field) => field !== '')
		.map((field: unknown) => {
			if (typeof field !== 'string' || !WEBHOOK_FIELDS.has(field)) {
				throw invalidParameter(`fields: ${String(field)} is not a field of ${OBJECT}`);
			}
			return field;
		});
}

/** Meta wants https; plain http is let through for this machine only. */
function checkCallbackUrl(callbackUrl: string, name: string): void {
	let url: URL;
	try {
		url = new URL(callbackUrl);
	} catch {
		throw invalidParameter(`${name} is not a URL`);
	}
	const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
	if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
		throw invalidParameter(`${name} must be an https URL`);
	}
}
