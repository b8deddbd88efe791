import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentationTables } from './tables';

for (const [name, content] of Object.entries(documentationTables())) {
	writeFileSync(join(__dirname, '../../docs', name), content);
}
