import {
	ERROR_CATALOGUE,
	errorEntry,
} from '../../../nodes/WhatsAppBusinessCalling/graph/errorCatalogue';

// Meta, "Calling API: reference" and "troubleshooting"; "Cloud API error codes".
const RETRYABLE = [
	1, 2, 4, 613, 80007, 130429, 131000, 131016, 131056, 131057, 133004, 138002, 138004, 138005,
];
const NOT_RETRYABLE = [
	...[
		138000, 138001, 138003, 138006, 138007, 138008, 138009, 138012, 138013, 138014, 138015, 138017,
	],
	...[138018, 138019, 138020, 138021, 138022, 138023, 131044, 131055, 131030, 100, 131009],
	...[0, 190, 3, 10, 200, 230, 299, 131005, 368, 131031, 33, 131048, 133016],
	...[131047, 130497, 2500],
];
/** The process that answers the webhook check may still be starting. */
const WAITED_OUT = [2200];

const placed = ERROR_CATALOGUE.filter((entry) => entry.refusedBeforeCalling);

describe('the error catalogue', () => {
	it('No code is there twice', () => {
		const ranges = ERROR_CATALOGUE.flatMap(({ codes }) =>
			codes.map((code) => (typeof code === 'number' ? [code, code] : code)),
		).sort(([a], [b]) => a - b);
		for (const [index, [from, to]] of ranges.entries()) {
			expect(from).toBeLessThanOrEqual(to);
			if (index > 0) expect(from).toBeGreaterThan(ranges[index - 1][1]);
		}
	});

	it.each([...RETRYABLE, ...WAITED_OUT])('The code %i is temporary', (code) => {
		expect(errorEntry(code)).toMatchObject({ transient: true });
	});

	it.each(NOT_RETRYABLE)('The code %i is permanent', (code) => {
		expect(errorEntry(code)).toMatchObject({ transient: false });
	});

	it('No other code is temporary', () => {
		const transient = ERROR_CATALOGUE.filter((entry) => entry.transient).flatMap(
			({ codes }) => codes,
		);
		expect(transient.map(Number).sort()).toEqual([...RETRYABLE, ...WAITED_OUT].sort());
	});

	it('A start may be repeated only after a limit, never after an error in between', () => {
		expect(placed.flatMap(({ codes }) => codes)).toEqual([
			...[138002, 138005, 4, 613, 80007, 130429, 131056],
		]);
		for (const entry of placed) expect(entry.transient).toBe(true);
	});

	it.each(ERROR_CATALOGUE)('The operator learns what to do: $title', ({ title, hint }) => {
		expect(title).toMatch(/^[A-Z].{8,90}[^.]$/);
		expect(hint).toMatch(/^[A-Z].{15,}\.$/);
	});

	it.each(
		ERROR_CATALOGUE.flatMap(({ title, hint, existingCall, voicemail }) =>
			Object.entries({ existingCall, voicemail }).flatMap(([subject, texts]) =>
				texts ? { title, hint, subject, texts } : [],
			),
		),
	)('The subject $subject has other texts: $title', ({ hint, texts }) => {
		if (texts.title) expect(texts.title).toMatch(/^[A-Z].{8,90}[^.]$/);
		expect(texts.hint).toMatch(/^[A-Z].{15,}\.$/);
		expect(texts.hint).not.toBe(hint);
	});

	it('A text that names one way to connect the audio names all', () => {
		const hints = ERROR_CATALOGUE.map(({ hint }) => hint);
		for (const hint of hints.filter((text) => /media server/.test(text))) {
			expect(hint).toContain('browser tab');
		}
	});

	it.each([null, 138010, 138011, 138016, -1, 199, 300, 5, NaN])(
		'The code %p is unknown',
		(code) => {
			expect(errorEntry(code)).toBeUndefined();
		},
	);
});
