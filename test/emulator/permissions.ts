import { digitsOf, type PhoneNumber, type WhatsAppUser } from './account';
import { isObject } from './callRequest';
import { toTimestamp, type Clock } from './clock';
import { checkCallHours } from './callHours';
import { GraphError, invalidParameter } from './errors';
import { newMessageId } from './ids';
import type { DeliveryHandle } from './types';
import type { Webhooks } from './webhooks';

const DAY_MS = 24 * 60 * 60_000;
/** Meta, "User call permissions". */
const TEMPORARY_MS = 7 * DAY_MS;
const REQUESTS_PER_DAY = 1;
const REQUESTS_PER_WEEK = 2;
export const CALLS_PER_DAY = 100;

/** Keys of `calling` (Meta, "Call settings"). */
const SETTINGS = new Set([
	'status',
	'call_icon_visibility',
	'call_icons',
	'call_hours',
	'callback_permission_status',
	'srtp_key_exchange_protocol',
	'audio',
	'sip',
	'voicemail',
]);

interface PermissionRequest {
	messageId: string;
	time: number;
}

/** Call permissions and calling settings of numbers. */
export class Permissions {
	private readonly requests = new Map<string, PermissionRequest[]>();
	private readonly settings = new Map<string, Record<string, unknown>>();

	constructor(
		private readonly clock: Clock,
		private readonly webhooks: Webhooks,
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
	answer(
		number: PhoneNumber,
		user: WhatsAppUser,
		answer: { accept: boolean; permanent?: boolean },
	): DeliveryHandle {
		const now = this.clock.now();
		const expiresAt = now + TEMPORARY_MS;
		const permanent = answer.accept && (answer.permanent ?? false);
		user.permission = answer.accept ? (permanent ? 'permanent' : 'temporary') : 'no_permission';
		user.permissionExpiresAt = user.permission === 'temporary' ? expiresAt : undefined;
		const request = this.requests.get(keyOf(number, user))?.at(-1);
		return this.webhooks.deliver([
			{
				phoneNumberId: number.id,
				field: 'messages',
				value: {
					contacts: [{ profile: { name: user.name }, wa_id: user.waId, user_id: user.userId }],
					messages: [
						{
							from: user.waId,
							from_user_id: user.userId,
							id: newMessageId(user.waId),
							timestamp: toTimestamp(now),
							...(request && {
								context: {
									from: digitsOf(number.displayPhoneNumber),
									id: request.messageId,
								},
							}),
							type: 'interactive',
							interactive: {
								type: 'call_permission_reply',
								call_permission_reply: {
									response: answer.accept ? 'accept' : 'reject',
									...(answer.accept && { is_permanent: permanent }),
									...(user.permission === 'temporary' && {
										expiration_timestamp: toTimestamp(expiresAt),
									}),
									response_source: 'user_action',
								},
							},
						},
					],
				},
			},
		]);
	}

	callingSettings(number: PhoneNumber): Record<string, unknown> {
		return {
			call_icon_visibility: 'DEFAULT',
			callback_permission_status: 'DISABLED',
			...this.settings.get(number.id),
			status: number.callingEnabled ? 'ENABLED' : 'DISABLED',
			...(number.sipEnabled && { sip: { status: 'ENABLED' } }),
			...(number.restrictions && {
				restrictions: {
					restrictions_list: number.restrictions.map(({ type, reason, expiresAt }) => ({
						type,
						reason,
						expiration: Math.floor(expiresAt / 1000),
					})),
				},
			}),
		};
	}

	/** Meta, "Call settings". */
	changeSettings(
		number: PhoneNumber,
		calling: Record<string, unknown>,
		subscribedToCalls: boolean,
	): void {
		const unknown = Object.keys(calling).filter((name) => !SETTINGS.has(name));
		if (unknown.length > 0) throw invalidParameter(`calling.${unknown[0]} is not a setting`);
		if (Object.keys(calling).length === 0) throw invalidParameter('calling is empty');
		if (calling.call_hours !== undefined) checkCallHours(calling.call_hours);
		checkChoice(calling, 'status', ['ENABLED', 'DISABLED']);
		checkChoice(calling, 'call_icon_visibility', ['DEFAULT', 'DISABLE_ALL']);
		checkChoice(calling, 'callback_permission_status', ['ENABLED', 'DISABLED']);
		checkChoice(calling, 'srtp_key_exchange_protocol', ['DTLS', 'SDES']);
		const { sip } = calling;
		if (sip !== undefined) {
			if (!isObject(sip)) throw invalidParameter('calling.sip must be an object');
			checkChoice(sip, 'status', ['ENABLED', 'DISABLED']);
		}
		const sipEnabled =
			isObject(sip) && sip.status !== undefined ? sip.status === 'ENABLED' : number.sipEnabled;
		if (calling.status === 'ENABLED' && !subscribedToCalls && !sipEnabled) {
			throw new GraphError(138018, {
				details: 'No app with the webhook field calls is subscribed to the account',
			});
		}
		this.settings.set(number.id, { ...this.settings.get(number.id), ...calling });
		number.sipEnabled = sipEnabled;
		if (calling.status !== undefined) number.callingEnabled = calling.status === 'ENABLED';
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

function checkChoice(object: Record<string, unknown>, name: string, allowed: string[]): void {
	const value = object[name];
	if (value !== undefined && !allowed.includes(value as string)) {
		throw invalidParameter(`calling.${name} must be one of ${allowed.join(', ')}`);
	}
}
