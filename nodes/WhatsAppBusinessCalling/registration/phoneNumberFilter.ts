import type { IHookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { idList } from '../events/eventFilter';
import { readAccount } from '../graph/account';
import { phoneNumbers, type PhoneNumber } from '../graph/phoneNumbers';
import { digitsOf } from '../values';
import { registrationError } from './errors';

/** n8n activates its workflows when it starts: then no one can correct a number that has left the account. */
const UNATTENDED = ['init', 'leadershipChange'];

/**
 * Whether numbers are chosen that have to be looked up: a filter that can match nothing is refused, while
 * someone publishes the workflow.
 */
export function mustKnowNumbers(context: IHookFunctions): boolean {
	return chosenNumbers(context).length > 0 && isAttended(context);
}

/** Whether someone publishes the workflow, who can correct what is wrong. */
export function isAttended(context: IHookFunctions): boolean {
	return !UNATTENDED.includes(context.getActivationMode());
}

/** @throws as `chosenPhoneNumberIds`, and where Meta cannot be asked */
export async function requireKnownNumbers(context: IHookFunctions): Promise<void> {
	if (!mustKnowNumbers(context)) return;
	const answer = await phoneNumbers(context, await readAccount(context));
	if (!answer.ok) throw registrationError(context.getNode(), answer.failure);
	chosenPhoneNumberIds(context, answer.value);
}

/** The numbers as the operator chose them. */
export function chosenNumbers(context: IHookFunctions): string[] {
	return idList(context.getNodeParameter('phoneNumberIds', []));
}

/** Numbers of the account that an error names. */
const MAX_NAMED = 10;

type KnownNumber = Pick<PhoneNumber, 'id' | 'displayPhoneNumber'>;

/**
 * The numbers that the operator chose, as IDs. A display number (`+1 555 ...`) counts as its ID. A number
 * that is not of the account would match nothing, so that every event would be acknowledged and dropped.
 *
 * @param known all numbers of the account
 * @returns no IDs where no number is chosen
 * @throws NodeOperationError that names a number which does not belong to the account, and those that do
 */
export function chosenPhoneNumberIds(context: IHookFunctions, known: KnownNumber[]): string[] {
	return chosenNumbers(context).map((entry) => {
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
			`"${entry.slice(0, 60)}" is not a phone number of this WhatsApp Business account. Choose another one under Phone Number Names or IDs.`,
			{
				description: `With it, this trigger would never start. ${names.length > 0 ? `The account has: ${names.join(', ')}.` : 'Meta lists no numbers for this account: check the WhatsApp Business Account ID in the credential.'}`,
			},
		);
	});
}
