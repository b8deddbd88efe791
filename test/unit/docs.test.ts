import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { pageWithMatrix } from '../compat/matrix';
import { documentationTables } from '../../tools/docs/tables';

const COMPATIBILITY = join(__dirname, '..', '..', 'docs', 'compatibility.md');

const tables = documentationTables();

it('The page docs/compatibility.md has the table of versions as they were last tested (npm run test:compat)', () => {
	expect(readFileSync(COMPATIBILITY, 'utf8')).toBe(pageWithMatrix());
});

it.each(Object.keys(tables))('The page docs/%s matches the code (npm run docs writes it)', (name) => {
	const written = readFileSync(join(__dirname, '..', '..', 'docs', name), 'utf8');
	expect(written).toBe(tables[name]);
});

it.each(EVENT_TYPES.map(({ name }) => name))('The page docs/events.md lists the fields of %s', (name) => {
	expect(tables['events.md'].match(new RegExp(`^\\| \`${name}\` \\|`, 'm'))).not.toBeNull();
});
