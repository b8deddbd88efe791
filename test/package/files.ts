import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { REPOSITORY } from '../support/package';

const DIST = join(REPOSITORY, 'dist');

/** Absolute paths of what the build made. */
export function builtFiles(): string[] {
	try {
		const entries = readdirSync(DIST, { recursive: true, withFileTypes: true });
		const files = entries.filter((entry) => entry.isFile());
		if (files.length > 0) return files.map((entry) => join(entry.parentPath, entry.name));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
	}
	throw new Error(
		'There is no dist folder yet: run "npm run build" first, or "npm test", which does.',
	);
}
