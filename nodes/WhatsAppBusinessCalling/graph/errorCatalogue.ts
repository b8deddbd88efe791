import type { GraphFailure } from './types';

/** The causes that n8n's errors can declare (`failure.cause` in n8n-workflow). */
export type FailureCause =
	| 'configuration-invalid'
	| 'credential-invalid'
	| 'quota-exhausted'
	| 'rate-limited'
	| 'temporarily-unavailable';

/**
 * What Meta's error codes mean for an operator.
 *
 * Sources: Meta, "Calling API: reference" and "troubleshooting" (138xxx), "Cloud API error codes" (others).
 * Only the code is used, as Meta advises: texts and HTTP status vary.
 */
export interface ErrorEntry {
	/** A single code, or an inclusive range. */
	codes: Array<number | [number, number]>;
	title: string;
	hint: string;
	/** Whether the same request can succeed later without a change, for example with n8n's Retry On Fail. */
	transient: boolean;
	/** The cause for n8n, if one fits. None fits where the reason is on the side of the person called. */
	cause?: FailureCause;
	/** Whether the error proves that no call was placed, so that even Start can be repeated. */
	refusedBeforeCalling?: boolean;
	/** Texts for actions on an existing call (Pre-Accept, Accept, Reject, Terminate), if they differ. */
	existingCall?: { title?: string; hint: string };
	/** Texts for the voicemail settings of a number, if they differ. */
	voicemail?: { title?: string; hint: string };
}

export const ERROR_CATALOGUE: ErrorEntry[] = [
	{
		codes: [138000],
		title: 'Calling is not turned on for this phone number',
		hint: 'Turn on calling in WhatsApp Manager > Phone numbers > your number > Call settings. Then run the node again.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [138001],
		title: 'This person cannot be called on WhatsApp',
		hint: 'They may not use WhatsApp, may not have accepted its latest terms, or may use a version that does not support business calls. Check the number, or contact them another way.',
		transient: false,
	},
	{
		codes: [138002],
		title: 'Too many simultaneous calls on this phone number',
		hint: 'Wait for calls in progress to end, then start this one again.',
		transient: true,
		cause: 'rate-limited',
		refusedBeforeCalling: true,
	},
	{
		codes: [138003],
		title: 'This person is already in a call with you',
		hint: 'Only one call per person is possible at a time. Use the call in progress, or end it with the operation Terminate.',
		transient: false,
	},
	{
		codes: [138004],
		title: 'The call could not be connected',
		hint: "Check that the SDP from your browser tab, media server or voice agent reaches WhatsApp unchanged, then try again. Check your call list first: the person's phone may have rung.",
		transient: true,
		cause: 'temporarily-unavailable',
	},
	{
		codes: [138005],
		title: 'Calls are being started too fast',
		hint: 'Wait a minute, then start calls at a slower pace (use the Loop Over Items and Wait nodes).',
		transient: true,
		cause: 'rate-limited',
		refusedBeforeCalling: true,
	},
	{
		codes: [138006],
		title: 'This person has not given permission to be called',
		hint: 'Ask for permission first (operation Permission > Request) and wait for the event Call Permission Reply, or wait until the person calls you.',
		transient: false,
		// Accept was reported to give this code for "call not found": answering a call needs no permission.
		existingCall: {
			title: 'This call no longer exists',
			hint: 'It may have ended, or it belongs to another phone number. Take the call ID and the phone number from the same event, and answer within 30 seconds of the event Call Connecting.',
		},
	},
	{
		codes: [138007],
		title: 'The call timed out while connecting',
		hint: 'The SDP answer came too late or could not be used, and the call has ended. Answer within 30 seconds of the event Call Connecting.',
		transient: false,
	},
	{
		codes: [138008],
		title: 'WhatsApp did not accept the SDP',
		hint: 'Pass on the SDP that your browser tab, media server or voice agent made for this call, unchanged. WhatsApp requires one audio section with Opus, one SHA-256 fingerprint, and all ICE candidates. Pre-Accept and Accept must send the same answer.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [138009],
		title: 'Too many call permission requests to this person',
		hint: 'WhatsApp allows one request in 24 hours and two in 7 days. Wait, or let the person call you.',
		transient: false,
		cause: 'quota-exhausted',
	},
	{
		codes: [138012],
		title: 'You have reached the daily limit of calls to this person',
		hint: 'Wait until the time in the details: then the next call is possible.',
		transient: false,
		cause: 'quota-exhausted',
	},
	{
		codes: [138013],
		title: 'This phone number cannot start calls',
		hint: "WhatsApp does not let businesses start calls from numbers with this country code (at the time of writing: United States, Canada, Egypt, Nigeria, Vietnam). The person's country does not matter. Incoming calls still work: invite people to call you (operations Call Button > Send and Call Button > Get Link).",
		transient: false,
	},
	{
		codes: [138014],
		title: 'Calling is paused for this phone number because of its quality',
		hint: 'People gave negative feedback or did not answer. WhatsApp Manager shows when the pause ends. Call fewer people, and only with their consent.',
		transient: false,
		cause: 'quota-exhausted',
	},
	{
		codes: [138015],
		title: 'Calling cannot be turned on for this phone number',
		hint: 'Raise the messaging limit of the number to at least 2,000: verify the business in Meta Business Suite, or send more messages of good quality. WhatsApp Manager shows the limit under Phone numbers.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [138017],
		title: 'This person has already given permanent permission to be called',
		hint: 'No request is needed: start the call.',
		transient: false,
	},
	{
		codes: [138018],
		title: 'Calling cannot be used yet: no webhook for calls',
		hint: "Publish a workflow with the WhatsApp Business Calling Trigger first, or subscribe your app to the field calls in Meta's app dashboard.",
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [138019, 138020, 138021, 138022, 138023],
		title: 'The audio connection of the call failed',
		hint: 'WhatsApp and your side of the call (browser tab, media server or voice agent) could not exchange audio. Check that your network allows UDP, that your side sends audio as soon as the call is accepted, and that nothing changes the SDP on the way. Providers in some countries block this traffic: try another network, or move the media server.',
		transient: false,
	},
	{
		codes: [131044],
		title: 'Meta cannot charge the WhatsApp Business account',
		hint: 'Check the payment method in Meta Business Suite > Billing.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [131055],
		title: 'This phone number is set up for SIP',
		hint: "A number can use either SIP or this API. Turn SIP off where it was turned on (calling.sip.status in Meta's call settings API), or use another number.",
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [131030],
		title: 'A test number can only reach numbers on its list',
		hint: "Add the person's number under WhatsApp > API Setup in Meta's app dashboard, or use a real business number.",
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [131026],
		title: 'The message could not be delivered to this person',
		hint: 'They may not use WhatsApp, or may use a version that is too old. Check the number, or contact them another way.',
		transient: false,
	},
	{
		codes: [131047],
		title: 'The 24-hour window for messages to this person is closed',
		hint: 'Wait until the person writes to you or calls you, then try again. Outside the window, WhatsApp accepts only message templates: to ask for call permission, set Send As to Template in Permission > Request.',
		transient: false,
	},
	{
		codes: [132001],
		title: 'There is no such message template in this language',
		hint: 'Copy the name and the language code from WhatsApp Manager > Message templates. The template must be approved, and belong to the account of this number.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [132000, 132012, 132018],
		title: 'The parameters do not fit the message template',
		hint: 'Enter one parameter for each placeholder of the template, in the same order. Placeholders with a name need that name. A value must not contain line breaks, tabs or more than 4 spaces in a row.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [132015, 132016],
		title: 'WhatsApp has paused or disabled this message template',
		hint: 'Too many people gave negative feedback on it. Use another template, or see WhatsApp Manager > Message templates.',
		transient: false,
		cause: 'quota-exhausted',
	},
	{
		codes: [130497],
		title: 'This business number cannot contact people in this country',
		hint: "WhatsApp restricts some businesses, and test numbers, to some countries. Use a business number that can contact people in the person's country.",
		transient: false,
	},
	{
		codes: [131031, 368],
		title: 'The WhatsApp Business account is locked or restricted',
		hint: 'See Meta Business Support Home for the reason and next steps.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [131008, 131009],
		title: 'WhatsApp did not accept a value in the request',
		hint: 'The details name the value. Correct it in the node. For a call button, it can also mean that WhatsApp does not offer call buttons in the country of your number.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [33],
		title: 'The phone number no longer exists on this account',
		hint: 'Choose another phone number from the list.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [100],
		title: 'WhatsApp did not accept the request',
		hint: 'The details state what is wrong: often an ID from another account, a changed SDP or a value out of range. Correct it in the node.',
		transient: false,
		cause: 'configuration-invalid',
		existingCall: {
			title: 'WhatsApp did not accept the action on this call',
			hint: 'The call may be over, answered already or not a call of this phone number: take the call ID and the phone number from the same event, and answer within 30 seconds of the event Call Connecting. Pre-Accept and Accept must send the same SDP. The details state what is wrong.',
		},
		voicemail: {
			title: 'WhatsApp did not accept the voicemail settings',
			hint: 'The details state what is wrong. If they say that voicemail is unknown or not available, this account has no access to it yet: ask for it in the app dashboard, or ask Meta support or your partner.',
		},
	},
	{
		codes: [0, 190, 102],
		title: 'WhatsApp did not accept the access token',
		hint: 'The token is wrong, expired or revoked. Generate a new token for a system user in Meta Business Suite > Settings > Users > System users, and put it into the credential.',
		transient: false,
		cause: 'credential-invalid',
	},
	{
		codes: [3, 10, [200, 299], 131005],
		title: 'The access token lacks a permission',
		hint: 'Give the system user the permissions whatsapp_business_messaging and whatsapp_business_management, and access to this account. Then generate a new token.',
		transient: false,
		cause: 'credential-invalid',
		voicemail: {
			title: 'WhatsApp does not allow this account to use voicemail',
			hint: 'If Setup > Check finds nothing wrong with the token, this account has no access to voicemail yet: ask for it in the app dashboard, or ask Meta support or your partner.',
		},
	},
	{
		codes: [2500],
		title: 'Meta does not recognize the URL of the request',
		hint: 'Check API Version in the credential: Meta may not have that version. Check Base URL too.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [803],
		title: 'Meta does not recognize this ID',
		hint: 'Check the IDs in the credential: WhatsApp Business Account ID and App ID.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [2200],
		title: 'Meta could not verify the webhook URL',
		hint: "Meta calls n8n's webhook URL while the workflow is being published. It must be reachable from the internet over https with a valid certificate (see N8N_WEBHOOK_URL, earlier WEBHOOK_URL, in n8n's documentation).",
		// The process that responds may still be starting.
		transient: true,
		cause: 'configuration-invalid',
	},
	{
		codes: [4, 613, 80007, 130429, 131056],
		title: 'Too many requests to WhatsApp',
		hint: 'Wait a few minutes, then run the node again at a slower pace.',
		transient: true,
		cause: 'rate-limited',
		refusedBeforeCalling: true,
	},
	{
		codes: [131048, 133016],
		title: 'WhatsApp has temporarily blocked requests from this phone number',
		hint: 'Too many of its messages were blocked or reported, or it was registered too often. Wait a few hours, and check its quality rating in WhatsApp Manager > Phone numbers.',
		transient: false,
		cause: 'quota-exhausted',
	},
	{
		codes: [1, 2, 131000, 131016, 131057, 133004],
		title: 'WhatsApp is temporarily unavailable',
		hint: "Try again in a few minutes. Meta's status page shows known outages.",
		transient: true,
		cause: 'temporarily-unavailable',
	},
];

const FROM_SETTINGS =
	"Copy both from Meta's app dashboard (App settings > Basic) into the credential.";

/** Where a code has another meaning, because of what the request was signed with. */
export const REFUSED: Record<NonNullable<GraphFailure['refused']>, ErrorEntry> = {
	app: {
		codes: [101, 190],
		title: 'Meta did not accept the App ID and App Secret',
		hint: `${FROM_SETTINGS} The access token is not the cause.`,
		transient: false,
		cause: 'credential-invalid',
	},
	appSecret: {
		codes: [100],
		title: 'Meta did not accept the App Secret for this access token',
		hint: `${FROM_SETTINGS} They must be those of the app for which the access token was generated.`,
		transient: false,
		cause: 'credential-invalid',
	},
};

/** Code 100 with the subcode 33: Meta does not say which of the two it is. */
export const UNKNOWN_ID: ErrorEntry = {
	codes: [100],
	title: 'Meta does not know this ID, or the access token cannot use it',
	hint: 'Check WhatsApp Business Account ID and App ID in the credential, and the phone number in the node. Give the system user of the access token access to that account.',
	transient: false,
	cause: 'configuration-invalid',
};

/** The entry for a failure; undefined for an unknown code. */
export function entryOf({ refused, code, subcode }: GraphFailure): ErrorEntry | undefined {
	if (refused !== null) return REFUSED[refused];
	return code === 100 && subcode === 33 ? UNKNOWN_ID : errorEntry(code);
}

/** The entry for a code of Meta's; undefined for an unknown code. */
export function errorEntry(code: number | null): ErrorEntry | undefined {
	if (code === null) return undefined;
	return ERROR_CATALOGUE.find((entry) =>
		entry.codes.some((known) =>
			typeof known === 'number' ? known === code : code >= known[0] && code <= known[1],
		),
	);
}
