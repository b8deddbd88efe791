import type {
	ILoadOptionsFunctions,
	INodeListSearchResult,
	INodePropertyOptions,
} from 'n8n-workflow';
import { z } from 'zod';

import { readAccount } from '../graph/account';
import { toNodeApiError } from '../graph/apiError';
import { graphRequest } from '../graph/request';
import { idText } from '../graph/wholeNumber';

const PAGE_SIZE = 100;
const MAX_PAGES = 20;

const pageSchema = z.object({
	data: z.array(
		z
			.object({
				id: idText,
				display_phone_number: z.string().catch(''),
				verified_name: z.string().catch(''),
			})
			.nullable()
			.catch(null),
	),
	paging: z
		.object({ cursors: z.object({ after: z.string() }), next: z.string() })
		.nullable()
		.catch(null),
});

/** The phone numbers of the business account, page by page, for the editor's list. */
export async function searchPhoneNumbers(
	this: ILoadOptionsFunctions,
	filter?: string,
	paginationToken?: string,
): Promise<INodeListSearchResult> {
	const account = await readAccount(this);
	const answer = await graphRequest(this, account, {
		method: 'GET',
		path: `${account.businessAccountId}/phone_numbers`,
		query: {
			fields: 'id,display_phone_number,verified_name',
			limit: String(PAGE_SIZE),
			...(paginationToken ? { after: paginationToken } : {}),
		},
		repeat: 'freely',
	});
	if (!answer.ok) throw toNodeApiError(this.getNode(), answer.failure);
	const page = pageSchema.safeParse(answer.value);
	if (!page.success) return { results: [] };
	const wanted = (filter ?? '').toLowerCase();
	const results = page.data.data
		.flatMap((row) => row ?? [])
		.map((row) => ({
			name: [row.verified_name, row.display_phone_number].filter(Boolean).join(' · ') || row.id,
			value: row.id,
		}))
		.filter(({ name, value }) => `${name} ${value}`.toLowerCase().includes(wanted));
	return { results, paginationToken: page.data.paging?.cursors.after };
}

/** The same numbers as options, all pages, for the trigger's filter. */
export async function getPhoneNumbers(
	this: ILoadOptionsFunctions,
): Promise<INodePropertyOptions[]> {
	const options: INodePropertyOptions[] = [];
	let after: string | undefined;
	for (let pages = 0; pages < MAX_PAGES; pages++) {
		const page = await searchPhoneNumbers.call(this, undefined, after);
		options.push(...page.results.map(({ name, value }) => ({ name, value })));
		after = page.paginationToken as string | undefined;
		if (!after) break;
	}
	return options;
}
