import type { INodeProperties } from 'n8n-workflow';

export const showForCall = (...operations: string[]) => ({
	show: { resource: ['call'], operation: operations },
});

/** What Start and Accept need and n8n cannot be. */
export function audioNotice(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return {
		displayName:
			'n8n controls the call, but does not carry its audio. A media server, a voice agent or a browser tab does, and makes the SDP below. <a href="https://github.com/n8n-nodes-whatsapp-business-calling/n8n-nodes-whatsapp-business-calling/blob/main/docs/media.md" target="_blank">What you need, with ready-made examples</a>. To get recordings of calls that another system handles, the trigger is enough.',
		name: 'audioNotice',
		type: 'notice',
		default: '',
		displayOptions,
	};
}

export function callIdField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return {
		displayName: 'Call ID',
		name: 'callId',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. {{ $json.callId }}',
		description:
			'ID of the call, starting with "wacid.". It comes from the trigger\'s event Call Connecting or from the operation Start.',
		displayOptions,
	};
}

export function sdpField(
	kind: 'offer' | 'answer',
	displayOptions: INodeProperties['displayOptions'],
): INodeProperties {
	return {
		displayName: kind === 'offer' ? 'SDP Offer' : 'SDP Answer',
		name: 'sdp',
		type: 'string',
		typeOptions: { rows: 4 },
		default: '',
		required: true,
		placeholder: 'e.g. {{ $json.body.sdp }}',
		hint: 'Comes from your browser tab, media server or voice agent, for example through a preceding Webhook or HTTP Request node',
		description:
			kind === 'offer'
				? 'Session description (SDP) that your side of the call made: a browser tab, a media server or a voice agent. The audio flows between WhatsApp and your side; n8n only passes on this text.'
				: 'Session description (SDP) with which your side of the call (a browser tab, a media server or a voice agent) answers the offer from the event Call Connecting. The audio flows between WhatsApp and your side; n8n only passes on this text.',
		displayOptions,
	};
}

export function optionsField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return {
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		displayOptions,
		options: [
			{
				displayName: 'Callback Data',
				name: 'bizOpaqueCallbackData',
				type: 'string',
				default: '',
				placeholder: 'e.g. {{ $execution.resumeUrl }}',
				description:
					"Your own text, up to 512 characters, that WhatsApp returns in the later events of this call. Use it to find the execution that waits for them ({{ $execution.resumeUrl }} before a Wait node), or your own record of the call. Every app that is subscribed to the account's calls can read it.",
			},
			{
				displayName: 'Pre-Accept First',
				name: 'preAcceptFirst',
				type: 'boolean',
				default: true,
				description:
					'Whether to set up the audio with the same SDP answer before accepting the call, so that the first words are not cut off. This happens unless you add this option and turn it off, for example after a Pre-Accept of your own.',
				displayOptions: { show: { '/operation': ['accept'] } },
			},
		],
	};
}
