import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What n8n reads from its environment when it is loaded: so this module comes before n8n-core. Each
 * test file gets a user folder of its own, with the binary data in it.
 */
export const userFolder = mkdtempSync(join(tmpdir(), 'whatsapp-calling-integration-'));

Object.assign(process.env, {
	N8N_USER_FOLDER: userFolder,
	N8N_ENCRYPTION_KEY: 'a key for tests only',
	N8N_DEFAULT_BINARY_DATA_MODE: 'filesystem',
	N8N_DIAGNOSTICS_ENABLED: 'false',
	N8N_LOG_LEVEL: 'silent',
	// A proxy of the machine must not come between n8n and the emulator.
	NO_PROXY: '127.0.0.1,localhost',
	no_proxy: '127.0.0.1,localhost',
});
