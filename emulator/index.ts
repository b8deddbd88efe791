import { Emulator } from './emulator';
import type { EmulatorOptions } from './types';

/** Starts a stand-in for Meta's Graph API, media host and webhooks on loopback. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
	const emulator = new Emulator(options);
	await emulator.start();
	return emulator;
}

export type { Emulator } from './emulator';
export type { Account, PermissionStatus, PhoneNumber, WhatsAppUser } from './account';
export type {
	Call,
	CreatedRecording,
	FileOrder,
	HangUpOrder,
	MediaSource,
	RecordingOrder,
	UserCallOrder,
	VoicemailOrder,
} from './calls';
export { ANNOUNCEMENT_LANGUAGES } from './callRequest';
export { GraphError } from './errors';
export {
	contentOf,
	contentOfFile,
	createSyntheticMedia,
	DEFAULT_RECORDING,
	MEDIA_LIFETIME_MS,
	RECORDING_MIME_TYPE,
	URL_LIFETIME_MS,
} from './media';
export type { Media, MediaContent } from './media';
/** Tests are the business: theirs is the shorter name. */
export { makeBusinessSdp as makeSdp, makeSdp as makeWhatsAppSdp } from './sdp';
export { escapeJson } from './webhooks';
export type * from './types';
export { VARIANTS } from './variants';
export type { Variants } from './variants';
