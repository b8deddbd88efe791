import { digitsOf, phoneOf, type Account, type WhatsAppUser } from './account';
import type { Call } from './calls';
import { toTimestamp, type Clock } from './clock';
import { titleOf } from './errors';
import type { Media } from './media';
import { inForm, type Variants } from './variants';

export type Value = Record<string, unknown>;

/** Two parties, and which of them called. */
export type Parties = Pick<
	Call,
	'id' | 'user' | 'direction' | 'phoneNumberId' | 'bizOpaqueCallbackData'
>;

/** What went wrong with a call or a message, in a webhook. */
export interface WebhookError {
	code: number;
	message: string;
	/** Default: the message. */
	title?: string;
	/** Default: the message. */
	details?: string;
}

/** Changes of an element, for what the emulator would not write by itself. */
export interface Changes {
	/** Merged into the element. `undefined` removes a field. */
	event?: Value;
	/** Names of fields to leave out of the element, and of the object inside it that the event is about. */
	omit?: string[];
}

export type FileKind = 'recording' | 'transcription';

/** The values of webhooks, field for field as Meta's pages and real deliveries have them. */
export class Payloads {
	constructor(
		private readonly account: Account,
		private readonly clock: Clock,
		private readonly variants: Variants,
	) {}

	/** @param timestamp Of the call, however long its SDP took. */
	connect(call: Call, timestamp: string): Value {
		const type = call.direction === 'USER_INITIATED' ? 'offer' : 'answer';
		const { connectSdp } = this.variants;
		const old = type === 'answer' && connectSdp !== 'session';
		return this.written({
			contacts: [this.contact(call.user)],
			calls: [
				{
					...this.parties(call),
					event: 'connect',
					timestamp,
					direction: call.direction,
					...(type === 'offer' ? linkPayloads(call) : opaqueData(call)),
					...(!(old && connectSdp === 'connection') && {
						session: { sdp_type: type, sdp: call.sdp },
					}),
					// JSON inside a string, as Meta's reference has it.
					...(old && { connection: { webrtc: { sdp: JSON.stringify({ sdp: call.sdp, type }) } } }),
				},
			],
		});
	}

	status(call: Call, status: 'RINGING' | 'ACCEPTED' | 'REJECTED'): Value {
		const { user } = call;
		return this.written({
			contacts: [this.contact(user)],
			statuses: [
				{
					id: call.id,
					timestamp: this.clock.timestamp(),
					type: 'call',
					status,
					...phoneOf('recipient_id', user),
					...this.userIds('recipient', user),
					...opaqueData(call),
				},
			],
		});
	}

	/** An unanswered call has no times, and one of the business is COMPLETED nevertheless. */
	terminate(
		call: Call,
		end: Changes & { answered: boolean; failed: boolean; error?: WebhookError },
	): Value {
		const endedAt = call.endedAt ?? this.clock.now();
		const startedAt = call.startedAt ?? endedAt;
		const { terminateErrors } = this.variants;
		const errors = end.error && [describe(end.error, terminateErrors === 'value')];
		const element: Value = {
			...this.parties(call),
			event: 'terminate',
			direction: call.direction,
			timestamp: toTimestamp(endedAt),
			status: end.failed || end.error ? 'FAILED' : 'COMPLETED',
			...(end.answered && {
				start_time: toTimestamp(startedAt),
				end_time: toTimestamp(endedAt),
				duration: Math.floor(endedAt / 1000) - Math.floor(startedAt / 1000),
			}),
			...(errors && terminateErrors !== 'value' && { errors }),
			...opaqueData(call),
			...linkPayloads(call),
		};
		change(element, end);
		return this.written({
			contacts: [this.contact(call.user)],
			calls: [element],
			...(errors && terminateErrors !== 'call' && { errors }),
		});
	}

	/** Meta, "Call recording" and "Call transcription". */
	file(
		kind: FileKind,
		about: Parties,
		media: Media,
		url: string,
		changes: Changes & {
			type?: string;
			/** Merged into `audio` (or `document`). `undefined` removes a field. */
			fileFields?: Value;
		} = {},
	): { value: Value; event: Value } {
		const { user } = about;
		const detailed = this.variants.fileEvents === 'detailed';
		const file: Value = {
			id: media.id,
			sha256: media.sha256Base64,
			mime_type: media.mimeType,
			url,
		};
		overwrite(file, changes.fileFields);
		leaveOut(file, changes.omit);
		const type = changes.type ?? 'audio';
		const event: Value = {
			...(detailed
				? { ...this.parties(about), direction: about.direction, ...opaqueData(about) }
				: // There are no contacts beside it that could name the person.
					{ id: about.id, ...phoneOf('from', user), ...allUserIds('from', user) }),
			timestamp: this.clock.timestamp(),
			...(kind === 'recording'
				? { event: 'call_recording_available', call_recording: { type, [type]: file } }
				: {
						event: this.variants.transcriptionEvent,
						[this.variants.transcriptKey]: { document: file },
					}),
		};
		change(event, changes);
		const written = this.written(event);
		return {
			event: written,
			value: { ...(detailed && { contacts: [this.contact(user)] }), calls: [written] },
		};
	}

	/** A message of a user: field `messages`. */
	message(user: WhatsAppUser, message: Value, changes: Changes = {}): Value {
		const element: Value = {
			...phoneOf('from', user),
			...this.userIds('from', user),
			...message,
		};
		change(element, changes);
		return this.written({ contacts: [this.contact(user)], messages: [element] });
	}

	/** What became of a message of the business that could not be delivered: field `messages`. */
	failedMessage(user: WhatsAppUser, id: string, error: WebhookError): Value {
		return this.written({
			contacts: [this.contact(user)],
			statuses: [
				{
					id,
					status: 'failed',
					timestamp: this.clock.timestamp(),
					...phoneOf('recipient_id', user),
					...this.userIds('recipient', user),
					errors: [describe({ title: error.message, ...error }, true)],
				},
			],
		});
	}

	private contact(user: WhatsAppUser): Value {
		return {
			profile: {
				name: user.name,
				...(user.username !== undefined && { username: user.username }),
			},
			...phoneOf('wa_id', user),
			...(this.variants.userIdsIn !== 'elements' && {
				user_id: user.userId,
				...(user.parentUserId !== undefined && { parent_user_id: user.parentUserId }),
			}),
		};
	}

	private parties({ id, user, direction, phoneNumberId }: Parties): Value {
		const number = this.account.phoneNumbers.find((known) => known.id === phoneNumberId);
		const business = digitsOf(number?.displayPhoneNumber ?? '');
		return direction === 'USER_INITIATED'
			? { id, ...phoneOf('from', user), ...this.userIds('from', user), to: business }
			: { id, from: business, ...phoneOf('to', user), ...this.userIds('to', user) };
	}

	private userIds(role: 'from' | 'to' | 'recipient', user: WhatsAppUser): Value {
		return this.variants.userIdsIn === 'contacts' ? {} : allUserIds(role, user);
	}

	private written<T>(value: T): T {
		return inForm(value, this.variants.numbersAs);
	}
}

function allUserIds(role: string, { userId, parentUserId }: WhatsAppUser): Value {
	return {
		[`${role}_user_id`]: userId,
		...(parentUserId !== undefined && { [`${role}_parent_user_id`]: parentUserId }),
	};
}

const opaqueData = ({ bizOpaqueCallbackData: data }: Parties): Value =>
	data === undefined ? {} : { biz_opaque_callback_data: data };

const linkPayloads = ({ deeplinkPayload, ctaPayload }: Call): Value => ({
	...(deeplinkPayload !== undefined && { deeplink_payload: deeplinkPayload }),
	...(ctaPayload !== undefined && { cta_payload: ctaPayload }),
});

/** As documented it has a link and no title; in a real webhook it was the other way round. */
function describe({ code, message, title, details }: WebhookError, documented: boolean): Value {
	return {
		code,
		...(documented ? title !== undefined && { title } : { title: title ?? message }),
		message,
		...(documented && {
			href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
		}),
		error_data: { details: details ?? message },
	};
}

/** The error of a code that the emulator knows. */
export const knownError = (code: number, details?: string): WebhookError => ({
	code,
	message: titleOf(code),
	...(details !== undefined && { details }),
});

function change(element: Value, { event, omit }: Changes): void {
	overwrite(element, event);
	leaveOut(element, omit);
}

export function overwrite(target: Value, values: Value = {}): void {
	for (const [name, value] of Object.entries(values)) {
		if (value === undefined) delete target[name];
		else target[name] = value;
	}
}

export function leaveOut(target: Value, names: string[] = []): void {
	for (const name of names) delete target[name];
}
