import { readdir, readFile, writeFile } from 'node:fs/promises';

/** Linux counts a process's CPU time in hundredths of a second. */
const MS_PER_TICK = 10;

/** CPU time of a process and all its threads so far, in milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
	return cpuMsIn(await readFile(`/proc/${pid}/stat`, 'utf8'));
}

/** CPU time so far of those threads of a process that have a name, in milliseconds. */
export async function threadsCpuMs(pid: number, name: string): Promise<number> {
	const folder = `/proc/${pid}/task`;
	const stats = await Promise.all(
		(await readdir(folder)).map(
			async (thread) => await readFile(`${folder}/${thread}/stat`, 'utf8'),
		),
	);
	return stats
		.filter((stat) => stat.includes(`(${name})`))
		.reduce((sum, stat) => sum + cpuMsIn(stat), 0);
}

/** Of a line that the kernel has for a process or a thread. */
function cpuMsIn(stat: string): number {
	// Its name stands in brackets and may hold spaces.
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Resident memory of a process in MB, now. */
export async function residentMb(pid: number): Promise<number> {
	return await statusMb(pid, 'VmRSS');
}

/** From now on the kernel notes the highest resident memory anew. */
export async function resetPeak(pid: number): Promise<void> {
	await writeFile(`/proc/${pid}/clear_refs`, '5');
}

export async function peakMb(pid: number): Promise<number> {
	return await statusMb(pid, 'VmHWM');
}

async function statusMb(pid: number, name: string): Promise<number> {
	const status = await readFile(`/proc/${pid}/status`, 'utf8');
	const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
	if (kilobytes === undefined) throw new Error(`No ${name} of process ${pid}`);
	return Number(kilobytes) / 1024;
}
