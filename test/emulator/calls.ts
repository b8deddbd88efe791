import { digitsOf, type Account, type PhoneNumber, type WhatsAppUser } from './account';
import { answerProblem, type BusinessDescription } from './businessSdp';
import type { CallRequest, CaptureOrder } from './callRequest';
import { toTimestamp, type Clock } from './clock';
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
import { CALLS_PER_DAY } from './permissions';
import type { WebRtcUsers } from './rtc';
import type { CallMedia } from './rtc/callMedia';
import { answerTo, makeSdp } from './sdp';
import { makeTranscript } from './transcript';
import type { Settings, WebhookUpdate } from './types';
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
}

export interface HangUpOrder {
	by?: 'user' | 'business';
	/** Length of the call; by default as long as the emulator's clock says. */
	durationSeconds?: number;
	/** Who hangs up during the announcement has not consented: nothing is recorded. */
	duringAnnouncement?: boolean;
	/** What the recording contains. */
	recording?: MediaSource;
	/** The terminate webhook says FAILED with this error beside `calls`. */
	error?: { code: number; message: string; details?: string };
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

export interface RecordingOrder extends MediaSource {
	phoneNumberId?: string;
	from?: string;
	callId?: string;
	mimeType?: string;
	mediaId?: string;
	/** Hex or base64; announced in place of the true hash. */
	sha256Override?: string;
	/** A transcript in place of a recording. */
	transcript?: boolean;
	/** Merged into the `calls[]` element. `undefined` removes a field. */
	event?: Record<string, unknown>;
	/** Merged into `audio` (or `document`). `undefined` removes a field. */
	fileFields?: Record<string, unknown>;
}

export interface CreatedRecording {
	media: Media;
	mediaId: string;
	callId: string;
	/** The element of `calls[]`. */
	event: Record<string, unknown>;
	/** Ready for `deliver`. */
	update: WebhookUpdate;
}

interface CaptureFile {
	sha256: string;
	mime_type: string;
	url: string;
	id: string;
}

/** Calls in both directions: their states, and the webhooks that each change causes. */
export class Calls {
	readonly all = new Map<string, Call>();
	/** The last webhook of each call, so that the next one does not overtake it. */
	private readonly lastWebhook = new Map<string, Promise<unknown>>();

	constructor(
		private readonly account: Account,
		private readonly clock: Clock,
		private readonly media: MediaStore,
		private readonly webhooks: Webhooks,
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
		const { answerSetup } = this.settings.callBehavior;
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
		return this.endWhenTold(call);
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
		};
		const { silentUntilHeard } = order;
		if (order.sdp === undefined && !this.joinMedia(call, { silentUntilHeard })) {
			call.sdp = makeSdp('offer');
		}
		this.all.set(call.id, call);
		this.sendConnect(call, 'offer', this.linkPayloads(call));
		void this.giveUpLater(call);
		return call;
	}

	userPicksUp(callId: string): Call {
		const call = this.called(callId);
		this.begin(call);
		this.sendStatus(call, 'ACCEPTED');
		return call;
	}

	userRejects(callId: string): Call {
		const call = this.called(callId);
		this.sendStatus(call, 'REJECTED');
		this.end(call, {});
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

	/** A file and its event, without a call and without a delivery. */
	async createRecording(order: RecordingOrder = {}): Promise<CreatedRecording> {
		const number = this.number(order.phoneNumberId);
		const user = this.user(order.from);
		const callId = order.callId ?? newCallId(user.waId);
		const kind = order.transcript ? 'transcription' : 'recording';
		const media = this.media.add({
			content:
				order.transcript && !hasSource(order)
					? contentOf(makeTranscript(this.clock))
					: await this.content(order),
			phoneNumberId: number.id,
			mimeType: order.mimeType ?? (order.transcript ? 'application/json' : RECORDING_MIME_TYPE),
			...(order.sha256Override !== undefined && { sha256Override: order.sha256Override }),
			...(order.mediaId !== undefined && { id: order.mediaId }),
		});
		const event = this.captureEvent(kind, callId, user, media, order.fileFields);
		overwrite(event, order.event);
		const update = { phoneNumberId: number.id, field: 'calls', value: { calls: [event] } };
		return { media, mediaId: media.id, callId, event, update };
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

	contact(user: WhatsAppUser) {
		return {
			profile: {
				name: user.name,
				...(user.username !== undefined && { username: user.username }),
			},
			...phone('wa_id', user),
			user_id: user.userId,
			...(user.parentUserId !== undefined && { parent_user_id: user.parentUserId }),
		};
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
		this.sendStatus(call, 'RINGING');
		// The answer comes about a second after placing, before the person picks up.
		this.sendConnect(call, 'answer', this.opaqueData(call));
		const { pickUpAfterMs } = this.settings;
		if (pickUpAfterMs !== undefined) {
			void this.webhooks.track(
				this.webhooks.sleep(pickUpAfterMs).then((elapsed) => {
					if (elapsed && call.state === 'ringing') this.userPicksUp(call.id);
				}),
			);
		}
	}

	private sendConnect(call: Call, type: 'offer' | 'answer', more: Record<string, unknown>): void {
		const timestamp = this.clock.timestamp();
		this.send(
			call,
			() => ({
				contacts: [this.contact(call.user)],
				calls: [
					{
						...this.identity(call),
						event: 'connect',
						timestamp,
						direction: call.direction,
						...more,
						session: { sdp_type: type, sdp: call.sdp },
					},
				],
			}),
			this.mediaOf(call)?.sdp,
		);
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
			throw sdpRefused(problem, this.settings.callBehavior.sdpErrorCode);
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
		const { answerSetup, silentUntilHeard } = this.settings.callBehavior;
		const media = this.webRtc?.join(
			call.id,
			{
				offer: order.offer,
				answerSetup,
				silentUntilHeard: order.silentUntilHeard ?? silentUntilHeard,
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
		const elapsed = await this.webhooks.sleep(this.settings.ringTimeoutMs);
		if (!elapsed || (call.state !== 'ringing' && call.state !== 'preAccepted')) return;
		call.timedOut = true;
		this.end(call, { failed: true });
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
		ready: Promise<void> = Promise.resolve(),
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
		const startedAt = call.startedAt ?? now;
		const value = {
			contacts: [this.contact(call.user)],
			calls: [
				{
					...this.identity(call),
					event: 'terminate',
					direction: call.direction,
					timestamp: this.clock.timestamp(),
					// An unanswered call of the business is COMPLETED too, without times.
					status: order.error || order.failed ? 'FAILED' : 'COMPLETED',
					...(answered && {
						start_time: toTimestamp(startedAt),
						end_time: toTimestamp(now),
						duration: Math.floor(now / 1000) - Math.floor(startedAt / 1000),
					}),
					...this.opaqueData(call),
					...this.linkPayloads(call),
				},
			],
			...(order.error && { errors: [this.terminateError(order.error)] }),
		};
		this.send(call, value, ready);
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

	private async publish(
		kind: 'recording' | 'transcription',
		call: Call,
		recording: MediaSource,
	): Promise<void> {
		const media = this.media.add(
			kind === 'recording'
				? {
						content: await this.content(recording),
						mimeType: RECORDING_MIME_TYPE,
						phoneNumberId: call.phoneNumberId,
					}
				: {
						content: contentOf(makeTranscript(this.clock)),
						mimeType: 'application/json',
						phoneNumberId: call.phoneNumberId,
					},
		);
		call[kind === 'recording' ? 'recordingMediaId' : 'transcriptMediaId'] = media.id;
		this.send(call, { calls: [this.captureEvent(kind, call.id, call.user, media)] });
	}

	/** Meta, "Call recording" and "Call transcription": field for field. */
	private captureEvent(
		kind: 'recording' | 'transcription',
		callId: string,
		user: WhatsAppUser,
		media: Media,
		fileOverrides?: Record<string, unknown>,
	): Record<string, unknown> {
		const file: Record<string, unknown> = {
			id: media.id,
			sha256: media.sha256Base64,
			mime_type: media.mimeType,
			url: this.media.newUrl(media, this.baseUrl()),
		} satisfies CaptureFile;
		overwrite(file, fileOverrides);
		return {
			id: callId,
			...phone('from', user),
			from_user_id: user.userId,
			...(user.parentUserId !== undefined && { from_parent_user_id: user.parentUserId }),
			timestamp: this.clock.timestamp(),
			...(kind === 'recording'
				? {
						event: 'call_recording_available',
						call_recording: { type: 'audio', audio: file },
					}
				: {
						event: this.settings.transcriptionEvent,
						call_transcript: { document: file },
					}),
		};
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

	private sendStatus(call: Call, status: 'RINGING' | 'ACCEPTED' | 'REJECTED'): void {
		const { user } = call;
		this.send(call, {
			contacts: [this.contact(user)],
			statuses: [
				{
					id: call.id,
					timestamp: this.clock.timestamp(),
					type: 'call',
					status,
					...phone('recipient_id', user),
					recipient_user_id: user.userId,
					...(user.parentUserId !== undefined && {
						recipient_parent_user_id: user.parentUserId,
					}),
					...this.opaqueData(call),
				},
			],
		});
	}

	/** Sends the webhooks of one call one after the other, though Meta promises no order. */
	private send(
		call: Call,
		content: Record<string, unknown> | (() => Record<string, unknown>),
		ready: Promise<unknown> = Promise.resolve(),
	): void {
		const previous = this.lastWebhook.get(call.id) ?? Promise.resolve();
		const sent = this.webhooks.track(
			previous.then(async () => {
				await ready;
				const value = typeof content === 'function' ? content() : content;
				const update = { phoneNumberId: call.phoneNumberId, field: 'calls', value };
				await this.webhooks.deliver([update]).answer;
			}),
		);
		this.lastWebhook.set(call.id, sent);
	}

	private identity({ id, user, direction, phoneNumberId }: Call) {
		const business = digitsOf(this.number(phoneNumberId).displayPhoneNumber);
		const parent = user.parentUserId;
		return direction === 'USER_INITIATED'
			? {
					id,
					...phone('from', user),
					from_user_id: user.userId,
					...(parent !== undefined && { from_parent_user_id: parent }),
					to: business,
				}
			: {
					id,
					from: business,
					...phone('to', user),
					to_user_id: user.userId,
					...(parent !== undefined && { to_parent_user_id: parent }),
				};
	}

	private opaqueData({ bizOpaqueCallbackData: data }: Call) {
		return data === undefined ? {} : { biz_opaque_callback_data: data };
	}

	private linkPayloads({ deeplinkPayload, ctaPayload }: Call) {
		return {
			...(deeplinkPayload !== undefined && { deeplink_payload: deeplinkPayload }),
			...(ctaPayload !== undefined && { cta_payload: ctaPayload }),
		};
	}

	private terminateError({ code, message, details }: NonNullable<HangUpOrder['error']>) {
		return {
			code,
			message,
			href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
			error_data: { details: details ?? message },
		};
	}
}

function phone<Name extends string>(name: Name, user: WhatsAppUser) {
	if (user.phoneShown === 'omitted') return {};
	return { [name]: user.phoneShown === 'empty' ? '' : user.waId };
}

const KINDS = ['recording', 'transcription'] as const;

const isOn = (capture: CaptureOrder | undefined) => capture?.status === 'ENABLED';

const hasSource = ({ content, file, sizeBytes }: MediaSource) =>
	content !== undefined || file !== undefined || sizeBytes !== undefined;

function overwrite(target: Record<string, unknown>, values: Record<string, unknown> = {}): void {
	for (const [name, value] of Object.entries(values)) {
		if (value === undefined) delete target[name];
		else target[name] = value;
	}
}
