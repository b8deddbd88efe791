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
 * @returns the rows of all pages, or a failure: that of the first page that could not be read, or that the list does
 * not end. A part of a list must not be taken for all of it
 */
export async function allPages<Row>(
	readPage: (after: string | undefined) => Promise<Result<Page<Row>>>,
	isEnough: (rows: Row[]) => boolean = () => false,
): Promise<Result<Row[]>> {
	let rows: Row[] = [];
	let after: string | undefined;
	const cursors = new Set<string>();
	while (cursors.size < MAX_PAGES) {
		const page = await readPage(after);
		if (!page.ok) return page;
		rows = rows.concat(page.value.rows);
		after = page.value.after;
		if (!after || isEnough(rows)) return { ok: true, value: rows };
		if (cursors.has(after)) return endless(': a page refers to an earlier one');
		cursors.add(after);
	}
	return endless(` after ${MAX_PAGES} pages`);
}

function endless(why: string): Result<never> {
	return { ok: false, failure: unreadableResponse(`Meta's list does not end${why}`) };
}
