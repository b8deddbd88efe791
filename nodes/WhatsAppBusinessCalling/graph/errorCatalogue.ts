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
}

export const ERROR_CATALOGUE: ErrorEntry[] = [
	{
		codes: [138000],
		title: 'Calling is not enabled on this phone number',
		hint: 'Enable calling in WhatsApp Manager: Phone numbers, your number, Call settings. Then run the node again.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [138001],
		title: 'This person cannot be called on WhatsApp',
		hint: "They may not use WhatsApp, not have accepted its newest terms, or use a version that can't take business calls. Check the number, or reach them another way.",
		transient: false,
	},
	{
		codes: [138002],
		title: 'Too many calls at the same time on this phone number',
		hint: 'Wait for running calls to end, then start this one again.',
		transient: true,
		cause: 'rate-limited',
		refusedBeforeCalling: true,
	},
	{
		codes: [138003],
		title: 'A call with this person is already running',
		hint: 'Only one call per person is possible. Use the running call, or end it with the operation Terminate.',
		transient: false,
	},
	{
		codes: [138004],
		title: 'The call could not be connected',
		hint: 'Check that the SDP comes unchanged from your browser tab, media server or voice agent, then try again. Look at your call list first: the person may have been rung.',
		transient: true,
		cause: 'temporarily-unavailable',
	},
	{
		codes: [138005],
		title: 'Calls are being placed too fast',
		hint: 'Wait a minute, and place calls at a slower pace (node Loop Over Items with Wait).',
		transient: true,
		cause: 'rate-limited',
		refusedBeforeCalling: true,
	},
	{
		codes: [138006],
		title: 'This person has not given permission to be called',
		hint: 'Ask them first (operation Permission > Request) and wait for the event Call Permission Reply, or wait until they call you.',
		transient: false,
		// Accept was reported to give this code for "call not found": answering a call needs no permission.
		existingCall: {
			title: 'WhatsApp does not know this call any more',
			hint: 'It may have ended, or it belongs to another phone number. Take Call ID and phone number from the same event, and answer within 30 seconds of the event Call Connecting.',
		},
	},
	{
		codes: [138007],
		title: 'The call timed out while it was being connected',
		hint: 'The answer (SDP) came too late or could not be used; the call is gone. Answer within 30 seconds of the incoming-call event.',
		transient: false,
	},
	{
		codes: [138008],
		title: 'WhatsApp did not accept the SDP',
		hint: 'Pass it on unchanged from your browser tab, media server or voice agent, made for this call. WhatsApp wants one audio section with Opus, one SHA-256 fingerprint, and all ICE candidates in it. The answers of Pre-Accept and Accept must be the same text.',
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
		title: 'The daily number of calls to this person is used up',
		hint: 'The details say when the next call is possible.',
		transient: false,
		cause: 'quota-exhausted',
	},
	{
		codes: [138013],
		title: 'Calls started by businesses are not available for this phone number',
		hint: 'WhatsApp does not offer them for the country code of your business number (at the time of writing: United States, Canada, Egypt, Nigeria, Vietnam). The country of the person does not matter. Calls that people place to you still work.',
		transient: false,
	},
	{
		codes: [138014],
		title: 'Calling is paused on this phone number because of its quality',
		hint: 'People gave bad feedback or did not pick up. WhatsApp Manager says until when; call fewer people and with their consent.',
		transient: false,
		cause: 'quota-exhausted',
	},
	{
		codes: [138015],
		title: 'Calling cannot be enabled on this phone number',
		hint: 'The number needs a messaging limit of at least 2,000. WhatsApp Manager shows the limit under Phone numbers.',
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
		hint: "Activate a workflow with the WhatsApp Business Calling Trigger first, or subscribe your app to the field calls in Meta's dashboard.",
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [138019, 138020, 138021, 138022, 138023],
		title: 'The audio connection of the call failed',
		hint: 'Your side (browser tab, media server or voice agent) and WhatsApp could not exchange audio. Check that its network lets UDP through, that it sends audio as soon as the call is accepted, and that the SDP was not changed on its way. Providers in some countries block such traffic: try another network, or move the media server.',
		transient: false,
	},
	{
		codes: [131044],
		title: 'There is a payment problem on the WhatsApp Business account',
		hint: 'Check the payment method in Meta Business Suite: Billing.',
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
		hint: 'They may not use WhatsApp or use a version that is too old. Check the number, or reach them another way.',
		transient: false,
	},
	{
		codes: [131047],
		title: 'The 24-hour window for messages to this person is closed',
		hint: 'Let the person write or call first, then try again. Outside the window Meta takes message templates only; one of them can ask for the call permission.',
		transient: false,
	},
	{
		codes: [130497],
		title: 'This business number may not reach people in this country',
		hint: 'WhatsApp restricts some businesses, and test numbers, to some countries. Use a business number that may reach the country of the person.',
		transient: false,
	},
	{
		codes: [131031, 368],
		title: 'The WhatsApp Business account is locked or restricted',
		hint: 'Look into Business Support Home of your business at Meta for the reason and what to do.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [131008, 131009],
		title: 'WhatsApp did not accept a value of the request',
		hint: 'The details name the value. Correct it in the node.',
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
		hint: 'The details name what is wrong: often an ID of another account, a changed SDP or a value out of range. Correct it in the node.',
		transient: false,
		cause: 'configuration-invalid',
		existingCall: {
			hint: 'The details name what is wrong: often the call has ended or was answered already, the SDP differs from the one of the Pre-Accept, or the call belongs to another phone number.',
		},
	},
	{
		codes: [0, 190, 102],
		title: 'WhatsApp did not accept the access token',
		hint: 'The token is wrong, expired or revoked. Create a new token of a system user in Meta Business Suite: Settings > Users > System users, and put it into the credential.',
		transient: false,
		cause: 'credential-invalid',
	},
	{
		codes: [3, 10, [200, 299], 131005],
		title: 'The access token lacks a permission',
		hint: 'Give the system user the permissions whatsapp_business_messaging and whatsapp_business_management and access to this account, then create a new token.',
		transient: false,
		cause: 'credential-invalid',
	},
	{
		codes: [2500],
		title: 'Meta does not know the address of the request',
		hint: 'Check API Version in the credential: Meta may not have that version. Check Base URL, too.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [803],
		title: 'Meta does not know this ID',
		hint: 'Check the IDs in the credential: Business Account ID and App ID.',
		transient: false,
		cause: 'configuration-invalid',
	},
	{
		codes: [2200],
		title: 'Meta could not verify the webhook address',
		hint: 'Meta calls the webhook address of n8n while the workflow is being activated. It must be reachable from the internet over https with a valid certificate (see N8N_WEBHOOK_URL, earlier WEBHOOK_URL, in the documentation of n8n).',
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
		title: 'WhatsApp has stopped requests of this phone number for a while',
		hint: 'Too much of what it sent was unwanted, or it was registered too often. Wait some hours, and look into WhatsApp Manager: Phone numbers, for its quality.',
		transient: false,
		cause: 'quota-exhausted',
	},
	{
		codes: [1, 2, 131000, 131016, 131057, 133004],
		title: 'WhatsApp is unavailable at the moment',
		hint: "Try again in a few minutes. Meta's status page shows known outages.",
		transient: true,
		cause: 'temporarily-unavailable',
	},
];

/** The entry for a code of Meta's; undefined for an unknown code. */
export function errorEntry(code: number | null): ErrorEntry | undefined {
	if (code === null) return undefined;
	return ERROR_CATALOGUE.find((entry) =>
		entry.codes.some((known) =>
			typeof known === 'number' ? known === code : code >= known[0] && code <= known[1],
		),
	);
}
