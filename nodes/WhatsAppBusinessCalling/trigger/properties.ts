import type { INodeProperties, INodeTypeDescription } from 'n8n-workflow';

import { eventOptions } from '../events/eventTypes';

export const triggerProperties: INodeProperties[] = [
	{
		displayName:
			'A Meta app has one webhook URL. Publishing this workflow (called activating in older versions of n8n) sets it to this trigger. Other workflows of this n8n can share it. If another system already uses it, nothing changes, and you get an error that explains your options. <a href="https://developers.facebook.com/documentation/business-messaging/whatsapp/calling" target="_blank">How to set up calling at Meta</a>',
		name: 'registrationNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { registration: ['app'] } },
	},
	{
		displayName:
			"<ol><li>Enter a verify token below.</li><li>Publish this workflow: Meta calls its URL as soon as you save it.</li><li>In Meta's app dashboard, open WhatsApp > Configuration. Enter the Production URL (under Webhook URLs above) as the callback URL, and the same verify token.</li><li>Subscribe to the field 'calls', and for the events Call Permission Reply and Voicemail Received also to 'messages'.</li><li>The app must also receive the webhooks of your WhatsApp Business account. The action node's Setup > Check shows whether it does, and how to fix it.</li></ol>",
		name: 'manualNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { registration: ['manual'] } },
	},
	{
		displayName: 'Events',
		name: 'events',
		type: 'multiOptions',
		options: eventOptions,
		default: ['call_recording_available'],
		required: true,
		description: 'Events that start the workflow. Each event becomes one item.',
	},
	{
		displayName: 'Phone Number Names or IDs',
		name: 'phoneNumberIds',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getPhoneNumbers' },
		default: [],
		description:
			'Only calls of these business numbers start the workflow. Leave empty for all. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
		hint: 'An expression can also return phone numbers such as +1 555 010 0001',
	},
	{
		displayName: 'Download File',
		name: 'downloadFile',
		type: 'boolean',
		default: true,
		description:
			'Whether to download and verify recordings, voicemails and transcripts. If off, the item contains only the media ID; download the file with the action node within 7 days.',
	},
	{
		displayName: 'Registration',
		name: 'registration',
		type: 'options',
		default: 'app',
		description: "How the trigger's webhook URL is registered with Meta",
		options: [
			{
				name: 'App (Automatic)',
				value: 'app',
				description:
					'Publishing the workflow subscribes your Meta app to calls; unpublishing undoes it',
			},
			{
				name: 'Business Account (Automatic)',
				value: 'businessAccount',
				description:
					"Receive all events of this account, including messages, regardless of the app's webhook URL",
			},
			{
				name: 'Manual',
				value: 'manual',
				description:
					"You enter the URL and a verify token in Meta's app dashboard yourself, and subscribe the app there",
			},
			{
				name: 'Phone Number (Automatic)',
				value: 'phoneNumber',
				description:
					"Receive all events of the chosen numbers, including messages, regardless of the app's webhook URL",
			},
		],
	},
	{
		displayName: 'Verify Token',
		name: 'verifyToken',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		placeholder: 'e.g. a long random text',
		description:
			"Required. Any text of your choice. Enter the same one in Meta's app dashboard, next to the URL.",
		displayOptions: { show: { registration: ['manual'] } },
	},
	{
		displayName:
			'This trigger then receives all events of the account or numbers, including messages. A workflow with the WhatsApp Trigger no longer receives the messages of these numbers, unless you forward them below. The app itself must be subscribed to the field calls; publishing does this where it can.',
		name: 'overrideNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { registration: ['businessAccount', 'phoneNumber'] } },
	},
	{
		displayName: 'If Another Webhook Exists',
		name: 'onOtherWebhook',
		type: 'options',
		default: 'stop',
		description:
			"What to do when you publish and Meta already sends events to another URL, for example that of n8n's own WhatsApp Trigger",
		displayOptions: { show: { registration: ['app', 'businessAccount', 'phoneNumber'] } },
		options: [
			{
				name: 'Stop With an Error',
				value: 'stop',
				description: 'Change nothing, and show the URL that is in the way',
			},
			{
				name: 'Take Over and Forward',
				value: 'takeOverAndForward',
				description:
					'Forward everything that is not about calls to it, unmodified. Unpublishing restores it.',
			},
		],
	},
	{
		displayName: 'Other Webhook Verify Token',
		name: 'otherVerifyToken',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		description:
			"Required. Needed to restore the other webhook later. For n8n's own WhatsApp Trigger, it is the ID of that node: copy the node, paste it into a text editor and look for its ID.",
		displayOptions: {
			show: {
				registration: ['app', 'businessAccount', 'phoneNumber'],
				onOtherWebhook: ['takeOverAndForward'],
			},
		},
	},
	{
		displayName: 'Other Webhook URL',
		name: 'otherWebhookUrl',
		type: 'string',
		default: '',
		placeholder: 'e.g. https://crm.example.com/whatsapp',
		description:
			'URL of the other webhook. If empty, n8n uses the URL that it found at Meta, and stores it with the workflow. Enter it here to keep forwarding after an import or a restored backup.',
		displayOptions: {
			show: {
				registration: ['app', 'businessAccount', 'phoneNumber'],
				onOtherWebhook: ['takeOverAndForward'],
			},
		},
	},
	{
		displayName: 'Acknowledge',
		name: 'acknowledge',
		type: 'options',
		default: 'stored',
		description: 'When to acknowledge an event to Meta. Until then, Meta keeps delivering it.',
		options: [
			{
				name: 'When Stored',
				value: 'stored',
				description:
					'As soon as n8n has stored the execution with its file. Later errors are handled in n8n.',
			},
			{
				name: 'When Workflow Has Succeeded',
				value: 'finished',
				description:
					'Only after the whole workflow has succeeded. If it fails, Meta delivers the event again, and the workflow runs again.',
			},
		],
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: [
			{
				displayName: 'Deliveries at Once',
				name: 'maxConcurrentDeliveries',
				type: 'number',
				default: 32,
				typeOptions: { minValue: 1, maxValue: 1000 },
				description:
					'Maximum number of deliveries that this trigger handles at once in one n8n process. Ringing calls, deliveries with files, forwarded messages and all others are counted separately. Meta delivers the rest again shortly after. Each can use 20 MB of memory or more, so lower this if memory is limited.',
			},
			{
				displayName: 'Downloads at Once',
				name: 'maxConcurrentDownloads',
				type: 'number',
				default: 4,
				typeOptions: { minValue: 1, maxValue: 64 },
				description:
					'Maximum number of files that this trigger downloads at once in one n8n process, across all its deliveries',
			},
			{
				displayName: 'If File Is Unavailable',
				name: 'onFileUnavailable',
				type: 'options',
				default: 'retry',
				description:
					'What to do if a temporary error, such as a network failure, prevents the download of a file. If a file is permanently unavailable or damaged, the item always comes without it, with the reason.',
				options: [
					{
						name: 'Ask Meta to Deliver Again',
						value: 'retry',
						description:
							'Until the time under Retry For has passed, then emit the item without the file',
					},
					{
						name: 'Emit Item Without File',
						value: 'emit',
						description: 'Immediately, with the reason in the item',
					},
				],
			},
			{
				displayName: 'Include Raw Event',
				name: 'includeRawEvent',
				type: 'boolean',
				default: false,
				description:
					'Whether to add the event as Meta sent it to the item, under rawEvent, with its contacts, errors and metadata. Events that cannot be read completely always include it.',
			},
			{
				displayName: 'Max File Size (MB)',
				name: 'maxFileSize',
				type: 'number',
				default: 100,
				typeOptions: { minValue: 1 },
				description:
					'Maximum file size in MB. Larger files produce an item without a file. One hour of audio is about 11 MB.',
			},
			{
				displayName: 'Put Output File in Field',
				name: 'binaryPropertyName',
				type: 'string',
				default: 'data',
				hint: 'The name of the output binary field to put the file in',
			},
			{
				displayName: 'Retry For (Hours)',
				name: 'retryFor',
				type: 'number',
				default: 1,
				typeOptions: { minValue: 0 },
				displayOptions: { hide: { onFileUnavailable: ['emit'] } },
				description:
					'How long to ask Meta to deliver an unavailable file again, in hours since its first event. After that, the item comes without the file.',
			},
			{
				displayName: 'Time Budget (Seconds)',
				name: 'timeBudget',
				type: 'number',
				default: 15,
				typeOptions: { minValue: 1, maxValue: 60 },
				description:
					'Maximum time for one delivery in seconds, including downloads. Meta stops waiting after about 20 seconds and delivers again.',
			},
		],
	},
];

const WHERE_TO_LOOK =
	"<b>Nothing arrives?</b> Run the action node's Setup > Check with the production URL: it shows what is wrong. Otherwise, check:<br />(1) Is the workflow published, and is n8n's URL reachable from the internet over https?<br />(2) In Meta's app dashboard under WhatsApp > Configuration: does the callback URL match, and is the field <b>calls</b> subscribed?<br />(3) Is the app in Live mode, and does it receive the webhooks of your WhatsApp Business account?<br />(4) Was the call accepted or started with recording turned on, and did both sides stay on the line until after the announcement? Recordings take up to a minute after the call.";

const WHILE_BUILDING =
	"<b>While building</b>, click 'Execute step', then make a recorded WhatsApp call and hang up.";

export const triggerPanel: INodeTypeDescription['triggerPanel'] = {
	header: 'Receive a recorded WhatsApp call',
	executionsHelp: {
		inactive: `${WHILE_BUILDING} Published workflows of the same Meta app keep receiving their events. (With Registration set to Manual, set the test URL in Meta's app dashboard yourself.)<br /><br /><b>When your workflow is ready</b>, publish it: every recording then starts it through the production URL. Those executions appear in the executions list, not here.<br /><br />${WHERE_TO_LOOK}`,
		active: `${WHILE_BUILDING} The published workflow keeps receiving its events, and the test gets a copy. (With Registration set to Manual, set the test URL in Meta's app dashboard yourself.)<br /><br /><b>Your workflow is published</b>: every recording starts it. Those executions appear in the <a data-key="executions">executions list</a>, not here.<br /><br />${WHERE_TO_LOOK}`,
	},
	activationHint: {
		inactive:
			"Once you've finished building your workflow, publish it to receive every recording through the production URL.",
		active:
			'This workflow is published: recordings also start it automatically. You can find those runs under Executions.',
	},
};
