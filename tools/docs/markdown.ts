const cell = (text: string) => text.replace(/\|/g, '\\|').replace(/\n/g, ' ');

/** A table in Markdown; columns of figures may be aligned to the right. */
export function table(head: string[], rows: string[][], figuresFrom = Infinity): string {
	const line = (cells: string[]) => `| ${cells.map(cell).join(' | ')} |`;
	const rule = head.map((_, column) => (column >= figuresFrom ? '---:' : '---'));
	return [line(head), line(rule), ...rows.map(line)].join('\n');
}
