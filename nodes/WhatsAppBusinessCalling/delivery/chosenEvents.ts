import type { EventFilter } from '../events/eventFilter';
import { parseDelivery, type CallEvent } from '../events/parseDelivery';
import type { DeliveryLog } from './deliveryLog';

/** The events of a delivery that the operator chose. What of it is skipped gets a line in the log. */
export function chosenEvents(content: unknown, wanted: EventFilter, log: DeliveryLog): CallEvent[] {
	const skipped = new Map<string, number>();
	const events = parseDelivery(content, wanted, (reason) =>
		skipped.set(reason, (skipped.get(reason) ?? 0) + 1),
	);
	for (const [reason, count] of skipped) {
		log.warn(`part of a delivery was skipped: ${reason}${count > 1 ? ` (${count} times)` : ''}`);
	}
	return events;
}
