import { digitsOf, openWindow, type PhoneNumber, type WhatsAppUser } from './account';
import { toTimestamp, type Clock } from './clock';
import { GraphError } from './errors';
import { newMessageId } from './ids';
import { leaveOut, overwrite, type Payloads, type Value, type WebhookError } from './payloads';
import type { DeliveryHandle } from './types';
import type { Webhooks } from './webhooks';

const DAY_MS = 24 * 60 * 60_000;
/** Meta, "User call permissions". */
const TEMPORARY_MS = 7 * DAY_MS;
const REQUESTS_PER_DAY = 1;
const REQUESTS_PER_WEEK = 2;
export const CALLS_PER_DAY = 100;

/** How a user answers, and where that is to differ from what Meta writes. */
export interface PermissionAnswer {
	accept: boolean;
	permanent?: boolean;
	/** Merged into the element of `messages[]`. `undefined` removes a field. */
	message?: Value;
	/** Merged into its `call_permission_reply`. */
	reply?: Value;
	/** Names of fields to leave out of both. */
	omit?: string[];
}

interface PermissionRequest {
	messageId: string;
	time: number;
}

/** Call permissions, and the requests for them. */
export class Permissions {
	private readonly requests = new Map<string, PermissionRequest[]>();

	constructor(
		private readonly clock: Clock,
		private readonly webhooks: Webhooks,
		private readonly payloads: Payloads,
	) {}

	/** @param callsToday Calls of the business to this user, connected in the last 24 hours. */
	describe(number: PhoneNumber, user: WhatsAppUser | undefined, callsToday: number) {
		const now = this.clock.now();
		let status = user?.permission ?? 'no_permission';
		const expiresAt = user?.permissionExpiresAt;
		if (status === 'temporary' && expiresAt !== undefined && expiresAt <= now) {
			status = 'no_permission';
		}
		const day = user ? this.recent(number, user, DAY_MS) : [];
		const week = user ? this.recent(number, user, 7 * DAY_MS) : [];
		return {
			messaging_product: 'whatsapp',
			permission: {
				status,
				...(status === 'temporary' &&
					expiresAt !== undefined && { expiration_time: Math.floor(expiresAt / 1000) }),
			},
			actions: [
				{
					action_name: 'send_call_permission_request',
					can_perform_action:
						user !== undefined &&
						status !== 'permanent' &&
						day.length < REQUESTS_PER_DAY &&
						week.length < REQUESTS_PER_WEEK,
					limits: [
						this.limit('PT24H', REQUESTS_PER_DAY, day, DAY_MS),
						this.limit('P7D', REQUESTS_PER_WEEK, week, 7 * DAY_MS),
					],
				},
				{
					action_name: 'start_call',
					can_perform_action: status !== 'no_permission' && callsToday < CALLS_PER_DAY,
					limits: [
						{
							time_period: 'PT24H',
							max_allowed: CALLS_PER_DAY,
							current_usage: callsToday,
						},
					],
				},
			],
		};
	}

	request(number: PhoneNumber, user: WhatsAppUser, messageId: string): void {
		if (user.permission === 'permanent') throw new GraphError(138017);
		if (
			this.recent(number, user, DAY_MS).length >= REQUESTS_PER_DAY ||
			this.recent(number, user, 7 * DAY_MS).length >= REQUESTS_PER_WEEK
		) {
			throw new GraphError(138009);
		}
		const key = keyOf(number, user);
		const known = this.requests.get(key) ?? [];
		this.requests.set(key, [...known, { messageId, time: this.clock.now() }]);
	}

	/** The user answers: a webhook of field `messages`. */
	answer(number: PhoneNumber, user: WhatsAppUser, answer: PermissionAnswer): DeliveryHandle {
		const now = this.clock.now();
		openWindow(user, now);
		const expiresAt = now + TEMPORARY_MS;
		const permanent = answer.accept && (answer.permanent ?? false);
		user.permission = answer.accept ? (permanent ? 'permanent' : 'temporary') : 'no_permission';
		user.permissionExpiresAt = user.permission === 'temporary' ? expiresAt : undefined;
		const request = this.requests.get(keyOf(number, user))?.at(-1);
		const reply: Value = {
			response: answer.accept ? 'accept' : 'reject',
			...(answer.accept && { is_permanent: permanent }),
			...(user.permission === 'temporary' && { expiration_timestamp: toTimestamp(expiresAt) }),
			response_source: 'user_action',
		};
		overwrite(reply, answer.reply);
		leaveOut(reply, answer.omit);
		const value = this.payloads.message(
			user,
			{
				id: newMessageId(user.waId),
				timestamp: toTimestamp(now),
				...(request && {
					context: { from: digitsOf(number.displayPhoneNumber), id: request.messageId },
				}),
				type: 'interactive',
				interactive: { type: 'call_permission_reply', call_permission_reply: reply },
			},
			{ event: answer.message, omit: answer.omit },
		);
		return this.webhooks.deliver([{ phoneNumberId: number.id, field: 'messages', value }]);
	}

	/** The request could not be delivered: a webhook of field `messages`. */
	fail(number: PhoneNumber, user: WhatsAppUser, error: WebhookError): DeliveryHandle {
		const request = this.requests.get(keyOf(number, user))?.at(-1);
		const id = request?.messageId ?? newMessageId(user.waId);
		const value = this.payloads.failedMessage(user, id, error);
		return this.webhooks.deliver([{ phoneNumberId: number.id, field: 'messages', value }]);
	}

	private recent(number: PhoneNumber, user: WhatsAppUser, ms: number): PermissionRequest[] {
		const since = this.clock.now() - ms;
		const all = this.requests.get(keyOf(number, user)) ?? [];
		return all.filter(({ time }) => time > since);
	}

	private limit(period: string, allowed: number, used: PermissionRequest[], ms: number) {
		const first = used[0];
		return {
			time_period: period,
			max_allowed: allowed,
			current_usage: used.length,
			...(first &&
				used.length >= allowed && {
					limit_expiration_time: Math.floor((first.time + ms) / 1000),
				}),
		};
	}
}

const keyOf = (number: PhoneNumber, user: WhatsAppUser) => `${number.id} ${user.userId}`;
