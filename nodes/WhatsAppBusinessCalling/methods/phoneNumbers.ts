import type {
	ILoadOptionsFunctions,
	INodeListSearchResult,
	INodePropertyOptions,
} from 'n8n-workflow';

import { readAccount } from '../graph/account';
import { toNodeApiError } from '../graph/nodeApiError';
import { phoneNumberPage, phoneNumbers, type PhoneNumber } from '../graph/phoneNumbers';

/** The phone numbers of the account, page by page, for the resource locator of the action node. */
export async function searchPhoneNumbers(
	this: ILoadOptionsFunctions,
	filter?: string,
	paginationToken?: string,
): Promise<INodeListSearchResult> {
	const page = await phoneNumberPage(this, await readAccount(this), paginationToken);
	if (!page.ok) throw toNodeApiError(this.getNode(), page.failure);
	const wanted = (filter ?? '').toLowerCase();
	const results = page.value.rows
		.map((number) => ({ name: labelOf(number), value: number.id }))
		.filter(({ name, value }) => `${name} ${value}`.toLowerCase().includes(wanted));
	return { results, paginationToken: page.value.after };
}

/** The phone numbers of the account as options, for the filter of the trigger. */
export async function getPhoneNumbers(
	this: ILoadOptionsFunctions,
): Promise<INodePropertyOptions[]> {
	const numbers = await phoneNumbers(this, await readAccount(this));
	if (!numbers.ok) throw toNodeApiError(this.getNode(), numbers.failure);
	return numbers.value.map((number) => ({ name: labelOf(number), value: number.id }));
}

function labelOf({ id, verifiedName, displayPhoneNumber }: PhoneNumber): string {
	return [verifiedName, displayPhoneNumber].filter(Boolean).join(' · ') || id;
}
