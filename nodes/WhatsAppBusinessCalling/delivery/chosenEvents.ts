import type { EventFilter } from '../events/eventFilter';
import { parseDelivery, type CallEvent } from '../events/parseDelivery';
import type { DeliveryLog } from './deliveryLog';

/**
 * The events of a delivery that the operator chose, each once. What of it is skipped gets a line in the log.
 *
 * @returns the events under what distinguishes them
 */
export function chosenEvents(
	content: unknown,
	wanted: EventFilter,
	log: DeliveryLog,
): Map<string, CallEvent> {
	const skipped = new Map<string, number>();
	const events = parseDelivery(content, wanted, (reason) =>
		skipped.set(reason, (skipped.get(reason) ?? 0) + 1),
	);
	for (const [reason, count] of skipped) {
		log.warn(`part of a delivery was skipped: ${reason}${count > 1 ? ` (${count} times)` : ''}`);
	}
	return new Map(events.map((event) => [keyOf(event), event]));
}

/** Meta gives events no ID of their own; a call, its event and its file distinguish them. */
function keyOf({ phoneNumberId, call, type, detail }: CallEvent): string {
	return [phoneNumberId, call.id, type.name, detail].join('\n');
}
