export interface PhoneNumber {
	id: string;
	/** With country code and spaces, as the phone number listing shows it. */
	displayPhoneNumber: string;
	verifiedName: string;
	callingEnabled: boolean;
	/** SIP and the Graph API exclude each other. */
	sipEnabled: boolean;
	qualityRating: 'GREEN' | 'YELLOW' | 'RED' | 'UNKNOWN';
	/** What Meta has forbidden the number for a while; shown in its call settings. */
	restrictions?: Restriction[];
	/** `TIER_250`, `TIER_2K` and so on. Calling needs at least 2,000; left out: not shown. */
	messagingLimit?: string;
	/** `AVAILABLE`, `LIMITED` or `BLOCKED`, of `health_status`. */
	canSendMessage?: string;
	/**
	 * What `GET settings` shows although it cannot be set by POST, e.g. `payload_encryption`, and
	 * below `calling` e.g. `ip_addresses` and `video`.
	 */
	shownSettings?: { calling?: Record<string, unknown>; [name: string]: unknown };
}

export interface Restriction {
	type: 'RESTRICTED_BUSINESS_INITIATED_CALLING' | 'RESTRICTED_USER_INITIATED_CALLING';
	reason: string;
	/** Unix milliseconds. */
	expiresAt: number;
}

export type PermissionStatus = 'no_permission' | 'temporary' | 'permanent';

/** A person with WhatsApp who can call the business, or be called by it. */
export interface WhatsAppUser {
	/** Phone number, digits only. */
	waId: string;
	/** Business-scoped user ID. */
	userId: string;
	/** Only for businesses that take part in parent IDs. */
	parentUserId?: string;
	name: string;
	username?: string;
	/**
	 * How webhooks show the phone number. A user with a username may hide it: the field is then
	 * left out, or an empty string (Meta, "Business-scoped user IDs").
	 */
	phoneShown: 'shown' | 'omitted' | 'empty';
	permission: PermissionStatus;
	/** Unix milliseconds at which a temporary permission ends. */
	permissionExpiresAt?: number;
	/**
	 * Unix milliseconds at which the 24 hours end in which the business may write what it likes; left
	 * out: they do not end.
	 */
	windowClosesAt?: number;
}

/** An approved message template; Meta, "Templates". */
export interface MessageTemplate {
	name: string;
	language: string;
	status: 'APPROVED' | 'PAUSED' | 'DISABLED';
	/** Whether it has the component `call_permission_request`. */
	asksForCalls: boolean;
	/** Placeholders: numbers (`1`, `2`), or names where the template's format is named. */
	header: string[];
	body: string[];
}

export interface Account {
	accessToken: string;
	/** Permissions of the access token; requests that need another one get code 200. */
	tokenScopes: string[];
	/** Unix milliseconds; left out: the token does not expire. */
	tokenExpiresAt?: number;
	appId: string;
	appName: string;
	appSecret: string;
	/** The app's setting "Require app secret": requests need an `appsecret_proof`. */
	requiresAppSecret?: boolean;
	businessAccountId: string;
	businessAccountName: string;
	/** The account's means of payment; left out: it has none. */
	primaryFundingId?: string;
	phoneNumbers: PhoneNumber[];
	users: WhatsAppUser[];
	templates: MessageTemplate[];
}

/** Obviously made up, but of the right form. Docs and the demo quote these values. */
export function defaultAccount(): Account {
	return {
		accessToken: 'EMULATOR-access-token-not-a-secret',
		tokenScopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
		appId: '670000000000001',
		appName: 'Emulated App',
		appSecret: '0123456789abcdef0123456789abcdef',
		businessAccountId: '102000000000001',
		businessAccountName: 'Emulated Business',
		primaryFundingId: '512000000000001',
		phoneNumbers: [
			{
				id: '106000000000001',
				displayPhoneNumber: '+44 20 7946 0958',
				verifiedName: 'Emulated Support',
				callingEnabled: true,
				sipEnabled: false,
				qualityRating: 'GREEN',
				messagingLimit: 'TIER_2K',
			},
			{
				id: '106000000000002',
				displayPhoneNumber: '+44 131 496 0321',
				verifiedName: 'Emulated Sales',
				callingEnabled: true,
				sipEnabled: false,
				qualityRating: 'GREEN',
				messagingLimit: 'TIER_2K',
			},
			{
				id: '106000000000003',
				displayPhoneNumber: '+44 29 2018 0456',
				verifiedName: 'Emulated Office (calling off)',
				callingEnabled: false,
				sipEnabled: false,
				qualityRating: 'YELLOW',
				messagingLimit: 'TIER_2K',
			},
			{
				id: '106000000000004',
				displayPhoneNumber: '+44 28 9649 6789',
				verifiedName: 'Emulated Exchange (SIP)',
				callingEnabled: true,
				sipEnabled: true,
				qualityRating: 'UNKNOWN',
				messagingLimit: 'TIER_2K',
			},
		],
		users: [
			{
				waId: '14085551234',
				userId: 'US.13491208655302741918',
				parentUserId: 'US.ENT.11815799212886844830',
				name: 'Ana Söderström',
				phoneShown: 'shown',
				permission: 'permanent',
			},
			{
				waId: '14085555678',
				userId: 'US.20762481193605518247',
				name: 'Ben Ortiz',
				phoneShown: 'shown',
				permission: 'no_permission',
			},
			{
				waId: '447700900123',
				userId: 'GB.94640118273650027741',
				name: 'Chloé',
				username: 'chloe.calls',
				phoneShown: 'omitted',
				permission: 'permanent',
			},
		],
		templates: [
			template('call_permission', { body: ['1', '2'] }),
			template('call_permission_named', { header: ['order'], body: ['first_name'] }),
			template('call_permission_plain'),
			template('call_permission_paused', { status: 'PAUSED' }),
			template('order_update', { asksForCalls: false }),
		],
	};
}

const template = (name: string, more: Partial<MessageTemplate> = {}): MessageTemplate => ({
	name,
	language: 'en_US',
	status: 'APPROVED',
	asksForCalls: true,
	header: [],
	body: [],
	...more,
});

const WINDOW_MS = 24 * 60 * 60_000;

/** What a user does opens the window again (Meta, "Send messages", customer service windows). */
export function openWindow(user: WhatsAppUser, now: number): void {
	if (user.windowClosesAt !== undefined) user.windowClosesAt = now + WINDOW_MS;
}

/** A field with the user's phone number, as far as webhooks show it. */
export function phoneOf<Name extends string>(name: Name, user: WhatsAppUser) {
	if (user.phoneShown === 'omitted') return {};
	return { [name]: user.phoneShown === 'empty' ? '' : user.waId };
}

export const digitsOf = (displayPhoneNumber: string) => displayPhoneNumber.replace(/\D/g, '');
