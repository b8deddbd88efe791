import type { INodeProperties, INodeTypeDescription } from 'n8n-workflow';

import {
	downloadFileField,
	eventsField,
	includeRawEventOption,
	maxFileSizeOption,
	outputFieldOption,
	phoneNumbersField,
} from './sharedFields';

const CALLING_SETUP =
	'<a href="https://developers.facebook.com/documentation/business-messaging/whatsapp/calling" target="_blank">How to set up calling at Meta</a>';

const DOCS =
	'https://github.com/n8n-nodes-whatsapp-business-calling/n8n-nodes-whatsapp-business-calling/blob/main/docs';

export const triggerProperties: INodeProperties[] = [
	{
		displayName: `A Meta app has one webhook URL. Publishing points it to this n8n, where several workflows can share it. ${CALLING_SETUP}`,
		name: 'registrationNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { registration: ['app'] } },
	},
	{ ...eventsField, displayName: 'Trigger On' },
	phoneNumbersField,
	downloadFileField,
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
					'Publishing the workflow subscribes your Meta app to calls, of all accounts that use the app; unpublishing undoes it',
			},
			{
				name: 'Business Account (Automatic)',
				value: 'businessAccount',
				description:
					'All events of this account arrive here, including messages. Those of other accounts of the app do not start the workflow.',
			},
			{
				name: 'Phone Number (Automatic)',
				value: 'phoneNumber',
				description:
					'All events of the numbers chosen above arrive here, including messages. Choose at least one number.',
			},
			{
				name: 'Manual',
				value: 'manual',
				description: "You enter the webhook URL in Meta's app dashboard yourself",
			},
		],
	},
	{
		displayName: [
			'1. Enter a verify token below.',
			'2. Publish this workflow before step 3: Meta calls its URL when you click Verify and save.',
			"3. In Meta's app dashboard, open WhatsApp > Configuration. As the callback URL, enter the Production URL (under Webhook URLs above), and the same verify token. Click Verify and save.",
			'4. Subscribe to the field "calls", and for Call Permission Reply and Voicemail Received also to "messages".',
			"5. Run the action node's Setup > Check: it shows whether your account's events reach the app.",
			// n8n shows an ordered list without its numbers.
		].join('<br />'),
		name: 'manualNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { registration: ['manual'] } },
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
			"All events of this account, or of these numbers, will arrive here, including messages. n8n's WhatsApp Trigger no longer receives them, unless you add the option If Another Webhook Exists and choose Take Over and Forward.",
		name: 'overrideNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { registration: ['businessAccount', 'phoneNumber'] } },
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: [
			{
				displayName: 'Acknowledge',
				name: 'acknowledge',
				type: 'options',
				// n8n decides when to answer before it resolves expressions inside options.
				noDataExpression: true,
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
				displayName: 'If Another Webhook Exists',
				name: 'onOtherWebhook',
				type: 'options',
				default: 'stop',
				description:
					"What to do when you publish and Meta already sends events to another URL, for example that of n8n's own WhatsApp Trigger",
				displayOptions: { hide: { '/registration': ['manual'] } },
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
							'Receive everything here, and forward what is not about calls, unmodified. Unpublishing undoes it. Also add the option Other Webhook Verify Token.',
					},
				],
			},
			{
				displayName: 'If File Is Unavailable',
				name: 'onFileUnavailable',
				type: 'options',
				default: 'retry',
				description:
					'What to do if a file cannot be downloaded. A file that can never be downloaded, because it is deleted, damaged or too large, is not asked for again.',
				options: [
					{
						name: 'Ask Meta to Deliver Again',
						value: 'retry',
						description:
							'Until the time under Retry For has passed. Then the item comes without the file, with the reason.',
					},
					{
						name: 'Emit Item Without File',
						value: 'emit',
						description: 'Immediately, with the reason in the item',
					},
					{
						name: 'Fail the Execution',
						value: 'fail',
						description:
							'Ask Meta to deliver again, and when the time under Retry For has passed, fail with the reason. The failed execution keeps the event: retry it to download the file again.',
					},
				],
			},
			includeRawEventOption,
			maxFileSizeOption,
			{
				displayName: 'Other Webhook URL',
				name: 'otherWebhookUrl',
				type: 'string',
				default: '',
				placeholder: 'e.g. https://crm.example.com/whatsapp',
				description:
					'URL of the other webhook. If empty, n8n uses the URL that it found at Meta, and stores it with the workflow. Enter it here to keep forwarding after an import or a restored backup.',
				displayOptions: {
					show: { onOtherWebhook: ['takeOverAndForward'] },
					hide: { '/registration': ['manual'] },
				},
			},
			{
				displayName: 'Other Webhook Verify Token',
				name: 'otherVerifyToken',
				type: 'string',
				typeOptions: { password: true },
				default: '',
				description:
					"Required for Take Over and Forward, to restore the other webhook later. For n8n's own WhatsApp Trigger, it is the ID of that node: copy the node, paste it into a text editor and look for its ID.",
				displayOptions: {
					show: { onOtherWebhook: ['takeOverAndForward'] },
					hide: { '/registration': ['manual'] },
				},
			},
			outputFieldOption,
			{
				displayName: 'Retry For (Hours)',
				name: 'retryFor',
				type: 'number',
				default: 1,
				typeOptions: { minValue: 0 },
				displayOptions: { hide: { onFileUnavailable: ['emit'] } },
				description:
					'How long to ask Meta to deliver an unavailable file again, in hours since its first event',
			},
			{
				displayName: 'Server: Deliveries at Once',
				name: 'maxConcurrentDeliveries',
				type: 'number',
				default: 32,
				typeOptions: { minValue: 1, maxValue: 1000 },
				description:
					'Maximum number of deliveries that one n8n process handles at once, for all triggers together; an eighth is kept for each trigger. Ringing calls, deliveries with files, forwarded messages and all others are counted separately. Meta delivers the rest again shortly after. Each can use 20 MB of memory or more, so lower this if memory is limited.',
			},
			{
				displayName: 'Server: Downloads at Once',
				name: 'maxConcurrentDownloads',
				type: 'number',
				default: 4,
				typeOptions: { minValue: 1, maxValue: 64 },
				description:
					'Maximum number of files that one n8n process downloads at once, for all triggers together; at least one for each trigger',
			},
			{
				displayName: 'Server: Time Budget (Seconds)',
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

const WHILE_BUILDING =
	"<b>While building</b>, click 'Execute step', then make a recorded WhatsApp call and hang up. No call at hand? The action node's Setup > Send Test Recording sends this trigger a recording, and Setup > Get Sample Recording gives you an item to build with.";

const NOTHING_ARRIVES = `<b>Nothing arrives?</b> Run the action node's Setup > Check: it finds most causes. <a href="${DOCS}/troubleshooting.md" target="_blank">More</a>`;

export const triggerPanel: INodeTypeDescription['triggerPanel'] = {
	header: 'Click, then make a recorded call and hang up',
	executionsHelp: {
		inactive: `${WHILE_BUILDING}<br /><br /><b>When your workflow is ready</b>, publish it. Every recording then starts it; you can find those runs in the executions list, not here.<br /><br />${NOTHING_ARRIVES}`,
		active: `${WHILE_BUILDING} The published workflow keeps receiving its events.<br /><br /><b>Your workflow is published</b>: every recording starts it. You can find those runs in the <a data-key="executions">executions list</a>, not here.<br /><br />${NOTHING_ARRIVES}`,
	},
	activationHint: {
		inactive: 'Publish this workflow to receive every recording automatically.',
		active:
			'This workflow is published: recordings also start it automatically. You can find those runs under Executions.',
	},
};
