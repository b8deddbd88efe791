import { z } from 'zod';

import { unreadableResponse } from './failure';
import type { Result } from './types';

/** Part of a list, and the cursor of the next part; undefined after the last. */
export interface Page<Row> {
	rows: Row[];
	after: string | undefined;
}

/** Limits what a wrong cursor can cost. */
const MAX_PAGES = 50;

/** The cursor of the next page; the last page has no `next` (Meta, "Paginated results"). */
export const cursorSchema = z
	.object({ cursors: z.object({ after: z.string() }), next: z.string() })
	.transform(({ cursors }) => cursors.after)
	.optional()
	.catch(undefined);

/**
 * Reads a list page by page, until it ends or `isEnough` is true.
 *
 * @returns the rows of all pages, or the failure of the first page that could not be read
 */
export async function allPages<Row>(
	readPage: (after: string | undefined) => Promise<Result<Page<Row>>>,
	isEnough: (rows: Row[]) => boolean = () => false,
): Promise<Result<Row[]>> {
	let rows: Row[] = [];
	let after: string | undefined;
	const cursors = new Set<string>();
	for (let pages = 0; pages < MAX_PAGES; pages++) {
		const page = await readPage(after);
		if (!page.ok) return page;
		rows = rows.concat(page.value.rows);
		after = page.value.after;
		if (!after || isEnough(rows)) break;
		if (cursors.has(after)) {
			const failure = unreadableResponse(
				"Meta's list does not end: a page refers to an earlier one",
			);
			return { ok: false, failure };
		}
		cursors.add(after);
	}
	return { ok: true, value: rows };
}
