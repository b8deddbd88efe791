import type { INodeProperties, INodeTypeDescription } from 'n8n-workflow';

import { eventOptions } from './events';

export const triggerProperties: INodeProperties[] = [
	{
		displayName:
			'A Meta app has one webhook address. Publishing (activating) this workflow points it here. If another system uses the address, nothing is changed and you get an error that says what to do. <a href="https://developers.facebook.com/documentation/business-messaging/whatsapp/calling" target="_blank">How to set up calling at Meta</a>',
		name: 'registrationNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { registration: ['app'] } },
	},
	{
		displayName:
			"In Meta's app dashboard, open WhatsApp > Configuration. <ul><li>Callback URL: the Production URL under Webhook URLs above.</li><li>Verify token: the one below.</li><li>Subscribe to the field 'calls'; for the event Call Permission Reply to 'messages', too.</li><li>Do it while this workflow is published (active): Meta calls the URL at once.</li><li>The app must also get the webhooks of your WhatsApp Business account. The action node's Setup > Check says whether it does, and how to mend it.</li></ul>",
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
		description: 'What starts the workflow; each event is one item',
	},
	{
		displayName: 'Phone Number Names or IDs',
		name: 'phoneNumberIds',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getPhoneNumbers' },
		default: [],
		description:
			'Only calls of these business numbers start the workflow; leave empty for all. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
		hint: 'An expression may also give phone numbers such as +1 555 010 0001',
	},
	{
		displayName: 'Download File',
		name: 'downloadFile',
		type: 'boolean',
		default: true,
		description:
			'Whether to download and verify recordings and transcripts. Switched off, the item holds the media ID only, and the action node can download the file within 7 days.',
	},
	{
		displayName: 'Registration',
		name: 'registration',
		type: 'options',
		default: 'app',
		description: 'How Meta learns the address of this trigger',
		options: [
			{
				name: 'App (Automatic)',
				value: 'app',
				description:
					'Publishing the workflow subscribes your Meta app to calls, unpublishing undoes it',
			},
			{
				name: 'Business Account (Automatic)',
				value: 'businessAccount',
				description:
					'Events of the whole account come here, its messages too, whatever address the app has',
			},
			{
				name: 'Manual',
				value: 'manual',
				description:
					"You type the URL and a verify token into Meta's app dashboard yourself, and subscribe the app there",
			},
			{
				name: 'Phone Number (Automatic)',
				value: 'phoneNumber',
				description:
					'Events of the chosen numbers come here, their messages too, whatever address the app has',
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
			'Required. Any text of your choice: type the same one into the dashboard next to the URL.',
		displayOptions: { show: { registration: ['manual'] } },
	},
	{
		displayName:
			'An address of the account or of a number takes over all its events, messages included: a workflow with the WhatsApp Trigger no longer gets the messages of these numbers, unless they are forwarded below. The app itself must be subscribed to the field calls; activating sees to that where it can.',
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
			"What to do on activation when Meta already sends to another address, for example that of n8n's own WhatsApp Trigger",
		displayOptions: { show: { registration: ['app', 'businessAccount', 'phoneNumber'] } },
		options: [
			{
				name: 'Stop With an Error',
				value: 'stop',
				description: 'Change nothing, and say which address is in the way',
			},
			{
				name: 'Take Over and Forward',
				value: 'takeOverAndForward',
				description:
					'Hand on to it, unchanged, what is not about calls. Unpublishing puts it back.',
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
			"Required. Needed to put the other address back later. For n8n's own WhatsApp Trigger it is the ID of that node: copy the node, paste it into a text editor and look for its ID.",
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
			'Address of the other webhook. If empty, n8n uses the address that it found at Meta and stores it with the workflow. Enter it here to keep forwarding after an import or a restored backup.',
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
		description:
			'When Meta is told that an event has arrived. Until then Meta delivers it again and again.',
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
					'Only after the whole workflow has succeeded. If it fails, Meta delivers again and it runs again.',
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
					'How many deliveries this trigger works on at the same time in one n8n process. Calls that ring, deliveries with files, forwarded messages and all others are counted separately. Meta delivers the rest again a little later. Each can take 20 MB of memory or more: lower this if n8n has little memory.',
			},
			{
				displayName: 'Downloads at Once',
				name: 'maxConcurrentDownloads',
				type: 'number',
				default: 4,
				typeOptions: { minValue: 1, maxValue: 64 },
				description:
					'How many files this trigger downloads at the same time in one n8n process, over all its deliveries',
			},
			{
				displayName: 'If File Is Unavailable',
				name: 'onFileUnavailable',
				type: 'options',
				default: 'retry',
				description:
					'What to do when a file cannot be fetched for a reason that may pass, such as a network that is down. A file that is gone or damaged for good always gives an item without a file, with the reason in it.',
				options: [
					{
						name: 'Ask Meta to Deliver Again',
						value: 'retry',
						description:
							'Until the time under Retry For is over, then emit the item without the file',
					},
					{
						name: 'Emit Item Without File',
						value: 'emit',
						description: 'At once, with the reason in the item',
					},
				],
			},
			{
				displayName: 'Include Raw Event',
				name: 'includeRawEvent',
				type: 'boolean',
				default: false,
				description:
					'Whether to add the event as Meta sent it to the item, under rawEvent, with the contacts, errors and metadata next to it. Events that cannot be read always have it.',
			},
			{
				displayName: 'Max File Size (MB)',
				name: 'maxFileSize',
				type: 'number',
				default: 100,
				typeOptions: { minValue: 1 },
				description:
					'Largest file to accept, in MB. A larger one gives an item without a file. An hour of talk is about 11 MB.',
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
					'For how many hours Meta is asked again for an unavailable file, counted from its first event. After that the item comes without the file.',
			},
			{
				displayName: 'Time Budget (Seconds)',
				name: 'timeBudget',
				type: 'number',
				default: 15,
				typeOptions: { minValue: 1, maxValue: 60 },
				description:
					'How long one delivery may take in seconds, downloads included. Meta gives up after about 20 seconds and delivers again.',
			},
		],
	},
];

const WHERE_TO_LOOK =
	"<b>Nothing arrives?</b> Run the action node's Setup > Check with the production URL: it names what is wrong. Look also here:<br />(1) Is the workflow published, and does n8n's URL begin with https and work from the internet?<br />(2) In Meta's app dashboard under WhatsApp > Configuration: does the callback URL match, and is the field <b>calls</b> subscribed?<br />(3) Is the app in Live mode, and does it get the webhooks of your WhatsApp Business account?<br />(4) Was the call accepted or started with recording switched on, and did both sides stay past the announcement? Recordings take up to a minute after the call.";

const WHILE_BUILDING =
	"<b>While building</b>, click 'Execute step', then make a WhatsApp call that is recorded, and hang up.";

export const triggerPanel: INodeTypeDescription['triggerPanel'] = {
	header: 'Receive a recorded WhatsApp call',
	executionsHelp: {
		inactive: `${WHILE_BUILDING} While n8n listens, Meta's webhook points to the test URL; afterwards it is put back. (With Registration set to Manual you do that yourself, in Meta's app dashboard.)<br /><br /><b>When your workflow is ready</b>, publish it: every recording then starts it at the production URL. Those executions appear in the executions list, not here.<br /><br />${WHERE_TO_LOOK}`,
		active: `${WHILE_BUILDING} While n8n listens, events go to the test URL instead of the published workflow; afterwards the production URL is put back. (With Registration set to Manual you do that yourself, in Meta's app dashboard.)<br /><br /><b>Your workflow is published</b>: every recording starts it. Those executions appear in the <a data-key="executions">executions list</a>, not here.<br /><br />${WHERE_TO_LOOK}`,
	},
	activationHint: {
		inactive:
			"Once you've finished building your workflow, publish it to receive every recording at the production URL.",
		active:
			'This workflow is published: recordings also start it by themselves. You find those runs under Executions.',
	},
};
