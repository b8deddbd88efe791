import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Receiver } from '../test/support/receiver';

let receiver: Receiver;
let child: ChildProcess | undefined;

beforeEach(async () => {
	receiver = await new Receiver().start();
});

afterEach(async () => {
	child?.kill();
	await receiver.stop();
});

/** What `npm run emulator` does: its output until it has the words, or its end. */
function run(words: RegExp, ...args: string[]): Promise<string> {
	const main = join(__dirname, 'main.ts');
	const started = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	child = started;
	return new Promise((resolve) => {
		let output = '';
		const read = (chunk: Buffer) => {
			output += chunk.toString();
			if (words.test(output)) resolve(output);
		};
		started.stdout.on('data', read);
		started.stderr.on('data', read);
		started.once('exit', () => resolve(output));
	});
}

it('The command sends every kind of webhook to --callback, in the form of --variant', async () => {
	const output = await run(
		/Webhooks go to/,
		...['--port', '0', '--callback', receiver.url],
		...['--variant', 'numbersAs=text', '--variant', 'userIdsIn=contacts'],
	);
	const [orders] = /http:\S+_emulator/.exec(output) ?? [];
	const answer = await fetch(`${orders}/permission-answers`, {
		method: 'POST',
		body: '{"accept":true}',
	});
	expect(await answer.json()).toMatchObject({ answer: { status: 200 } });
	await fetch(`${orders}/recordings`, { method: 'POST' });
	expect(receiver.events).toMatchObject([
		{ interactive: { call_permission_reply: { is_permanent: 'false' } } },
		{ event: 'call_recording_available' },
	]);
	expect(receiver.events[0]).not.toHaveProperty('from_user_id');
});

it('The command rejects an unknown variant', async () => {
	expect(await run(/no such variant/, '--port', '0', '--variant', 'numbersAs=roman')).toMatch(
		/no such variant/,
	);
});

it('The command rejects a media address of another machine, and names those of this one', async () => {
	expect(await run(/media address/, '--port', '0', '--media-address', '203.0.113.5')).toMatch(
		/203\.0\.113\.5 is not an IPv4 address of this machine.* 127\.0\.0\.1/,
	);
});
