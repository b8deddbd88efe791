import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { databaseFile } from '../support/database';
import { installPackage, type InstalledPackage } from '../support/package';
import { PACKAGE } from '../support/workflow';

/** Display names by the name of the node. */
const NODES = {
	whatsAppBusinessCalling: 'WhatsApp Business Calling',
	whatsAppBusinessCallingTrigger: 'WhatsApp Business Calling Trigger',
};

export const NODE_TYPES = Object.keys(NODES).map((name) => `${PACKAGE}.${name}`);

interface Manifest {
	author: { name: string; email: string };
}

/**
 * Installs a version of the package into the user folder of an n8n that does not run: the files as n8n's
 * own installer brings them, and the rows that it writes (`InstalledPackagesRepository`), by which n8n
 * lists the package in its settings and can remove it.
 */
export async function install(
	registry: string,
	version: string,
	userFolder: string,
): Promise<InstalledPackage> {
	const installed = await installPackage({ name: PACKAGE, version, registry }, userFolder);
	const { author } = JSON.parse(
		await readFile(join(installed.folder, 'package.json'), 'utf8'),
	) as Manifest;
	const database = openDatabase(userFolder);
	try {
		database.prepare('DELETE FROM installed_packages WHERE packageName = ?').run(PACKAGE);
		database
			.prepare(
				'INSERT INTO installed_packages (packageName, installedVersion, authorName, authorEmail) VALUES (?, ?, ?, ?)',
			)
			.run(PACKAGE, version, author.name, author.email);
		const addNode = database.prepare(
			'INSERT INTO installed_nodes (name, type, latestVersion, package) VALUES (?, ?, ?, ?)',
		);
		for (const [name, displayName] of Object.entries(NODES)) {
			addNode.run(displayName, `${PACKAGE}.${name}`, 1, PACKAGE);
		}
	} finally {
		database.close();
	}
	return installed;
}

/** What n8n's database holds of the package: a number of rows for each table. */
export function tracesInDatabase(userFolder: string): Record<string, number> {
	const database = openDatabase(userFolder);
	try {
		const count = (table: string, column: string) => {
			const query = `SELECT count(*) AS rows FROM ${table} WHERE ${column} = ?`;
			return Number(database.prepare(query).get(PACKAGE)?.rows);
		};
		return {
			installed_packages: count('installed_packages', 'packageName'),
			installed_nodes: count('installed_nodes', 'package'),
		};
	} finally {
		database.close();
	}
}

function openDatabase(userFolder: string): DatabaseSync {
	return new DatabaseSync(databaseFile(userFolder));
}
