import { z } from 'zod';

import type { Account } from './account';
import { allPages, cursorSchema, type Page } from './pages';
import { graphRequest, parseResponse } from './request';
import { idText, orNull, text } from './scalars';
import type { GraphContext, Result } from './types';

/** A business phone number (Meta, "Phone numbers"). */
export interface PhoneNumber {
	id: string;
	displayPhoneNumber: string | null;
	verifiedName: string | null;
	/** GREEN, YELLOW, RED or UNKNOWN. */
	qualityRating: string | null;
	/** CONNECTED, RESTRICTED and others. */
	status: string | null;
	/** CLOUD_API, ON_PREMISE or NOT_APPLICABLE. */
	platform: string | null;
}

const PAGE_SIZE = 100;

const phoneNumberSchema = z
	.object({
		id: idText,
		display_phone_number: text,
		verified_name: text,
		quality_rating: text,
		status: text,
		platform_type: text,
	})
	.transform(
		(row): PhoneNumber => ({
			id: row.id,
			displayPhoneNumber: row.display_phone_number,
			verifiedName: row.verified_name,
			qualityRating: row.quality_rating,
			status: row.status,
			platform: row.platform_type,
		}),
	);

const pageSchema = z.object({
	data: z.array(orNull(phoneNumberSchema)),
	paging: cursorSchema,
});

/**
 * One page of the account's numbers.
 *
 * @param after cursor of the page before; undefined for the first page
 */
export async function phoneNumberPage(
	context: GraphContext,
	account: Account,
	after?: string,
): Promise<Result<Page<PhoneNumber>>> {
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.businessAccountId}/phone_numbers`,
		query: {
			fields: 'id,display_phone_number,verified_name,quality_rating,status,platform_type',
			limit: String(PAGE_SIZE),
			...(after ? { after } : {}),
		},
		repeat: 'freely',
	});
	const message = "Meta's list of the phone numbers cannot be read";
	const page = parseResponse(response, pageSchema, message);
	if (!page.ok) return page;
	const { data, paging } = page.value;
	return { ok: true, value: { rows: data.flatMap((number) => number ?? []), after: paging } };
}

/** The account's numbers from all pages, at most `limit`. */
export async function phoneNumbers(
	context: GraphContext,
	account: Account,
	limit = Infinity,
): Promise<Result<PhoneNumber[]>> {
	const numbers = await allPages(
		async (after) => await phoneNumberPage(context, account, after),
		({ length }) => length >= limit,
	);
	return numbers.ok ? { ok: true, value: numbers.value.slice(0, limit) } : numbers;
}
