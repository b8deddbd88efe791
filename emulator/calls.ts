import { digitsOf, openWindow, type Account, type PhoneNumber, type WhatsAppUser } from './account';
import { answerProblem, type BusinessDescription } from './businessSdp';
import type { CallRequest, CaptureOrder } from './callRequest';
import type { CallSettings } from './callSettings';
import type { Clock } from './clock';
import { GraphError, invalidParameter, sdpRefused } from './errors';
import { newCallId } from './ids';
import {
	DEFAULT_RECORDING,
	RECORDING_MIME_TYPE,
	contentOf,
	contentOfFile,
	createSyntheticMedia,
	type Media,
	type MediaContent,
	type MediaStore,
} from './media';
import {
	leaveOut,
	overwrite,
	type Changes,
	type FileKind,
	type Parties,
	type Payloads,
	type Value,
	type WebhookError,
} from './payloads';
import { CALLS_PER_DAY } from './permissions';
import type { WebRtcUsers } from './rtc';
import type { CallMedia } from './rtc/callMedia';
import { answerTo, makeSdp } from './sdp';
import { makeTranscript } from './transcript';
import type { Settings, WebhookUpdate } from './types';
import { ANNOUNCEMENT_USE_CASE } from './upload';
import type { Webhooks } from './webhooks';

export interface Call {
	id: string;
	phoneNumberId: string;
	user: WhatsAppUser;
	direction: 'USER_INITIATED' | 'BUSINESS_INITIATED';
	state: 'ringing' | 'preAccepted' | 'inProgress' | 'ended';
	/**
	 * WhatsApp's SDP: the offer of a user's call, the answer of a business's call. In a call with media
	 * it is empty for a moment.
	 */
	sdp: string;
	/** The business's SDP, once it came. */
	businessSdp?: string;
	/** What is odd in it, although it was taken. */
	sdpWarnings?: string[];
	recording?: CaptureOrder;
	transcription?: CaptureOrder;
	bizOpaqueCallbackData?: string;
	deeplinkPayload?: string;
	ctaPayload?: string;
	/** Unix milliseconds by the emulator's clock. */
	startedAt?: number;
	endedAt?: number;
	/** The user gave up waiting for an answer. */
	timedOut?: boolean;
	/** The user speaks to voicemail. */
	leavesVoicemail?: boolean;
	/** IDs of what became of the call, once available. */
	recordingMediaId?: string;
	transcriptMediaId?: string;
}

export interface UserCallOrder {
	phoneNumberId?: string;
	/** Phone number or user ID of a known user; any other phone number becomes a new user. */
	from?: string;
	deeplinkPayload?: string;
	ctaPayload?: string;
	/** Replaces the SDP offer. */
	sdp?: string;
	/** With media: the user sends nothing until the business is heard. */
	silentUntilHeard?: boolean;
	/** The user speaks, if the number's voicemail answers the call. */
	leavesVoicemail?: boolean;
}

export interface HangUpOrder extends Changes {
	by?: 'user' | 'business';
	/** Length of the call; by default as long as the emulator's clock says. */
	durationSeconds?: number;
	/** Who hangs up during the announcement has not consented: nothing is recorded. */
	duringAnnouncement?: boolean;
	/** What the recording contains. */
	recording?: MediaSource;
	/** The terminate webhook says FAILED with this error. */
	error?: WebhookError;
}

/** Where the bytes of a file come from; the audio fixture when nothing is given. */
export interface MediaSource {
	content?: Buffer | string | MediaContent;
	/** Path of a file. */
	file?: string;
	/** Noise of this length, generated while it is sent. */
	sizeBytes?: number;
	seed?: number;
}

/** How a file is announced, where that is to differ from what it is. */
export interface FileOrder extends MediaSource, Changes {
	mimeType?: string;
	mediaId?: string;
	/** Hex or base64; announced in place of the true hash. */
	sha256Override?: string;
	/** Bytes; given by the Media API in place of the true size. */
	announcedSize?: number;
	/** The media host answers 404 for so long, by the emulator's clock. */
	availableAfterMs?: number;
	/** Merged into `audio` (or `document`). `undefined` removes a field. */
	fileFields?: Value;
}

export interface RecordingOrder extends FileOrder {
	phoneNumberId?: string;
	from?: string;
	callId?: string;
	/** A transcript in place of a recording. */
	transcript?: boolean;
	/** `type` of the recording, and the key of its file. Default `audio`, the only one of today. */
	type?: string;
	/** Seen in `detailed` events only. */
	direction?: Call['direction'];
	bizOpaqueCallbackData?: string;
}

export interface VoicemailOrder extends FileOrder {
	phoneNumberId?: string;
	from?: string;
	/** The missed call; the message has its ID. */
	callId?: string;
}

export interface CreatedRecording {
	media: Media;
	mediaId: string;
	callId: string;
	/** The element of `calls[]` (or `messages[]`). */
	event: Value;
	/** Ready for `deliver`. */
	update: WebhookUpdate;
}

/** The value of a webhook, or how to make it once `ready` has come. */
interface Outgoing {
	content: Value | (() => Value);
	ready?: Promise<unknown>;
}

/** Calls in both directions: their states, and the webhooks that each change causes. */
export class Calls {
	readonly all = new Map<string, Call>();
	/** The last webhook of each call, so that the next one does not overtake it. */
	private readonly lastWebhook = new Map<string, Promise<unknown>>();
	/** What the events of files were about, by media ID: to announce a file again. */
	private readonly announced = new Map<string, { kind: FileKind; about: Parties; type?: string }>();

	constructor(
		private readonly account: Account,
		private readonly clock: Clock,
		private readonly media: MediaStore,
		private readonly webhooks: Webhooks,
		private readonly payloads: Payloads,
		private readonly callSettings: CallSettings,
		private readonly settings: Settings,
		private readonly baseUrl: () => string,
		private readonly webRtc?: WebRtcUsers,
	) {}

	// What the business does, by POST /<PHONE_NUMBER_ID>/calls

	/** Places a call. `ring` is to be called once the answer is out. */
	connect(number: PhoneNumber, request: CallRequest): { call: Call; ring: () => void } {
		if (/^(1|20|84|234)/.test(digitsOf(number.displayPhoneNumber))) {
			// Meta, overview of the Calling API: business numbers of US, CA, EG, VN, NG.
			throw new GraphError(138013);
		}
		const user = this.userToCall(request);
		if (!this.mayCall(user)) {
			throw new GraphError(138006, {
				details: 'The user has not given a call permission to the business',
			});
		}
		if (this.ongoing(number.id, user)) {
			throw new GraphError(138003, { details: 'A call with this user is ongoing' });
		}
		if (this.connectedToday(number.id, user) >= CALLS_PER_DAY) {
			throw new GraphError(138012, {
				details: `At most ${CALLS_PER_DAY} connected calls to a user in 24 hours`,
			});
		}
		const call: Call = {
			id: newCallId(user.waId),
			phoneNumberId: number.id,
			user,
			direction: 'BUSINESS_INITIATED',
			state: 'ringing',
			sdp: '',
			businessSdp: request.sdp,
			recording: request.recording,
			transcription: request.transcription,
			bizOpaqueCallbackData: request.bizOpaqueCallbackData,
		};
		const { answerSetup } = this.settings.variants;
		if (!this.joinMedia(call, { offer: request.description })) {
			const { opensDtls, mid, opus, telephoneEvent } = request.description!;
			const setup = answerTo(opensDtls, answerSetup);
			call.sdp = makeSdp('answer', { setup, mid, opus, telephoneEvent });
		}
		this.noteWarnings(call, request);
		this.all.set(call.id, call);
		return { call, ring: () => this.ring(call) };
	}

	preAccept(call: Call, request: CallRequest): void {
		this.mustRing(call);
		if (call.businessSdp !== undefined && call.businessSdp !== request.sdp) {
			throw invalidParameter('session.sdp differs from the one of the earlier pre_accept');
		}
		this.takeAnswer(call, request);
		call.state = 'preAccepted';
	}

	accept(call: Call, request: CallRequest): void {
		this.mustRing(call);
		if (call.businessSdp !== undefined && call.businessSdp !== request.sdp) {
			throw invalidParameter('session.sdp of accept must equal the one of pre_accept');
		}
		this.takeAnswer(call, request);
		call.recording = request.recording;
		call.transcription = request.transcription;
		call.bizOpaqueCallbackData = request.bizOpaqueCallbackData;
		this.begin(call);
	}

	/** The terminate webhook goes out when the returned function is called. */
	reject(call: Call): () => void {
		this.mustRing(call);
		const tell = this.endWhenTold(call);
		if (this.voicemailOf(call)?.onReject) this.leaveVoicemailLater(call);
		return tell;
	}

	/** As `reject`. */
	terminate(call: Call): () => void {
		if (call.state === 'ended') throw invalidParameter('The call has ended already');
		return this.endWhenTold(call);
	}

	// What users do, by order of a test or an operator

	userCalls(order: UserCallOrder = {}): Call {
		const number = this.number(order.phoneNumberId);
		if (!number.callingEnabled) throw new Error(`Calling is off on number ${number.id}`);
		if (number.sipEnabled) throw new Error(`Calls to number ${number.id} go to its SIP server`);
		const user = this.user(order.from);
		if (this.ongoing(number.id, user)) throw new Error(`${user.name} is in a call already`);
		const call: Call = {
			id: newCallId(user.waId),
			phoneNumberId: number.id,
			user,
			direction: 'USER_INITIATED',
			state: 'ringing',
			sdp: order.sdp ?? '',
			...(order.deeplinkPayload !== undefined && { deeplinkPayload: order.deeplinkPayload }),
			...(order.ctaPayload !== undefined && { ctaPayload: order.ctaPayload }),
			...(order.leavesVoicemail !== undefined && { leavesVoicemail: order.leavesVoicemail }),
		};
		const { silentUntilHeard } = order;
		if (order.sdp === undefined && !this.joinMedia(call, { silentUntilHeard })) {
			call.sdp = makeSdp('offer');
		}
		this.all.set(call.id, call);
		openWindow(user, this.clock.now());
		this.send(call, this.connected(call));
		void this.giveUpLater(call);
		return call;
	}

	userPicksUp(callId: string): Call {
		const call = this.called(callId);
		this.begin(call);
		openWindow(call.user, this.clock.now());
		this.send(call, { content: this.payloads.status(call, 'ACCEPTED') });
		return call;
	}

	userRejects(callId: string): Call {
		const call = this.called(callId);
		this.end(call, {}, undefined, [{ content: this.payloads.status(call, 'REJECTED') }]);
		return call;
	}

	hangUp(callId: string, order: HangUpOrder = {}): Call {
		const call = this.known(callId);
		if (call.state === 'ended') throw new Error('The call has ended already');
		this.end(call, order);
		return call;
	}

	known(callId: string): Call {
		const call = this.all.get(callId);
		if (!call) throw new Error(`No call ${callId}`);
		return call;
	}

	/** A file and its event, without a delivery; the call need not exist. */
	async createRecording(order: RecordingOrder = {}): Promise<CreatedRecording> {
		const number = this.number(order.phoneNumberId);
		const user = this.user(order.from);
		const known = order.callId === undefined ? undefined : this.all.get(order.callId);
		const about: Parties = known ?? {
			id: order.callId ?? newCallId(user.waId),
			user,
			phoneNumberId: number.id,
			direction: order.direction ?? 'USER_INITIATED',
			bizOpaqueCallbackData: order.bizOpaqueCallbackData,
		};
		return await this.announce(order.transcript ? 'transcription' : 'recording', about, order);
	}

	/**
	 * The event of a file once more, with the same media ID: with the file's true hash, or with other
	 * content.
	 */
	async correctRecording(mediaId: string, order: FileOrder = {}): Promise<CreatedRecording> {
		const known = this.announced.get(mediaId);
		const media = this.media.get(mediaId);
		if (!known || !media) throw new Error(`No recording or transcript ${mediaId}`);
		return await this.announce(known.kind, known.about, {
			type: known.type,
			mimeType: media.mimeType,
			...(!hasSource(order) && { content: media.content }),
			...order,
			mediaId,
		});
	}

	async presetAnnouncement(mediaId?: string): Promise<string> {
		const { id } = this.media.add({
			content: await contentOfFile(DEFAULT_RECORDING),
			phoneNumberId: this.number().id,
			mimeType: 'audio/ogg',
			lifetimeMs: Infinity,
			useCase: ANNOUNCEMENT_USE_CASE,
			...(mediaId !== undefined && { id: mediaId }),
		});
		return id;
	}

	/** What a user said after a missed call, as a message (Meta, "Call settings", voicemail). */
	async createVoicemail(order: VoicemailOrder = {}): Promise<CreatedRecording> {
		const call = order.callId === undefined ? undefined : this.all.get(order.callId);
		const user = call?.user ?? this.user(order.from);
		const phoneNumberId = call?.phoneNumberId ?? this.number(order.phoneNumberId).id;
		const callId = order.callId ?? newCallId(user.waId);
		openWindow(user, this.clock.now());
		const media = await this.store('recording', phoneNumberId, order);
		const audio: Value = {
			mime_type: media.mimeType,
			sha256: media.sha256Base64,
			id: media.id,
		};
		overwrite(audio, order.fileFields);
		leaveOut(audio, order.omit);
		const value = this.payloads.message(
			user,
			{ id: callId, timestamp: this.clock.timestamp(), type: 'audio', audio },
			order,
		);
		const [event = {}] = value.messages as Value[];
		return {
			media,
			mediaId: media.id,
			callId,
			event,
			update: { phoneNumberId, field: 'messages', value },
		};
	}

	// Shared

	number(phoneNumberId?: string): PhoneNumber {
		const number =
			phoneNumberId === undefined
				? this.account.phoneNumbers[0]
				: this.account.phoneNumbers.find(({ id }) => id === phoneNumberId);
		if (!number) throw new Error(`No phone number ${phoneNumberId ?? ''}`);
		return number;
	}

	user(waIdOrUserId?: string): WhatsAppUser {
		if (waIdOrUserId === undefined) {
			const first = this.account.users[0];
			if (first) return first;
		}
		const wanted = waIdOrUserId ?? '14085551234';
		const known = this.findUser(wanted);
		if (known) return known;
		if (!/^\d{5,15}$/.test(wanted)) throw new Error(`No user ${wanted}`);
		const user: WhatsAppUser = {
			waId: wanted,
			userId: `US.${wanted}0000000`,
			name: `User ${wanted}`,
			phoneShown: 'shown',
			permission: 'no_permission',
		};
		this.account.users.push(user);
		return user;
	}

	findUser(waIdOrUserId: string): WhatsAppUser | undefined {
		return this.account.users.find(({ waId, userId, parentUserId }) =>
			[waId, userId, parentUserId].includes(waIdOrUserId),
		);
	}

	mayCall(user: WhatsAppUser): boolean {
		if (user.permission === 'temporary') {
			return (user.permissionExpiresAt ?? Infinity) > this.clock.now();
		}
		return user.permission === 'permanent';
	}

	/** Calls of the business to a user that were picked up in the last 24 hours. */
	connectedToday(phoneNumberId: string, user: WhatsAppUser): number {
		const since = this.clock.now() - 24 * 60 * 60_000;
		return [...this.all.values()].filter(
			(call) =>
				call.direction === 'BUSINESS_INITIATED' &&
				call.phoneNumberId === phoneNumberId &&
				call.user === user &&
				(call.startedAt ?? 0) > since,
		).length;
	}

	/** `to` wins over `recipient` (Meta, "Business-scoped user IDs"). */
	private userToCall({ to, recipient }: CallRequest): WhatsAppUser {
		const user = this.findUser(to ?? recipient ?? '');
		if (!user) throw new GraphError(138001, { details: 'The recipient is not on WhatsApp' });
		return user;
	}

	private ongoing(phoneNumberId: string, user: WhatsAppUser): boolean {
		for (const call of this.all.values()) {
			if (call.phoneNumberId === phoneNumberId && call.user === user && call.state !== 'ended') {
				return true;
			}
		}
		return false;
	}

	/** Actions that answer a user's call. */
	private mustRing(call: Call): void {
		if (call.direction !== 'USER_INITIATED') {
			throw invalidParameter('The call was placed by the business: there is nothing to answer');
		}
		if (call.timedOut) {
			throw new GraphError(138007, { details: 'The call was not answered in time' });
		}
		if (call.state === 'inProgress') throw invalidParameter('The call is in progress already');
		if (call.state === 'ended') throw invalidParameter('The call has ended already');
	}

	private called(callId: string): Call {
		const call = this.known(callId);
		if (call.direction !== 'BUSINESS_INITIATED') throw new Error('The user placed this call');
		if (call.state !== 'ringing') throw new Error(`The call is not ringing: ${call.state}`);
		return call;
	}

	private ring(call: Call): void {
		const ringing = { content: this.payloads.status(call, 'RINGING') };
		// The answer comes about a second after placing, before the person picks up.
		this.send(call, ringing, this.connected(call));
		const { pickUpAfterMs } = this.settings;
		if (pickUpAfterMs !== undefined) {
			void this.webhooks.track(
				this.webhooks.sleep(pickUpAfterMs).then((elapsed) => {
					if (elapsed && call.state === 'ringing') this.userPicksUp(call.id);
				}),
			);
		}
	}

	private connected(call: Call): Outgoing {
		const timestamp = this.clock.timestamp();
		return {
			content: () => this.payloads.connect(call, timestamp),
			ready: this.mediaOf(call)?.sdp,
		};
	}

	private begin(call: Call): void {
		call.state = 'inProgress';
		call.startedAt = this.clock.now();
		this.mediaOf(call)?.answered({ captured: KINDS.some((kind) => isOn(call[kind])) });
	}

	private takeAnswer(call: Call, request: CallRequest): void {
		const description = request.description!;
		const problem = answerProblem(description, call.sdp);
		if (problem !== undefined) {
			throw sdpRefused(problem, this.settings.variants.sdpErrorCode);
		}
		this.mediaOf(call)?.answer(description);
		call.businessSdp = request.sdp;
		this.noteWarnings(call, request);
	}

	private noteWarnings(call: Call, { description }: CallRequest): void {
		const warnings = description?.warnings ?? [];
		if (warnings.length > 0 && !call.sdpWarnings) {
			call.sdpWarnings = warnings;
			for (const warning of warnings) this.settings.log(`Warning: ${warning}`);
		}
	}

	/** Undefined where the emulator has no media. */
	private joinMedia(
		call: Call,
		order: { offer?: BusinessDescription; silentUntilHeard?: boolean },
	): CallMedia | undefined {
		const { answerSetup, silentUntilHeard } = this.settings.variants;
		const media = this.webRtc?.join(
			call.id,
			{
				offer: order.offer,
				answerSetup,
				silentUntilHeard: order.silentUntilHeard ?? silentUntilHeard === 'yes',
			},
			(error) => {
				if (call.state !== 'ended') this.end(call, { error });
			},
		);
		void media?.sdp.then(
			(sdp) => {
				call.sdp = sdp;
			},
			() => undefined,
		);
		return media;
	}

	private mediaOf(call: Call): CallMedia | undefined {
		return this.webRtc?.get(call.id);
	}

	private async giveUpLater(call: Call): Promise<void> {
		const timeoutMs = this.voicemailOf(call)?.timeoutMs ?? null;
		const { ringTimeoutMs } = this.settings;
		const elapsed = await this.webhooks.sleep(Math.min(ringTimeoutMs, timeoutMs ?? Infinity));
		if (!elapsed || (call.state !== 'ringing' && call.state !== 'preAccepted')) return;
		call.timedOut = true;
		this.end(call, { failed: true });
		if (timeoutMs !== null && timeoutMs <= ringTimeoutMs) this.leaveVoicemailLater(call);
	}

	private voicemailOf(call: Call) {
		return this.callSettings.voicemailOf(this.number(call.phoneNumberId));
	}

	/** As a recording, the voicemail comes a while after the call. */
	private leaveVoicemailLater(call: Call): void {
		if (!call.leavesVoicemail) return;
		void this.webhooks.track(
			this.webhooks.sleep(this.settings.recordingDelayMs).then(async (elapsed) => {
				if (!elapsed) return;
				const { update } = await this.createVoicemail({ callId: call.id });
				await this.lastWebhook.get(call.id);
				await this.webhooks.deliver([update]).answer;
			}),
		);
	}

	private endWhenTold(call: Call): () => void {
		let tell: () => void = () => {};
		const told = new Promise<void>((resolve) => {
			tell = resolve;
		});
		this.end(call, { by: 'business' }, told);
		return tell;
	}

	private end(
		call: Call,
		order: HangUpOrder & { failed?: boolean },
		ready?: Promise<void>,
		first: Outgoing[] = [],
	): void {
		const answered = call.state === 'inProgress';
		const now = this.clock.now();
		const media = this.mediaOf(call);
		const recorded = media?.end();
		call.state = 'ended';
		call.endedAt = now;
		if (answered && order.durationSeconds !== undefined) {
			call.startedAt = now - order.durationSeconds * 1000;
		}
		const { failed = false, error, event, omit } = order;
		const content = this.payloads.terminate(call, { answered, failed, error, event, omit });
		this.send(call, ...first, { content, ready });
		const announced = media ? recorded !== undefined : !order.duringAnnouncement;
		if (answered && announced) {
			this.publishLater(call, order.recording ?? { content: recorded?.file });
		}
	}

	private publishLater(call: Call, recording: MediaSource): void {
		for (const kind of KINDS) {
			if (!isOn(call[kind])) continue;
			void this.webhooks.track(
				this.webhooks.sleep(this.settings.recordingDelayMs).then(async (elapsed) => {
					if (elapsed) await this.publish(kind, call, recording);
				}),
			);
		}
	}

	private async publish(kind: FileKind, call: Call, recording: MediaSource): Promise<void> {
		const { mediaId, update } = await this.announce(
			kind,
			call,
			kind === 'recording' ? recording : {},
		);
		call[kind === 'recording' ? 'recordingMediaId' : 'transcriptMediaId'] = mediaId;
		this.send(call, { content: update.value });
	}

	private async announce(
		kind: FileKind,
		about: Parties,
		order: FileOrder & { type?: string },
	): Promise<CreatedRecording> {
		const media = await this.store(kind, about.phoneNumberId, order);
		const url = this.media.newUrl(media, this.baseUrl());
		const { event, value } = this.payloads.file(kind, about, media, url, order);
		this.announced.set(media.id, { kind, about, type: order.type });
		return {
			media,
			mediaId: media.id,
			callId: about.id,
			event,
			update: { phoneNumberId: about.phoneNumberId, field: 'calls', value },
		};
	}

	private async store(kind: FileKind, phoneNumberId: string, order: FileOrder): Promise<Media> {
		const { sha256Override, announcedSize, availableAfterMs, mediaId } = order;
		const transcript = kind === 'transcription';
		return this.media.add({
			content:
				transcript && !hasSource(order)
					? contentOf(makeTranscript(this.clock))
					: await this.content(order),
			phoneNumberId,
			mimeType: order.mimeType ?? (transcript ? 'application/json' : RECORDING_MIME_TYPE),
			...(sha256Override !== undefined && { sha256Override }),
			...(announcedSize !== undefined && { announcedSize }),
			...(availableAfterMs !== undefined && { availableAfterMs }),
			...(mediaId !== undefined && { id: mediaId }),
		});
	}

	private async content(source: MediaSource): Promise<MediaContent> {
		const { content } = source;
		if (typeof content === 'string' || Buffer.isBuffer(content)) return contentOf(content);
		if (content) return content;
		if (source.sizeBytes !== undefined) {
			return await createSyntheticMedia({ sizeBytes: source.sizeBytes, seed: source.seed });
		}
		return await contentOfFile(source.file ?? DEFAULT_RECORDING);
	}

	/**
	 * Sends what happened in a call, one webhook after the other, though Meta promises no order. What
	 * is given together is due at the same moment.
	 */
	private send(call: Call, ...outgoing: Outgoing[]): void {
		const { callUpdates } = this.settings.variants;
		const groups = callUpdates === 'separate' ? outgoing.map((one) => [one]) : [outgoing];
		for (const group of groups) {
			const previous = this.lastWebhook.get(call.id) ?? Promise.resolve();
			const sent = this.webhooks.track(
				previous.then(async () => {
					await Promise.all(group.map(({ ready }) => ready));
					const updates = group.map(({ content }) => ({
						phoneNumberId: call.phoneNumberId,
						field: 'calls',
						value: typeof content === 'function' ? content() : content,
					}));
					const layout = callUpdates === 'oneChange' ? 'merged' : 'changes';
					await this.webhooks.deliver(updates, { layout }).answer;
				}),
			);
			this.lastWebhook.set(call.id, sent);
		}
	}
}

const KINDS = ['recording', 'transcription'] as const;

const isOn = (capture: CaptureOrder | undefined) => capture?.status === 'ENABLED';

const hasSource = ({ content, file, sizeBytes }: MediaSource) =>
	content !== undefined || file !== undefined || sizeBytes !== undefined;
