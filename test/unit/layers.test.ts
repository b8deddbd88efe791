import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const NODE = join(__dirname, '../../nodes/WhatsAppBusinessCalling');
const ARCHITECTURE = join(__dirname, '../../docs/architecture.md');

// A star stands for one name: `resources/*/` for each folder in it.
const patternOf = (name: string) =>
	new RegExp(`^${name.replace(/[.]/g, '\\.').replace('*', '[^/]+').replace(/\/$/, '/.*')}$`);

/** The rows of the table "Layers", the highest first. */
function layers(): Array<Array<{ name: string; pattern: RegExp }>> {
	const [, section = ''] = readFileSync(ARCHITECTURE, 'utf8').split('\n## Layers\n');
	const rows = section.split('\n## ')[0].match(/^\| `.*$/gm) ?? [];
	return rows.map((row) =>
		[...row.split('|')[1].matchAll(/`([^`]+)`/g)].map(([, name]) => ({
			name,
			pattern: patternOf(name),
		})),
	);
}

const LAYERS = layers();
const FILES = readdirSync(NODE, { recursive: true, encoding: 'utf8' }).filter((file) =>
	file.endsWith('.ts'),
);

// The longest name decides: resources/shared/ comes before the star.
function layerOf(file: string): number {
	const matches = LAYERS.flatMap((names, layer) =>
		names.filter(({ pattern }) => pattern.test(file)).map(({ name }) => ({ name, layer })),
	);
	matches.sort((a, b) => b.name.length - a.name.length);
	return matches[0]?.layer ?? -1;
}

function importsOf(file: string): string[] {
	const source = readFileSync(join(NODE, file), 'utf8');
	return [...source.matchAll(/ from '(\.[^']+)'/g)].map(([, path]) => {
		const target = normalize(join(dirname(file), path));
		return FILES.includes(`${target}.ts`) ? `${target}.ts` : join(target, 'index.ts');
	});
}

it('Every file of the node is in a row of the table in docs/architecture.md', () => {
	expect(FILES.length).toBeGreaterThan(50);
	expect(FILES.filter((file) => layerOf(file) < 0)).toEqual([]);
});

it('Every file of the node imports only from its own row of the table and from the rows below it', () => {
	const upward = FILES.flatMap((file) =>
		importsOf(file)
			.filter((target) => layerOf(target) < layerOf(file))
			.map((target) => `${file} imports ${target}`),
	);
	expect(upward).toEqual([]);
});

it('Every operation imports nothing from another resource', () => {
	const resourceOf = (file: string) => /^resources\/(\w+)\//.exec(file)?.[1] ?? 'shared';
	const sideways = FILES.flatMap((file) =>
		file === 'resources/router.ts' || !file.startsWith('resources/')
			? []
			: importsOf(file)
					.filter((target) => ![resourceOf(file), 'shared'].includes(resourceOf(target)))
					.map((target) => `${file} imports ${target}`),
	);
	expect(sideways).toEqual([]);
});
