import { z } from 'zod';

import { withMessage } from '../parameterSchemas';
import { digitsOf, safeForLog } from '../values';
import { eventTypeNamed } from './eventTypes';

/** Which events the operator chose. */
export interface EventFilter {
	events: Set<string>;
	/** IDs, and digits of display numbers; empty for all numbers. */
	phoneNumbers: Set<string>;
	/** The only WhatsApp Business account whose events are read; without it, any. */
	businessAccountId?: string;
}

/** The default in the panels, and without the field. */
export const DEFAULT_EVENTS = ['call_recording_available'];

const idListSchema = (label: string) =>
	z
		.union(
			[z.array(z.union([z.string(), z.number()])), z.string(), z.number()],
			withMessage(`${label} must be a list, or text with commas between the entries`),
		)
		.nullable()
		.transform((ids) => (Array.isArray(ids) ? ids : String(ids ?? '').split(',')))
		.transform((ids) => ids.map((id) => String(id).trim()).filter(Boolean));

/** A list as the editor, an expression or a comma-separated text gives it; empty for anything else. */
export function idList(value: unknown): string[] {
	const parsed = idListSchema('').safeParse(value);
	return parsed.success ? parsed.data : [];
}

/**
 * To choose nothing, or what does not exist, would be to throw every recording away without a word.
 *
 * @param label of the field in the panel
 */
export const eventsSchema = (label: string) =>
	idListSchema(label).transform((names, { addIssue }) => {
		const types = names.map((name) => eventTypeNamed(name));
		const unknown = types.indexOf(undefined);
		if (unknown >= 0) {
			addIssue({
				code: 'custom',
				message: `${label} contains "${safeForLog(names[unknown])}", which is not a known event`,
			});
		}
		if (types.length === 0) addIssue({ code: 'custom', message: `${label} is empty` });
		return types.flatMap((type) => type?.name ?? []);
	});

/**
 * The output is an `EventFilter`.
 *
 * @param eventsLabel of the field with the events in the panel
 */
export const filterSchema = (eventsLabel: string) =>
	z.object({
		events: eventsSchema(eventsLabel).transform((events) => new Set(events)),
		phoneNumbers: idListSchema('Phone Number Names or IDs').transform(
			(numbers) => new Set(numbers.flatMap((number) => [number, digitsOf(number)]).filter(Boolean)),
		),
	});
