import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { fillMarkers } from '../../tools/docs/markers';
import { generatedPages } from '../../tools/docs/pages';

const read = (name: string) => readFileSync(join(__dirname, '../../docs', name), 'utf8');

const pages = generatedPages();

it.each(Object.keys(pages))(
	'The page docs/%s matches the code (npm run docs writes it)',
	(name) => {
		expect(read(name)).toBe(pages[name]);
	},
);

it.each(EVENT_TYPES.map(({ name }) => name))(
	'The page docs/events.md lists the fields of %s',
	(name) => {
		expect(read('events.md')).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'));
	},
);

describe('fillMarkers', () => {
	it('A table goes between markers on lines of their own, a figure between markers in a line', () => {
		const page =
			'<!-- begin: rows -->\nold\n<!-- end -->\n\nIt is <!-- begin: ms -->1<!-- end --> ms.';
		expect(fillMarkers(page, { rows: '| $& |', ms: '2' })).toBe(
			'<!-- begin: rows -->\n\n| $& |\n\n<!-- end -->\n\nIt is <!-- begin: ms -->2<!-- end --> ms.',
		);
	});

	it.each([
		[
			'a marker without a part',
			'a <!-- begin: one -->1<!-- end -->',
			{},
			/generates the part "one"/,
		],
		['a part without a marker', 'a', { one: '1' }, /no marker for: one/],
		[
			'a figure at the start of a line, where Markdown would end the paragraph',
			'a\n<!-- begin: one -->1<!-- end -->',
			{ one: '1' },
			/"one" must not be the first word/,
		],
	])('The program stops for %s', (_, page, parts, message) => {
		expect(() => fillMarkers(page, parts)).toThrow(message);
	});
});
