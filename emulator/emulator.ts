import { Agent } from 'undici';
import { defaultAccount, type Account, type PermissionStatus, type WhatsAppUser } from './account';
import {
	Calls,
	type Call,
	type CreatedRecording,
	type HangUpOrder,
	type FileOrder,
	type RecordingOrder,
	type UserCallOrder,
	type VoicemailOrder,
} from './calls';
import { CallSettings } from './callSettings';
import { Clock } from './clock';
import { FaultQueue } from './faults';
import type { GraphContext } from './graph';
import { MediaStore } from './media';
import { Messages } from './messages';
import { ordersRouter } from './orders';
import { knownError, Payloads, type WebhookError } from './payloads';
import { Permissions, type PermissionAnswer } from './permissions';
import { WebRtcUsers } from './rtc';
import type { CallMedia } from './rtc/callMedia';
import { startServer, type RunningServer } from './server';
import { Subscriptions } from './subscriptions';
import { Tokens } from './tokens';
import type {
	DeliverOptions,
	DeliveryHandle,
	DeliveryRecord,
	EmulatorOptions,
	EndpointKind,
	Fault,
	FaultHandle,
	FaultMatch,
	LoggedRequest,
	Settings,
	WebhookUpdate,
} from './types';
import { withDefaultVariants, type Variants } from './variants';
import { Webhooks } from './webhooks';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Falling frequency for 7 days (Meta, "Create a webhook endpoint"); the exact gaps are not published. */
const REDELIVERY_DELAYS_MS = [
	...[5 * SECOND, 15 * SECOND, 45 * SECOND, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 45 * MINUTE],
	...[2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 72 * HOUR],
];

/** A stand-in for Meta: Graph API, media host and webhooks, on one loopback origin. */
export class Emulator {
	readonly account: Account;
	readonly clock: Clock;
	readonly requests: LoggedRequest[] = [];
	/** How Meta writes and what it checks, where that is open; may be changed while it runs. */
	readonly variants: Variants;
	private readonly agent = new Agent({ connections: 256 });
	private readonly faults = new FaultQueue();
	private readonly tokens: Tokens;
	private readonly media: MediaStore;
	private readonly permissions: Permissions;
	private readonly messages: Messages;
	private readonly webhooks: Webhooks;
	private readonly callList: Calls;
	private readonly subscriptions: Subscriptions;
	private readonly webRtc: WebRtcUsers | undefined;
	private readonly context: GraphContext;
	private server: RunningServer | undefined;

	/** Use `startEmulator`. */
	constructor(options: EmulatorOptions) {
		const settings = withDefaults(options);
		this.variants = settings.variants;
		this.account = structuredClone({ ...defaultAccount(), ...options.account });
		this.clock = new Clock(options.clockStart);
		this.tokens = new Tokens(this.account, this.clock);
		this.media = new MediaStore(this.clock);
		this.subscriptions = new Subscriptions(
			this.account,
			this.agent,
			settings.deliveryTimeoutMs,
			this.variants,
		);
		this.webhooks = new Webhooks(
			this.account,
			this.clock,
			this.subscriptions,
			this.agent,
			settings,
		);
		const payloads = new Payloads(this.account, this.clock, this.variants);
		this.permissions = new Permissions(this.clock, this.webhooks, payloads);
		const baseUrl = () => this.baseUrl;
		this.webRtc = options.webRtc && new WebRtcUsers(options.webRtc);
		const callSettings = new CallSettings(
			this.clock,
			this.variants,
			this.media,
			this.account.appId,
		);
		this.callList = new Calls(
			this.account,
			this.clock,
			this.media,
			this.webhooks,
			payloads,
			callSettings,
			settings,
			baseUrl,
			this.webRtc,
		);
		this.messages = new Messages(
			this.account,
			this.clock,
			this.webhooks,
			payloads,
			this.callList,
			this.permissions,
		);
		this.context = {
			account: this.account,
			clock: this.clock,
			tokens: this.tokens,
			media: this.media,
			subscriptions: this.subscriptions,
			calls: this.callList,
			permissions: this.permissions,
			messages: this.messages,
			callSettings,
			settings,
			baseUrl,
		};
	}

	async start(): Promise<void> {
		await this.webRtc?.load();
		this.server = await startServer(
			this.context,
			this.faults,
			this.requests,
			ordersRouter(this),
			(ms) => this.webhooks.sleep(ms),
		);
	}

	/** Closes everything and gives up on every redelivery. */
	async stop(): Promise<void> {
		await this.server?.stop();
		this.webRtc?.stop();
		await this.webhooks.stop();
		await this.agent.destroy();
	}

	/** `http://127.0.0.1:PORT`: of the Graph API and of download URLs. */
	get baseUrl(): string {
		if (!this.server) throw new Error('The emulator is not running');
		return this.server.baseUrl;
	}

	// What users of WhatsApp do

	/** A user calls the business: a connect webhook with an SDP offer. */
	userCalls(order: UserCallOrder = {}): Call {
		return this.callList.userCalls(order);
	}

	/** The user answers a call of the business: status ACCEPTED. */
	userPicksUp(callId: string): Call {
		return this.callList.userPicksUp(callId);
	}

	/** The user declines a call of the business: status REJECTED, then terminate. */
	userRejects(callId: string): Call {
		return this.callList.userRejects(callId);
	}

	/**
	 * Ends a call: a terminate webhook and then, when the call was answered and recording (or
	 * transcription) was enabled, the webhook with the file.
	 */
	hangUp(callId: string, order: HangUpOrder = {}): Call {
		return this.callList.hangUp(callId, order);
	}

	/** The user answers a call permission request, or grants a permission unasked. */
	userAnswersPermissionRequest(
		order: PermissionAnswer & { from?: string; phoneNumberId?: string },
	): DeliveryHandle {
		const number = this.callList.number(order.phoneNumberId);
		return this.permissions.answer(number, this.callList.user(order.from), order);
	}

	/**
	 * A call permission request turns out to be undeliverable: a message status `failed`, by default
	 * with code 131026.
	 */
	permissionRequestFails(
		order: {
			from?: string;
			phoneNumberId?: string;
			error?: Partial<WebhookError>;
		} = {},
	): DeliveryHandle {
		const number = this.callList.number(order.phoneNumberId);
		const { code = 131026, ...more } = order.error ?? {};
		const error = { ...knownError(code), ...more };
		return this.permissions.fail(number, this.callList.user(order.from), error);
	}

	/** Sets a permission without a webhook; an unknown phone number becomes a user. */
	setPermission(waIdOrUserId: string, permission: PermissionStatus): WhatsAppUser {
		const user = this.callList.user(waIdOrUserId);
		user.permission = permission;
		user.permissionExpiresAt = undefined;
		return user;
	}

	/** The user taps a call button, by default that of the newest message: a call with its payload. */
	userTapsCallButton(messageId?: string): Call {
		return this.messages.tapCallButton(messageId);
	}

	/** A user opens a call link on a phone: a call with its payload. */
	userOpensCallLink(link: string, from?: string): Call {
		return this.messages.openCallLink(link, from);
	}

	/**
	 * Ends the 24 hours in which the business may write to a user: what is no template then fails with
	 * a message status. The next thing that the user does opens the window for 24 hours.
	 */
	closeWindow(waIdOrUserId: string): WhatsAppUser {
		const user = this.callList.user(waIdOrUserId);
		user.windowClosesAt = this.clock.now();
		return user;
	}

	// Calls, recordings and deliveries

	/** All calls so far, the newest last. */
	get calls(): Call[] {
		return [...this.callList.all.values()];
	}

	/** Undefined when there is no such call. */
	call(callId: string): Call | undefined {
		return this.callList.all.get(callId);
	}

	/** The user's end of a call's audio; undefined where the emulator was started without `webRtc`. */
	mediaOf(callId: string): CallMedia | undefined {
		return this.webRtc?.get(callId);
	}

	/** A file and its ready event, not delivered. */
	async createRecording(order: RecordingOrder = {}): Promise<CreatedRecording> {
		return await this.callList.createRecording(order);
	}

	/**
	 * The event of a recording (or transcript) again, with the same media ID: with its true hash, or
	 * with other content. Not delivered.
	 */
	async correctRecording(mediaId: string, order: FileOrder = {}): Promise<CreatedRecording> {
		return await this.callList.correctRecording(mediaId, order);
	}

	/** An announcement for voicemail, as if it had been uploaded; of the first number. */
	async presetAnnouncement(mediaId?: string): Promise<string> {
		return await this.callList.presetAnnouncement(mediaId);
	}

	/** A voicemail of a missed call: an audio message with the call's ID. Not delivered. */
	async createVoicemail(order: VoicemailOrder = {}): Promise<CreatedRecording> {
		return await this.callList.createVoicemail(order);
	}

	/** Sends updates, or what `createRecording` and its like returned, as one delivery. */
	deliver(
		updates: Array<WebhookUpdate | { update: WebhookUpdate }>,
		options: DeliverOptions = {},
	): DeliveryHandle {
		return this.webhooks.deliver(
			updates.map((item) => ('update' in item ? item.update : item)),
			options,
		);
	}

	get deliveries(): DeliveryRecord[] {
		return this.webhooks.deliveries;
	}

	/** Resolves when no further attempt will be made. */
	async waitForDelivery(id: string): Promise<DeliveryRecord> {
		return await this.webhooks.waitFor(id);
	}

	/**
	 * Resolves when no webhook is under way or due, redeliveries included: with the default gaps
	 * that takes days when a receiver never answers 200.
	 */
	async whenIdle(): Promise<void> {
		await this.webhooks.whenIdle();
	}

	/** Empties `requests` and `deliveries`. */
	forget(): void {
		this.requests.length = 0;
		this.webhooks.forget();
	}

	// Faults

	/** The next matching requests fail in the given way. */
	failNext(kind: EndpointKind, fault: Fault, match: FaultMatch = {}): FaultHandle {
		return this.faults.add(kind, fault, match);
	}

	clearFaults(): void {
		this.faults.clear();
	}

	/** The file is gone: its ID is unknown and its URLs answer 404. */
	deleteMedia(mediaId: string): boolean {
		return this.media.delete(mediaId);
	}

	/** All download URLs made so far answer 404. */
	expireUrls(): void {
		this.media.expireUrls();
	}

	/** The access token is refused from now on. */
	revokeToken(): void {
		this.tokens.revoke();
	}

	restoreToken(): void {
		this.tokens.restore();
	}

	// Subscriptions

	/**
	 * Subscribes app and account without a challenge, as if it had been done in the dashboard long
	 * ago.
	 */
	presetSubscription(callbackUrl: string, fields: string[] = ['calls']): void {
		this.subscriptions.preset(callbackUrl, fields);
	}

	/** Sets an override without a challenge; null takes it away. Without a number: the account's. */
	presetOverride(callbackUrl: string | null, phoneNumberId?: string): void {
		this.subscriptions.presetOverride(callbackUrl, phoneNumberId);
	}

	/** Other apps that get the account's webhooks too; Meta lists them page by page. */
	presetOtherApps(count: number): void {
		this.subscriptions.presetOtherApps(count);
	}

	/** What Meta does to the app's webhook after many failed deliveries: it sends nothing until it is set again. */
	deactivateSubscription(): void {
		this.subscriptions.deactivate();
	}

	subscriptionState(): ReturnType<Subscriptions['state']> {
		return this.subscriptions.state();
	}
}

function withDefaults(options: EmulatorOptions): Settings {
	return {
		port: options.port ?? 0,
		recordingDelayMs: options.recordingDelayMs ?? SECOND,
		redeliveryDelaysMs: options.redeliveryDelaysMs ?? REDELIVERY_DELAYS_MS,
		deliveryTimeoutMs: options.deliveryTimeoutMs ?? 20 * SECOND,
		ringTimeoutMs: options.ringTimeoutMs ?? 45 * SECOND,
		pickUpAfterMs: options.pickUpAfterMs,
		variants: withDefaultVariants(options),
		log: options.log ?? (() => {}),
	};
}
