import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from '../support/package';

export const PAGE = join(REPOSITORY, 'examples', 'browser-phone', 'phone.html');

/** What a browser allows by a hash: the content of an element without attributes that change its meaning. */
function hashOf(html: string, element: 'script' | 'style', opening: string): string {
	const start = html.indexOf(opening) + opening.length;
	const content = html.slice(start, html.indexOf(`</${element}>`, start));
	return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}

/** The page with the hashes of its script and its style in its Content-Security-Policy. */
export function withHashes(html: string): string {
	return html
		.replace(/script-src '[^']*'/, `script-src ${hashOf(html, 'script', '<script type="module">')}`)
		.replace(/style-src '[^']*'/, `style-src ${hashOf(html, 'style', '<style>')}`);
}

/** `npm run phone:hashes`, after a change of the script or the style. */
async function main(): Promise<void> {
	await writeFile(PAGE, withHashes(await readFile(PAGE, 'utf8')));
}

if (process.argv[1] === __filename) void main();
