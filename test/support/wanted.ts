import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import type { TriggerFilter } from '../../nodes/WhatsAppBusinessCalling/trigger/settings';

/** Every event of every number. */
export const EVERYTHING: TriggerFilter = {
	events: new Set(EVENT_TYPES.map(({ name }) => name)),
	phoneNumbers: new Set(),
};
