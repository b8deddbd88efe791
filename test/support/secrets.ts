import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { databaseFile } from './database';

/** A secret that was found where it must not be. */
export interface Found {
	/** File, or table and column of the database. */
	where: string;
	secret: string;
	/** How it was written there. */
	as: string;
}

/**
 * Looks for secrets in all that n8n keeps in its user folder: its database, its files and its log.
 *
 * @param secrets by the name under which they are reported
 */
export async function findSecrets(
	userFolder: string,
	secrets: Record<string, string>,
): Promise<{ found: Found[]; files: number; values: number }> {
	const found: Found[] = [];
	let files = 0;
	let values = 0;
	const forms = Object.entries(secrets).flatMap(([secret, text]) =>
		formsOf(text).map(({ as, text: form }) => ({ secret, as, form })),
	);
	const look = (where: string, content: string) => {
		for (const { secret, as, form } of forms) {
			if (content.includes(form)) found.push({ where, secret, as });
		}
	};
	for (const entry of await readdir(userFolder, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile() || entry.parentPath.includes('node_modules')) continue;
		const path = join(entry.parentPath, entry.name);
		files++;
		look(relative(userFolder, path), await readFile(path, 'latin1'));
	}
	// Again by its rows: in the file, a text may lie in several pieces.
	for (const { where, value } of rowsOf(databaseFile(userFolder))) {
		values++;
		look(where, value);
	}
	return { found, files, values };
}

/** The ways in which a secret may have been written down. */
export function formsOf(secret: string): Array<{ as: string; text: string }> {
	const bytes = Buffer.from(secret);
	const hex = bytes.toString('hex');
	const percent = (digits: string) => digits.replace(/../g, '%$&');
	const forms = [
		{ as: 'as it is', text: secret },
		{ as: 'bytes', text: bytes.toString('latin1') },
		{ as: 'hex', text: hex },
		{ as: 'hex', text: hex.toUpperCase() },
		{ as: 'URL-encoded', text: encodeURIComponent(secret) },
		{ as: 'URL-encoded', text: new URLSearchParams({ a: secret }).toString().slice(2) },
		{ as: 'URL-encoded', text: percent(hex) },
		{ as: 'URL-encoded', text: percent(hex.toUpperCase()) },
		{ as: 'JSON', text: JSON.stringify(secret).slice(1, -1) },
		...[0, 1, 2].flatMap((before) => {
			const text = withinBase64(bytes, before);
			const urlSafe = text.replaceAll('+', '-').replaceAll('/', '_');
			return [
				{ as: 'base64', text },
				{ as: 'base64', text: urlSafe },
			];
		}),
	];
	return [...new Map(forms.map((form) => [form.text, form])).values()];
}

/** What base64 makes of bytes wherever they stand: the characters that nothing around them changes. */
function withinBase64(bytes: Buffer, before: number): string {
	const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
	const whole = Math.floor(((before + bytes.length) * 8) / 6);
	return text.slice(Math.ceil((before * 8) / 6), whole);
}

function* rowsOf(file: string): Generator<{ where: string; value: string }> {
	const database = new DatabaseSync(file, { readOnly: true });
	try {
		const tables = database
			.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
			.all() as Array<{ name: string }>;
		for (const { name } of tables) {
			const rows = database.prepare(`SELECT * FROM "${name}"`).iterate() as Iterable<
				Record<string, unknown>
			>;
			for (const row of rows) {
				for (const [column, value] of Object.entries(row)) {
					const where = `${name}.${column}`;
					if (typeof value === 'string') yield { where, value };
					if (value instanceof Uint8Array)
						yield { where, value: Buffer.from(value).toString('latin1') };
				}
			}
		}
	} finally {
		database.close();
	}
}
