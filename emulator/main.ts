import { parseArgs } from 'node:util';
import { startEmulator, VARIANTS } from './index';
import { variantsOrder } from './orders';

const DEFAULT_PORT = 8380;

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			port: { type: 'string', default: String(DEFAULT_PORT) },
			callback: { type: 'string' },
			'pick-up-after': { type: 'string' },
			media: { type: 'boolean', default: false },
			'media-address': { type: 'string' },
			variant: { type: 'string', multiple: true, default: [] },
			help: { type: 'boolean', short: 'h', default: false },
		},
	});
	if (values.help) {
		console.log(`npm run emulator -- [--port ${DEFAULT_PORT}] [--callback URL] [--pick-up-after SECONDS] [--media] [--media-address ADDRESS] [--variant NAME=VALUE ...]

  --callback       send webhooks to this URL from the start, without registration
  --pick-up-after  called users pick up by themselves after so many seconds
  --media          users are WebRTC peers on this machine: sound flows, and is what gets recorded
  --media-address  the same, at this IPv4 address of the machine instead of 127.0.0.1: for peers that use
                   no loopback address (Janus, Firefox), or that run elsewhere
  --variant        how Meta writes or checks something, where that is open (the first is the default):
${Object.entries(VARIANTS)
	.map(([name, values]) => `                   ${name}=${values.join('|')}`)
	.join('\n')}`);
		return;
	}
	const pickUpAfter = values['pick-up-after'];
	const mediaAddress = values['media-address'];
	const emulator = await startEmulator({
		port: Number(values.port),
		...(pickUpAfter !== undefined && { pickUpAfterMs: Number(pickUpAfter) * 1000 }),
		...((values.media || mediaAddress !== undefined) && {
			webRtc: { ...(mediaAddress !== undefined && { mediaAddress }) },
		}),
		...variantsOf(values.variant),
		log: (line) => console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`),
	});
	if (values.callback !== undefined) {
		emulator.presetSubscription(values.callback, ['calls', 'messages']);
	}

	const { account, baseUrl } = emulator;
	const orders = `${baseUrl}/_emulator`;
	console.log(`Open ${baseUrl} in a browser on this machine: buttons for calls and recordings, values to copy, and
what arrived where. The emulator stands in for Meta at the same address. Stop it with Ctrl-C.

Type this into the credential "WhatsApp Business Calling API":
  Access Token                   ${account.accessToken}
  WhatsApp Business Account ID   ${account.businessAccountId}
  App ID                         ${account.appId}
  App Secret                     ${account.appSecret}
  API Version                    v26.0
  Base URL                       ${baseUrl}

Phone numbers of the business:
${account.phoneNumbers.map((number) => `  ${number.id}  ${number.displayPhoneNumber}  ${number.verifiedName}`).join('\n')}

Users of WhatsApp:
${account.users.map((user) => `  ${user.waId}  ${user.userId}  ${user.name} (call permission: ${user.permission})`).join('\n')}

The same orders as on the page, from another terminal:
  a user calls             curl -X POST ${orders}/calls
  ... and waits for sound  curl -X POST ${orders}/calls -d '{"silentUntilHeard":true}'
  a called user picks up   curl -X POST ${orders}/calls/latest/pick-up
  a called user declines   curl -X POST ${orders}/calls/latest/reject
  someone hangs up         curl -X POST ${orders}/calls/latest/hang-up
  how the sound is doing   curl ${orders}/calls/latest/media
  a finished recording     curl -X POST ${orders}/recordings
  a voicemail              curl -X POST ${orders}/voicemails
  the next download fails  curl -X POST ${orders}/faults -d '{"kind":"media","fault":{"status":503}}'
  what has happened        curl ${orders}/state

Webhooks go ${values.callback ? `to ${values.callback}` : 'nowhere until a workflow with the trigger is activated'}.
`);

	let stopping = false;
	const stop = () => {
		if (stopping) return;
		stopping = true;
		void emulator.stop();
	};
	process.on('SIGINT', stop);
	process.on('SIGTERM', stop);
}

/** @param chosen Texts such as `fileSizeAs=number`. */
function variantsOf(chosen: string[]) {
	const result = variantsOrder.safeParse(
		Object.fromEntries(chosen.map((text) => text.split('=', 2))),
	);
	if (!result.success) throw new Error('There is no such variant: --help lists them.');
	return result.data;
}

main().catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
});
