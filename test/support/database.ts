import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Milliseconds to wait for an n8n that is writing. */
const BUSY_TIMEOUT_MS = 10_000;

/** The database of an n8n on SQLite. */
export const databaseFile = (userFolder: string) => join(userFolder, '.n8n', 'database.sqlite');

/** Works in the database of an n8n, which may be running. */
export function inDatabase<T>(userFolder: string, work: (database: DatabaseSync) => T): T {
	const database = new DatabaseSync(databaseFile(userFolder), { timeout: BUSY_TIMEOUT_MS });
	try {
		return work(database);
	} finally {
		database.close();
	}
}
