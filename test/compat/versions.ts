import { statfs } from 'node:fs/promises';
import { cacheFolder, removeCached } from '../support/cache';
import { N8N_VERSION, type InstallProgress } from '../support/n8nInstall';

/** The oldest supported version, some since then, and the one of all other tests. */
export const VERSIONS = ['1.100.1', '1.123.81', '2.0.3', '2.20.12', '2.30.8', N8N_VERSION];

/**
 * Versions whose folder for files keeps what had been written of a file that fails (refused, or cut on
 * the way). A node cannot remove it.
 */
export const KEEP_REFUSED_FILES = ['1.100.1', '1.123.81', '2.0.3', '2.20.12', '2.30.8'];

/**
 * Versions that answer a webhook a moment before they store its execution, where it is to be answered
 * when stored. A node cannot hold the answer up, nor learn whether the storing failed.
 */
export const ANSWER_BEFORE_STORING = ['1.100.1', '1.123.81', '2.0.3'];

/** Versions whose addresses of waiting executions anyone can guess who knows the number of one. */
export const UNSIGNED = ['1.100.1', '1.123.81', '2.0.3'];

/** Versions whose addresses of waiting executions let pages of n8n's own origin read answers only. */
export const WAIT_WITHOUT_CORS = ['1.100.1', '2.0.3'];

/** Versions without Data Tables, or whose node neither creates one nor finds it by its name. */
export const WITHOUT_TEAM_PAGE = ['1.100.1', '1.123.81', '2.0.3'];

/** Bytes. Below this, an installation (2.9 GB) is removed after its run. */
const ENOUGH_ROOM = 15 * 1024 ** 3;

/** The versions to try: those in COMPAT_VERSIONS (with commas between), or all. */
export function chosenVersions(): string[] {
	const chosen = (process.env.COMPAT_VERSIONS ?? '').split(',').map((version) => version.trim());
	const named = chosen.filter((version) => version !== '');
	return named.length > 0 ? named : VERSIONS;
}

/** Takes an old version out of the cache again where the disk has little room left. */
export async function makeRoom(version: string): Promise<void> {
	if (version === N8N_VERSION) return;
	const { bavail, bsize } = await statfs(cacheFolder());
	if (bavail * bsize < ENOUGH_ROOM) await removeCached(`n8n-${version}`);
}

const PRINT_INTERVAL = 30_000;

/** Says from time to time how far an installation is. */
export function progressPrinter(version: string): (progress: InstallProgress) => void {
	let printed = 0;
	return ({ phase, elapsed }) => {
		if (elapsed - printed < PRINT_INTERVAL) return;
		printed = elapsed;
		console.log(`n8n ${version}: ${phase}, ${Math.round(elapsed / 1_000)} s`);
	};
}
