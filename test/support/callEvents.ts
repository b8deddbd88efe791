import { NUMBER, PERSON } from './constants';
import {
	makeWhatsAppSdp,
	type Emulator,
	type RecordingOrder,
	type WebhookUpdate,
} from '../../emulator';
import { parseFlatted } from './flatted';

/** Events of every list and field that a trigger can wait for. */
export const EVENTS = [
	'connect',
	'terminate',
	'call_recording_available',
	'call_transcription_available',
	'call_permission_reply',
] as const;

export type EventName = (typeof EVENTS)[number];

/** An event that can be delivered, and what identifies it in an item. */
export interface Sent {
	name: EventName;
	key: string;
	update: WebhookUpdate;
}

export async function newEvent(
	emulator: Emulator,
	name: EventName,
	phoneNumberId: string,
	file: Pick<RecordingOrder, 'sizeBytes'> = {},
): Promise<Sent> {
	const id = crypto.randomUUID();
	if (name === 'call_recording_available' || name === 'call_transcription_available') {
		const transcript = name === 'call_transcription_available';
		const callId = `wacid.${id}`;
		const order = { ...file, phoneNumberId, callId, transcript };
		const { update } = await emulator.createRecording(order);
		return { name, key: `${name} ${callId}`, update };
	}
	const timestamp = emulator.clock.timestamp();
	if (name === 'call_permission_reply') {
		const message = {
			id: `wamid.${id}`,
			from: PERSON,
			timestamp,
			type: 'interactive',
			interactive: { type: name, [name]: { response: 'accept', is_permanent: true } },
		};
		const value = { messages: [message] };
		return {
			name,
			key: `${name} ${message.id}`,
			update: { phoneNumberId, field: 'messages', value },
		};
	}
	const call = {
		id: `wacid.${id}`,
		from: PERSON,
		event: name,
		timestamp,
		direction: 'USER_INITIATED',
		...(name === 'connect'
			? { session: { sdp_type: 'offer', sdp: makeWhatsAppSdp('offer') } }
			: { status: 'COMPLETED' }),
	};
	const update = { phoneNumberId, field: 'calls', value: { calls: [call] } };
	return { name, key: `${name} ${call.id}`, update };
}

/** A text message that nobody has sent before: nothing that the trigger waits for. */
export function newMessage({
	id = `wamid.${crypto.randomUUID()}`,
	text = 'Grüße 📞',
	phoneNumberId = NUMBER,
} = {}): WebhookUpdate {
	const timestamp = '1728932177';
	const message = { from: PERSON, id, timestamp, type: 'text', text: { body: text } };
	return { phoneNumberId, field: 'messages', value: { messages: [message] } };
}

/** Keys of the events that the trigger of an execution gave, from the data that n8n has stored. */
export function keysOf(data: string): string[] {
	const { resultData } = parseFlatted(data) as {
		resultData: {
			runData: Record<
				string,
				Array<{ data?: { main?: Array<Array<{ json: Record<string, unknown> }> | null> } }>
			>;
		};
	};
	const runs = Object.values(resultData.runData).flat();
	return runs
		.flatMap(({ data: output }) => (output?.main ?? []).flatMap((items) => items ?? []))
		.map(({ json }) => `${String(json.event)} ${String(json.callId ?? json.messageId)}`);
}
