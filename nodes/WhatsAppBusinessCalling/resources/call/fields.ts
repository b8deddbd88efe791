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
		placeholder: 'e.g. v=0 o=- 4611731400430051336 2 IN IP4 127.0.0.1 ...',
		description:
			kind === 'offer'
				? 'Session description (RFC 8866) that your media server made for this call. The audio flows between WhatsApp and your media server; n8n only carries this text.'
				: 'Session description (RFC 8866) by which your media server answers the offer of the event Call Connecting. The audio flows between WhatsApp and your media server; n8n only carries this text.',
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
