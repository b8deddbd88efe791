import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { readOpusPackets } from './ogg.mjs';
import { createGateway } from './server.mjs';

const USAGE = `node gateway.mjs [options]

  --host ADDRESS             of the HTTP interface (default 127.0.0.1)
  --port PORT                of the HTTP interface (default 8390; 0 takes a free one)
  --media-address ADDRESS    of this machine, for the audio; "all" for every one (default 127.0.0.1)
  --stun HOST:PORT           server that finds out the public address (default: none)
  --prompt FILE              Ogg Opus, one channel, packets of 20 ms (default prompt.ogg)
  --prompt-delay SECONDS     between the start of the conversation and the prompt (default 0)
  --assume-accepted SECONDS  after which a connected incoming call counts as accepted, if no request
                             says so before (default 3)
  --max-calls NUMBER         at the same time (default 10)
  --idle SECONDS             after which a call ends that is not connected, or silent (default 60)

The environment variable GATEWAY_SECRET, if it is set, must come with each request:
  Authorization: Bearer <the secret>`;

function settingsFrom(args, { GATEWAY_SECRET: secret }) {
	const { values } = parseArgs({
		args,
		options: {
			host: { type: 'string', default: '127.0.0.1' },
			port: { type: 'string', default: '8390' },
			'media-address': { type: 'string', default: '127.0.0.1' },
			prompt: { type: 'string' },
			'prompt-delay': { type: 'string', default: '0' },
			'assume-accepted': { type: 'string', default: '3' },
			stun: { type: 'string' },
			'max-calls': { type: 'string', default: '10' },
			idle: { type: 'string', default: '60' },
			help: { type: 'boolean', short: 'h', default: false },
		},
	});
	if (values.help) return undefined;
	const number = (name) => {
		const value = Number(values[name]);
		if (!(value >= 0)) throw new Error(`--${name} must be a number`);
		return value;
	};
	const mediaAddress = values['media-address'];
	if (mediaAddress !== 'all' && isIP(mediaAddress) !== 4) {
		throw new Error('--media-address must be an IPv4 address of this machine, or "all"');
	}
	const { stun } = values;
	if (stun !== undefined && !/^[^\s:/]+:\d{1,5}$/.test(stun)) {
		throw new Error('--stun must be HOST:PORT, e.g. stun.example.com:3478');
	}
	const isLoopback = /^(127\.|localhost$|::1$)/.test(values.host);
	if (!isLoopback && !secret) {
		throw new Error('Set GATEWAY_SECRET: others than this machine could reach the gateway');
	}
	return {
		host: values.host,
		port: number('port'),
		mediaAddress,
		prompt: readPrompt(values.prompt ?? new URL('prompt.ogg', import.meta.url)),
		promptDelayMs: number('prompt-delay') * 1000,
		assumeAcceptedMs: number('assume-accepted') * 1000,
		stun,
		maxCalls: number('max-calls'),
		connectTimeoutMs: number('idle') * 1000,
		silenceTimeoutMs: number('idle') * 1000,
		secret: secret || undefined,
		log: (line) => console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`),
	};
}

function readPrompt(file) {
	try {
		return readOpusPackets(readFileSync(file));
	} catch (error) {
		throw new Error(`The prompt cannot be played (${file}). ${error.message}`);
	}
}

function main() {
	const settings = settingsFrom(process.argv.slice(2), process.env);
	if (!settings) {
		console.log(USAGE);
		return;
	}
	const server = createGateway(settings);
	server.on('error', fail);
	server.listen(settings.port, settings.host, () => {
		const { address, port } = server.address();
		const host = address.includes(':') ? `[${address}]` : address;
		console.log(`The media gateway listens at http://${host}:${port}. Stop it with Ctrl-C.`);
	});
	for (const signal of ['SIGINT', 'SIGTERM']) {
		process.once(signal, () => {
			server.close(() => process.exit(0));
			server.closeAllConnections();
		});
	}
}

function fail(error) {
	console.error(error.message);
	process.exitCode = 1;
}

try {
	main();
} catch (error) {
	fail(error);
}
