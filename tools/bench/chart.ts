import { figureOf, rowsOf, type Results } from './results';
import { shown } from './report';
import { SETTINGS } from './settings';

const WIDTH = 760;
const MARGIN = 24;
const LABELS = 168;
const VALUES = 64;
const BAR = 20;
const GAP = 4;
const GROUP_HEAD = 34;
const HEAD = 74;

const NAMES: Partial<Record<keyof typeof SETTINGS, string>> = {
	none: 'n8n as it is',
	lazy: 'N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE=true',
	lazyYoung: 'the same, and NODE_OPTIONS=--max-semi-space-size=1',
	lazyYoungUnsaved: 'both, and EXECUTIONS_DATA_SAVE_ON_SUCCESS=none',
	legacy: 'N8N_EXPRESSION_ENGINE=legacy',
};

const BARS = [
	{ variant: 'ours', name: 'this package' },
	{ variant: 'handBuilt', name: 'built of n8n nodes' },
	{ variant: 'floor', name: 'trigger without work' },
];

const STYLE = `
text { font: 13px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.quiet { fill: #59636e; }
.setting { font-weight: 600; }
.ours { fill: #12883f; }
.handBuilt { fill: #8250df; }
.floor { fill: #818b98; }
@media (prefers-color-scheme: dark) {
	text { fill: #f0f6fc; }
	.quiet { fill: #9198a1; }
	.ours { fill: #3fb950; }
	.handBuilt { fill: #ab7df8; }
	.floor { fill: #656c76; }
}`.trim();

const escape = (text: string) =>
	text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

const text = (x: number, y: number, content: string, kind = '') =>
	`<text x="${x}" y="${y}"${kind && ` class="${kind}"`}>${escape(content)}</text>`;

/** Recordings per second with each of n8n's settings, as an SVG for light and dark pages. */
export function chartOf({ rows, machine, date }: Results): string {
	const measured = rowsOf(rows, { experiment: 'settings', sizeBytes: 1_000_000 });
	const most = Math.max(...measured.map(({ figures }) => figures.perSecond.median));
	const room = WIDTH - 2 * MARGIN - LABELS - VALUES;
	const parts = [
		text(MARGIN, 32, 'Recordings per second', 'title'),
		text(
			MARGIN,
			54,
			`1 MB each, 4 at once; n8n ${machine.n8n}, ${machine.cores} cores; ${date}. Longer is better.`,
			'quiet',
		),
	];
	let y = HEAD;
	for (const [kind, setting] of Object.entries(NAMES)) {
		parts.push(text(MARGIN, y + 20, setting, 'setting'));
		y += GROUP_HEAD;
		for (const { variant, name } of BARS) {
			const value = figureOf(measured, { kind, variant }, 'perSecond')?.median ?? 0;
			const length = Math.max(1, Math.round((value / most) * room));
			parts.push(
				text(MARGIN, y + 15, name, 'quiet'),
				`<rect x="${MARGIN + LABELS}" y="${y}" width="${length}" height="${BAR}" rx="3" class="${variant}"/>`,
				text(MARGIN + LABELS + length + 8, y + 15, shown(value)),
			);
			y += BAR + GAP;
		}
	}
	const height = y + MARGIN - GAP;
	const summary = BARS.map(({ variant, name }) =>
		[
			name,
			...Object.entries(NAMES).map(
				([kind, setting]) =>
					`${setting} ${shown(figureOf(measured, { kind, variant }, 'perSecond')?.median ?? 0)}`,
			),
		].join(', '),
	).join('; ');
	return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">
<title id="title">Recordings per second</title>
<desc id="description">${escape(summary)}</desc>
<style>
${STYLE}
</style>
${parts.join('\n')}
</svg>
`;
}
