import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import type { EventFilter } from '../../nodes/WhatsAppBusinessCalling/events/eventFilter';

/** Every event of every number. */
export const EVERYTHING: EventFilter = {
	events: new Set(EVENT_TYPES.map(({ name }) => name)),
	phoneNumbers: new Set(),
};
