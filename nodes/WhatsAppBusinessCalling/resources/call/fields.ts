import type { INodeProperties } from 'n8n-workflow';

export const showForCall = (...operations: string[]) => ({
	show: { resource: ['call'], operation: operations },
});

export function callIdField(displayOptions: INodeProperties['displayOptions']): INodeProperties {
	return {
		displayName: 'Call ID',
		name: 'callId',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. {{ $json.callId }}',
		description:
			'ID of the call, starting with "wacid.". The trigger\'s event Call Connecting and the operation Start give it.',
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
		placeholder: 'e.g. {{ $json.sdp }}',
		hint: 'Made by your media server or voice agent, for example in an HTTP Request node before this one',
		description:
			kind === 'offer'
				? 'Session description that your media server made for this call. The audio flows between WhatsApp and your media server; n8n only carries this text.'
				: 'Session description by which your media server answers the offer of the event Call Connecting. The audio flows between WhatsApp and your media server; n8n only carries this text.',
		displayOptions,
	};
}

export function callbackDataField(
	displayOptions: INodeProperties['displayOptions'],
): INodeProperties {
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
				placeholder: 'e.g. ticket-4711',
				description:
					'Text of your own, at most 512 characters, that comes back in the later events of this call. Every app that is subscribed to calls of the account can read it.',
			},
		],
	};
}
