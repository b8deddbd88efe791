import type { IDataObject } from 'n8n-workflow';
import { NodeApiError } from 'n8n-workflow';

import { errorEntry } from '../../graph/errorCatalogue';
import { toNodeApiError } from '../../graph/nodeApiError';
import type { GraphFailure } from '../../graph/types';
import { fieldsOf, identifier, listOf } from '../../values';
import { unexpectedResponse } from '../shared/errors';
import { phoneNumberIdParameter } from '../shared/parameters';
import { personFields, readPerson } from '../shared/person';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput } from '../types';
import { readAnnouncement } from './announcement';
import { showAnnouncement } from './announcementHint';
import { audioNotice, sdpField, showForCall } from './fields';
import { callbackDataParameter, sendCallAction, sessionParameter } from './send';

/** The ID of a call that was placed, or the error if that is not known. */
type Outcome = string | NodeApiError;

/**
 * The calls of one run of the node, by item and request. n8n's Retry On Fail runs the node again, for all its items and
 * with the same data object: a call that was placed, or may have been, must not be placed again.
 */
const callsOfRuns = new WeakMap<object, Map<string, Outcome>>();

export const start: Operation = {
	properties: [
		audioNotice(showForCall('start')),
		phoneNumberField(showForCall('start')),
		...personFields(showForCall('start'), 'call'),
		sdpField('offer', showForCall('start')),
		// Recording, transcription and options are shared with Accept: see `index.ts`.
	],

	async execute(input) {
		const phoneNumberId = phoneNumberIdParameter(input);
		const person = readPerson(input);
		const announcement = readAnnouncement(input);
		const body = {
			...person,
			action: 'connect',
			session: sessionParameter(input, 'offer'),
			...announcement.body,
			...callbackDataParameter(input),
		};
		const calls = callsOfRun(input.context.getExecuteData());
		const key = JSON.stringify([input.itemIndex, phoneNumberId, body]);
		const outcome = calls.get(key) ?? (await place(input, phoneNumberId, body));
		calls.set(key, outcome);
		if (outcome instanceof NodeApiError) throw outcome;
		showAnnouncement(input, announcement);
		return {
			json: {
				callId: outcome,
				to: person.to ?? null,
				userId: person.recipient ?? null,
				...announcement.output,
				phoneNumberId,
			},
		};
	},
};

function callsOfRun(run: object): Map<string, Outcome> {
	const calls = callsOfRuns.get(run) ?? new Map<string, Outcome>();
	callsOfRuns.set(run, calls);
	return calls;
}

/** @throws NodeApiError if no call was placed */
async function place(
	input: OperationInput,
	phoneNumberId: string,
	body: IDataObject & { action: string },
): Promise<Outcome> {
	const response = await sendCallAction(input, phoneNumberId, body, { repeat: 'whenNotPlaced' });
	if (response.ok) return callIdIn(response.value) ?? withoutCallId(input);
	const error = toNodeApiError(input.context.getNode(), response.failure, input.itemIndex);
	if (!mayBePlaced(response.failure)) throw error;
	if (!error.description?.includes('phone may have rung')) {
		error.description = `${error.description} The person's phone may be ringing all the same: check the trigger's events for the call before you start it again.`;
	}
	return error;
}

/** Whether a call may have been placed although Meta did not say so. */
function mayBePlaced({ code, transient, unsent }: GraphFailure): boolean {
	return transient && !unsent && errorEntry(code)?.refusedBeforeCalling !== true;
}

/** Meta documents the ID inside `calls`; some clients read it from `call_id` or `id`. */
function callIdIn(response: unknown): string | null {
	const { calls, call_id: callId, id } = fieldsOf(response);
	return identifier(fieldsOf(listOf(calls)?.[0]).id) ?? identifier(callId) ?? identifier(id);
}

function withoutCallId(input: OperationInput): NodeApiError {
	return unexpectedResponse(
		input,
		'WhatsApp accepted the request, but its response contains no call ID',
		"Do not start the call again: the person's phone may be ringing. The trigger's events for the call contain its ID.",
	);
}
