import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readOpusFile } from '../../emulator/rtc/opusFile';
import { REPOSITORY } from './package';

export interface DecodedAudio {
	seconds: number;
	/**
	 * Loudness as the root mean square of samples between -1 and 1, silence included; speech has 0.03 and more.
	 * And for how many seconds it is as loud as speech.
	 */
	channels: Array<{ loudness: number; speechSeconds: number }>;
	/** What the decoder complains about, which it does not do of every damage. */
	problems: string[];
}

/** What is to be heard in an Ogg Opus file. */
export async function decodeAudio(file: Buffer): Promise<DecodedAudio> {
	const decoder = spawn(process.execPath, [join(__dirname, 'decodeAudio.mjs')]);
	decoder.stdin.on('error', () => undefined);
	decoder.stdin.end(file);
	const [output, errors] = await Promise.all([text(decoder.stdout), text(decoder.stderr)]);
	if (output === '') throw new Error(`The audio cannot be decoded: ${errors.slice(-500)}`);
	return JSON.parse(output) as DecodedAudio;
}

/** The packets of the first channel of an Ogg Opus file of the repository. */
export async function packetsOf(path: string): Promise<Buffer[]> {
	const [packets = []] = readOpusFile(await readFile(join(REPOSITORY, path))).streams;
	return packets;
}
