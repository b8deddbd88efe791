import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const MEBIBYTE = 1024 * 1024;
/** As Linux and macOS count them. */
const BLOCK_BYTES = 512;

/** Paths of all files below a folder, which need not be there. */
export async function filesBelow(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
	return entries
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));
}

/** Disk space of all files below a folder, in MB. Files may come and go meanwhile. */
export async function folderMegabytes(folder: string): Promise<number> {
	const sizes = (await filesBelow(folder)).map(
		async (file) =>
			await lstat(file).then(
				({ blocks }) => blocks * BLOCK_BYTES,
				() => 0,
			),
	);
	return (await Promise.all(sizes)).reduce((total, size) => total + size, 0) / MEBIBYTE;
}
