import { z } from 'zod';
import type { PhoneNumber } from './account';
import { isObject } from './callRequest';
import { checkCallHours } from './callHours';
import type { Clock } from './clock';
import { GraphError, invalidParameter, missingField } from './errors';
import type { MediaStore } from './media';
import { ANNOUNCEMENT_USE_CASE } from './upload';
import type { Variants } from './variants';

/** Messaging limits below the 2,000 that calling needs (Meta, overview of the Calling API). */
const TOO_LOW = ['TIER_50', 'TIER_250', 'TIER_1K', 'TIER_NOT_SET'];

const MAX_URI_PARAMETER = 128;
const MAX_VOICEMAIL_TIMEOUT = 30;

const onOff = z.enum(['ENABLED', 'DISABLED']);
const country = z.string().regex(/^[A-Z]{2}$/, 'must be a country code of two capital letters');
const uriParameter = z.string().min(1).max(MAX_URI_PARAMETER);

const server = z
	.object({
		hostname: z.string().trim().min(1),
		port: z.number().int().min(1).max(65_535).optional(),
		request_uri_user_params: z.record(uriParameter, uriParameter).optional(),
	})
	.strict();

const voicemail = z
	.object({
		status: onOff,
		triggers: z
			.array(z.enum(['REJECT', 'TIMEOUT']))
			.min(1)
			.refine((names) => new Set(names).size === names.length, 'names one twice')
			.optional(),
		audio: z
			.object({
				default: z
					.object({
						// A number in Meta's sample, a string in clients: it may be beyond the safe integers.
						announcement_media_id: z
							.union([z.number().int(), z.string().regex(/^\d+$/)])
							.optional(),
						timeout_seconds: z.number().int().min(0).max(MAX_VOICEMAIL_TIMEOUT).optional(),
					})
					.strict(),
			})
			.strict()
			.optional(),
	})
	.strict()
	.superRefine(({ status, triggers, audio }, context) => {
		if (status === 'DISABLED') return;
		const missing = (...path: string[]) =>
			context.addIssue({ code: 'custom', path, message: 'Required' });
		if (!triggers) missing('triggers');
		if (!audio) missing('audio');
		else if (triggers?.includes('TIMEOUT') && audio.default.timeout_seconds === undefined) {
			missing('audio', 'default', 'timeout_seconds');
		}
	});

/** What may be set (Meta, "Call settings" and "SIP"). `call_hours` has a check of its own. */
const calling = z
	.object({
		status: onOff,
		call_icon_visibility: z.enum(['DEFAULT', 'DISABLE_ALL']),
		call_icons: z.object({ restrict_to_user_countries: z.array(country) }).strict(),
		call_hours: z.record(z.unknown()),
		callback_permission_status: onOff,
		srtp_key_exchange_protocol: z.enum(['DTLS', 'SDES']),
		audio: z.object({ additional_codecs: z.array(z.enum(['PCMA', 'PCMU'])) }).strict(),
		// One server per number and app, though it is a list.
		sip: z
			.object({ status: onOff, webhook_delivery: onOff, servers: z.array(server).max(1) })
			.partial()
			.strict(),
		voicemail,
	})
	.partial()
	.strict();

/** Settings of a number; those beside `calling` are not about calls ("Phone numbers", "Local storage"). */
const settings = z
	.object({
		calling,
		user_identity_change: z.object({ enable_identity_key_check: z.boolean() }).strict(),
		storage_configuration: z
			.object({
				status: z.enum([
					'DEFAULT',
					'IN_COUNTRY_STORAGE_ENABLED',
					'IN_COUNTRY_STORAGE_DISABLED',
					'NO_STORAGE_ENABLED',
				]),
				data_localization_region: country.optional(),
			})
			.strict(),
	})
	.partial()
	.strict();

type Calling = z.infer<typeof calling>;
type Voicemail = z.infer<typeof voicemail>;

interface Kept {
	calling: Calling;
	beside: Record<string, unknown>;
}

/** `GET` and `POST /<PHONE_NUMBER_ID>/settings`. */
export class CallSettings {
	private readonly kept = new Map<string, Kept>();

	constructor(
		private readonly clock: Clock,
		private readonly variants: Variants,
		private readonly media: MediaStore,
		private readonly appId: string,
	) {}

	/**
	 * When a call that nobody has taken is answered by voicemail (Meta, "Call settings"); null where it
	 * is not. The timeout counts from the ringing.
	 */
	voicemailOf(number: PhoneNumber): { onReject: boolean; timeoutMs: number | null } | null {
		const { voicemail } = this.of(number).calling;
		if (voicemail?.status !== 'ENABLED' || !number.callingEnabled) return null;
		const seconds = voicemail.triggers?.includes('TIMEOUT')
			? voicemail.audio?.default.timeout_seconds
			: undefined;
		return {
			onReject: voicemail.triggers?.includes('REJECT') ?? false,
			timeoutMs: seconds === undefined ? null : seconds * 1000,
		};
	}

	describe(number: PhoneNumber, withSipCredentials: boolean): Record<string, unknown> {
		const { calling, beside } = this.of(number);
		const { calling: shownCalling, ...shownBeside } = number.shownSettings ?? {};
		const sip = this.sip(number, calling.sip?.servers, withSipCredentials);
		return {
			calling: {
				call_icon_visibility: 'DEFAULT',
				callback_permission_status: 'DISABLED',
				...calling,
				status: number.callingEnabled ? 'ENABLED' : 'DISABLED',
				...((number.sipEnabled || calling.sip) && { sip: { ...calling.sip, ...sip } }),
				...(number.restrictions && {
					restrictions: {
						restrictions_list: number.restrictions.map(({ type, reason, expiresAt }) => ({
							type,
							reason,
							expiration: Math.floor(expiresAt / 1000),
						})),
					},
				}),
				...shownCalling,
			},
			storage_configuration: { status: 'DEFAULT' },
			...beside,
			...shownBeside,
		};
	}

	/** Only what is named changes, but each of it as a whole. */
	change(number: PhoneNumber, body: unknown, subscribedToCalls: boolean): void {
		const { calling: wanted, ...beside } = parse(body);
		if (wanted?.call_hours !== undefined) {
			checkCallHours(wanted.call_hours, this.variants.callHoursChecks, this.clock.now());
		}
		if (wanted?.voicemail) this.checkVoicemail(number, wanted.voicemail);
		const kept = this.of(number);
		const sipEnabled = wanted?.sip?.status ? wanted.sip.status === 'ENABLED' : number.sipEnabled;
		if (wanted?.status === 'ENABLED') {
			if (!subscribedToCalls && !sipEnabled) {
				throw new GraphError(138018, {
					details: 'No app with the webhook field calls is subscribed to the account',
				});
			}
			if (TOO_LOW.includes(number.messagingLimit ?? '')) {
				throw new GraphError(138015, {
					details: `The messaging limit is ${number.messagingLimit}; calling needs at least 2,000`,
				});
			}
		}
		this.kept.set(number.id, {
			calling: {
				...kept.calling,
				...wanted,
				...(wanted?.sip && { sip: { ...kept.calling.sip, ...wanted.sip } }),
			},
			beside: { ...kept.beside, ...beside },
		});
		number.sipEnabled = sipEnabled;
		if (wanted?.status !== undefined) number.callingEnabled = wanted.status === 'ENABLED';
	}

	private checkVoicemail(number: PhoneNumber, { status, audio }: Voicemail): void {
		const place = 'calling.voicemail';
		if (this.variants.voicemailAccess === 'none') {
			// As for any field that an account does not have.
			throw new GraphError(100, { message: `(#100) ${place} is not a setting` });
		}
		if (status === 'DISABLED' || !audio) return;
		const id = audio.default.announcement_media_id;
		if (id === undefined) {
			if (this.variants.voicemailAnnouncement === 'optional') return;
			throw missingField('announcement_media_id', `${place}.audio.default`);
		}
		const media = this.media.get(String(id));
		if (media?.useCase !== ANNOUNCEMENT_USE_CASE || media.phoneNumberId !== number.id) {
			throw invalidParameter(
				`${place}.audio.default.announcement_media_id is not an announcement of this number`,
			);
		}
	}

	private of(number: PhoneNumber): Kept {
		return this.kept.get(number.id) ?? { calling: {}, beside: {} };
	}

	private sip(
		number: PhoneNumber,
		servers: Array<z.infer<typeof server>> | undefined,
		withCredentials: boolean,
	) {
		return {
			status: number.sipEnabled ? 'ENABLED' : 'DISABLED',
			...(servers && {
				servers: servers.map((one) => ({
					...one,
					app_id: this.appId,
					...(withCredentials && { sip_user_password: 'EMULATOR-sip-password-not-a-secret' }),
				})),
			}),
		};
	}
}

function parse(body: unknown): z.infer<typeof settings> {
	if (!isObject(body)) throw invalidParameter('The request body must be a JSON object');
	const result = settings.safeParse(body);
	if (!result.success) throw errorOf(result.error.issues[0]);
	if (Object.keys(body).length === 0) throw missingField('calling');
	for (const [name, part] of Object.entries(body)) {
		if (isObject(part) && Object.keys(part).length === 0) {
			throw invalidParameter(`${name} is empty`);
		}
	}
	return result.data;
}

function errorOf(issue: z.ZodIssue | undefined): GraphError {
	const place = issue?.path.join('.') ?? '';
	if (issue?.code === 'unrecognized_keys') {
		const name = [...issue.path, issue.keys[0]].join('.');
		return new GraphError(100, { message: `(#100) ${name} is not a setting` });
	}
	if (issue?.message === 'Required') {
		const names = [...issue.path];
		const field = String(names.pop());
		return missingField(field, names.join('.') || undefined);
	}
	if (issue?.code === 'invalid_enum_value') {
		return invalidParameter(`${place} must be one of ${issue.options.join(', ')}`);
	}
	return invalidParameter(`${place}: ${issue?.message ?? 'Invalid'}`);
}
