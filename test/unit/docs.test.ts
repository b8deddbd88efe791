import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/trigger/events';
import { readmeWithMatrix } from '../compat/matrix';
import { documentationTables } from '../docs/tables';

const README = join(__dirname, '..', '..', 'README.md');

const tables = documentationTables();

it('README.md has the table of versions as they were last tested (npm run test:compat)', () => {
	expect(readFileSync(README, 'utf8')).toBe(readmeWithMatrix());
});

it.each(Object.keys(tables))('docs/%s says what the code does (npm run docs writes it)', (name) => {
	const written = readFileSync(join(__dirname, '..', '..', 'docs', name), 'utf8');
	expect(written).toBe(tables[name]);
});

it.each(EVENT_TYPES.map(({ name }) => name))('docs/events.md lists the fields of %s', (name) => {
	expect(tables['events.md'].match(new RegExp(`^\\| \`${name}\` \\|`, 'm'))).not.toBeNull();
});
