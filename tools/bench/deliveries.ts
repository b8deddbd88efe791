import { escapeJson } from '../../emulator';
import type { EmulatorFacts, Recording } from './emulatorProcess';

type Update = Recording['update'];

/** The body of a delivery as Meta writes it, each update in a change of its own. */
export function bodyOf(meta: EmulatorFacts, updates: Update[]): string {
	const changes = updates.map(({ phoneNumberId, field, value }) => ({
		value: {
			messaging_product: 'whatsapp',
			metadata: { display_phone_number: '15550783881', phone_number_id: phoneNumberId },
			...value,
		},
		field,
	}));
	return escapeJson(
		JSON.stringify({
			object: 'whatsapp_business_account',
			entry: [{ id: meta.businessAccountId, changes }],
		}),
	);
}

/** Each recording in a delivery of its own. */
export const oneEach = (meta: EmulatorFacts, recordings: Recording[]): string[] =>
	recordings.map(({ update }) => bodyOf(meta, [update]));

let copies = 0;

/** Events that the ledger does not know yet, made of one: they differ in the call's ID. */
export function newEvents({ update }: Recording, count: number): Update[] {
	const [event] = update.value.calls as Array<Record<string, unknown>>;
	return Array.from({ length: count }, () => ({
		...update,
		value: { ...update.value, calls: [{ ...event, id: `wacid.benchmark-${copies++}` }] },
	}));
}

/** A text message, as apps get them beside the events of calls. */
export function textMessage(phoneNumberId: string): Update {
	return {
		phoneNumberId,
		field: 'messages',
		value: {
			contacts: [{ profile: { name: 'Ada' }, wa_id: '14085551234' }],
			messages: [
				{
					from: '14085551234',
					id: `wamid.benchmark-${copies++}`,
					timestamp: String(Math.floor(Date.now() / 1000)),
					type: 'text',
					text: { body: 'When do you open tomorrow, and can I call you before ten?' },
				},
			],
		},
	};
}
