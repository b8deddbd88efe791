import type { IHookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { readAccount } from '../graph/account';
import { toNodeApiError } from '../graph/nodeApiError';
import { phoneNumbers } from '../graph/phoneNumbers';
import { digitsOf } from '../values';
import { idList } from './settings';

/** n8n activates its workflows when it starts: nobody is there to correct a number that has left the account. */
const UNATTENDED = ['init', 'leadershipChange'];

/**
 * Refuses a filter that can match nothing, while someone publishes the workflow.
 *
 * @throws as `chosenPhoneNumberIds`
 */
export async function requireKnownNumbers(context: IHookFunctions): Promise<void> {
	const isEmpty = idList(context.getNodeParameter('phoneNumberIds', [])).length === 0;
	if (isEmpty || UNATTENDED.includes(context.getActivationMode())) return;
	await chosenPhoneNumberIds(context);
}

/** Numbers of the account that an error names. */
const MAX_NAMED = 10;

/**
 * The numbers that the operator chose, as IDs. A display number (`+1 555 ...`) counts as its ID. A number
 * that is not of the account would match nothing, so that every event would be acknowledged and dropped.
 *
 * @returns no IDs where no number is chosen
 * @throws NodeOperationError that names a number which does not belong to the account, and those that do;
 * NodeApiError where Meta cannot be asked
 */
export async function chosenPhoneNumberIds(context: IHookFunctions): Promise<string[]> {
	const chosen = idList(context.getNodeParameter('phoneNumberIds', []));
	if (chosen.length === 0) return [];
	const answer = await phoneNumbers(context, await readAccount(context));
	if (!answer.ok) throw toNodeApiError(context.getNode(), answer.failure);
	const known = answer.value;
	return chosen.map((entry) => {
		const digits = digitsOf(entry);
		const match =
			known.find(({ id }) => id === entry) ??
			known.find((number) => digits !== '' && digitsOf(number.displayPhoneNumber) === digits);
		if (match) return match.id;
		const names = known
			.slice(0, MAX_NAMED)
			.map(({ id, displayPhoneNumber }) => [displayPhoneNumber, id].filter(Boolean).join(' = '));
		throw new NodeOperationError(
			context.getNode(),
			`"${entry.slice(0, 60)}" is not a phone number of this WhatsApp Business account. Choose another one under Phone Number Names or IDs`,
			{
				description: `With it, this trigger would never start. ${names.length > 0 ? `The account has: ${names.join(', ')}.` : 'Meta lists no numbers for this account: check the Business Account ID in the credential.'}`,
			},
		);
	});
}
