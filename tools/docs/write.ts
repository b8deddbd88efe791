import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { generatedPages } from './pages';

for (const [name, content] of Object.entries(generatedPages())) {
	writeFileSync(join(__dirname, '../../docs', name), content);
}
