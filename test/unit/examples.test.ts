import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../package.json';

const EXAMPLES = join(__dirname, '..', '..', 'examples');

interface Node {
	name: string;
	type: string;
	position: [number, number];
	parameters: { content: string; width: number; height: number };
}

interface Workflow {
	nodes: Node[];
	connections: Record<string, { main: Array<Array<{ node: string }> | null> }>;
}

type Point = [x: number, y: number];

const files = readdirSync(EXAMPLES, { recursive: true })
	.map(String)
	.filter((file) => file.endsWith('.json') && !/package|node_modules/.test(file));

const isNote = ({ type }: Node) => type === 'n8n-nodes-base.stickyNote';

/** Pixels of a node on the canvas. */
const NODE_SIZE = 96;

/** Estimated from the widths of n8n's fonts: pixels from the top of a note to the end of its text. */
function textHeight({ content, width }: Node['parameters']): number {
	return content.split('\n').reduce((height, line) => {
		const text = line.trim();
		if (text === '') return height + 8;
		const isHeading = text.startsWith('#');
		const size = text.startsWith('## ') ? 20 : isHeading ? 16 : 14;
		const letters = text.replace(/^#+ |[*`_]/g, '').length;
		const lines = Math.max(1, Math.ceil((letters * size * 0.5) / (width - 32)));
		return height + lines * size * 1.45 + (isHeading ? 8 : 2);
	}, 12);
}

/** Points on the line that the editor draws between two nodes. */
function lineBetween(from: Node, to: Node, output: number, outputs: number): Point[] {
	const [startX, startY] = [
		from.position[0] + NODE_SIZE,
		from.position[1] + ((output + 1) * NODE_SIZE) / (outputs + 1),
	];
	const [endX, endY] = [to.position[0], to.position[1] + NODE_SIZE / 2];
	const bend = Math.max(Math.abs(endX - startX) / 2, 30);
	return Array.from({ length: 81 }, (_, step) => {
		const t = step / 80;
		const bezier = (a: number, b: number, c: number, d: number) =>
			(1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
		return [bezier(startX, startX + bend, endX - bend, endX), bezier(startY, startY, endY, endY)];
	});
}

describe.each(files)('the canvas of %s', (file) => {
	const { nodes, connections } = JSON.parse(readFileSync(join(EXAMPLES, file), 'utf8')) as Workflow;
	const notes = nodes.filter(isNote);
	const byName = new Map(nodes.map((node) => [node.name, node]));

	it('The notes are large enough for their texts', () => {
		const tooSmall = notes.filter(({ parameters }) => textHeight(parameters) > parameters.height);
		expect(tooSmall.map(({ name }) => name)).toEqual([]);
	});

	it('No connection crosses the text of a note', () => {
		const crossings = Object.entries(connections).flatMap(([name, { main }]) =>
			main.flatMap((targets, output) =>
				(targets ?? []).flatMap(({ node }) => {
					const line = lineBetween(byName.get(name)!, byName.get(node)!, output, main.length);
					const crossed = notes.filter(({ position: [left, top], parameters }) =>
						line.some(
							([x, y]) =>
								x > left &&
								x < left + parameters.width &&
								y > top &&
								y < top + Math.min(textHeight(parameters), parameters.height),
						),
					);
					return crossed.map((note) => `${name} > ${node}: ${note.name}`);
				}),
			),
		);
		expect(crossings).toEqual([]);
	});
});

it('examples/README.md lists every example with the URL to import it from', () => {
	const list = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
	const repository = manifest.repository.url.replace(/^git\+https:\/\/github\.com\/|\.git$/g, '');
	const urls = files
		.filter((file) => !file.includes('/'))
		.map((file) => `https://raw.githubusercontent.com/${repository}/main/examples/${file}`);
	expect(urls.filter((url) => !list.includes(`(${url})`))).toEqual([]);
});

it('README.md has at most 1,300 words', () => {
	const readme = readFileSync(join(__dirname, '..', '..', 'README.md'), 'utf8');
	// Not the lines and rules of tables.
	const words = readme.split(/\s+/).filter((word) => /\w/.test(word));
	expect(words.length).toBeLessThanOrEqual(1300);
});
