import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from '../../test/support/package';

const pathOf = (name: string) => join(REPOSITORY, 'examples', 'browser-phone', name);
export const PAGE = pathOf('phone.html');
/** The page for teams: what the two pages have in common is copied from PAGE. */
export const TEAM_PAGE = pathOf('team.html');

const SCRIPT = '<script type="module">';
const STYLE = '<style>';
const END_OF_COMMON_SCRIPT =
	'\t\t\t/* ---------------------------------------------------------------- Views */';
const END_OF_COMMON_STYLE = '\n\t\t\t/* Only in the page for teams. */';

/** What stands between two texts. */
function between(html: string, opening: string, closing: string): string {
	const start = html.indexOf(opening);
	const end = html.indexOf(closing, start + opening.length);
	if (start === -1 || end === -1) throw new Error(`No ${opening} before ${closing}`);
	return html.slice(start + opening.length, end);
}

/** What a browser allows by a hash: the content of an element without attributes that change its meaning. */
function hashOf(html: string, element: 'script' | 'style', opening: string): string {
	const content = between(html, opening, `</${element}>`);
	return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}

/** The page with the hashes of its script and its style in its Content-Security-Policy. */
export function withHashes(html: string): string {
	return html
		.replace(/script-src '[^']*'/, `script-src ${hashOf(html, 'script', SCRIPT)}`)
		.replace(/style-src '[^']*'/, `style-src ${hashOf(html, 'style', STYLE)}`);
}

/** The page for teams, with the script and the style that it has in common with the other page, and its hashes. */
export function withCommonParts(team: string, phone: string): string {
	const replaceStart = (html: string, opening: string, end: string, common: string) => {
		const own = between(html, opening, end);
		return html.replace(opening + own + end, () => opening + common + end);
	};
	const script = between(phone, SCRIPT, END_OF_COMMON_SCRIPT);
	const style = between(phone, STYLE, '\t\t</style>');
	const withScript = replaceStart(team, SCRIPT, END_OF_COMMON_SCRIPT, script);
	return withHashes(replaceStart(withScript, STYLE, END_OF_COMMON_STYLE, style));
}

/** `npm run phone:hashes`, after a change of the script or the style. */
async function main(): Promise<void> {
	const phone = withHashes(await readFile(PAGE, 'utf8'));
	await writeFile(PAGE, phone);
	await writeFile(TEAM_PAGE, withCommonParts(await readFile(TEAM_PAGE, 'utf8'), phone));
}

if (process.argv[1] === __filename) void main();
