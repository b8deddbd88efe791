const MARKED = /<!-- begin: (\w+) -->(\n?)[^]*?<!-- end -->/g;

/**
 * Fills the generated parts of a page: what is between `<!-- begin: NAME -->` and `<!-- end -->`. Markers on
 * lines of their own get a table, markers inside a line a figure or some words.
 * @param parts by the name in their marker
 * @throws if the page has a marker without a part, no marker for a part, or a figure at the start of a line
 * @example fillMarkers('It takes <!-- begin: ms -->1<!-- end --> ms.', { ms: '2' })
 */
export function fillMarkers(page: string, parts: Record<string, string>): string {
	const unused = new Set(Object.keys(parts));
	const filled = page.replace(MARKED, (_, name: string, lineEnd: string, at: number) => {
		const part = parts[name];
		if (part === undefined) throw new Error(`Nothing generates the part "${name}"`);
		const before = page.slice(page.lastIndexOf('\n', at - 1) + 1, at);
		if (lineEnd === '' && before.trim() === '') {
			// CommonMark, "HTML blocks": a comment at the start of a line ends the paragraph.
			throw new Error(`The figure "${name}" must not be the first word of a line`);
		}
		unused.delete(name);
		return `<!-- begin: ${name} -->${lineEnd ? `\n\n${part}\n\n` : part}<!-- end -->`;
	});
	if (unused.size > 0) throw new Error(`The page has no marker for: ${[...unused].join(', ')}`);
	return filled;
}
