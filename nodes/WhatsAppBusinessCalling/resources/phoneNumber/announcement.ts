import { toNodeApiError } from '../../graph/nodeApiError';
import { uploadMedia } from '../../graph/uploadMedia';
import { OggOpusMeter } from '../../media/oggOpus';
import { readBinaryFile } from '../shared/binaryFile';
import { inputError } from '../shared/errors';
import type { OperationInput } from '../types';

/** Meta, "Call settings", voicemail: less than that. */
const MAX_SECONDS = 60;

/** More than 60 seconds of Opus at its highest bit rate, 510 kbit/s. */
const MAX_BYTES = 5 * 1024 * 1024;

const HOW_TO_CONVERT =
	'WhatsApp accepts Ogg with Opus, shorter than 60 seconds. Convert the file first, for example with ffmpeg: ffmpeg -i greeting.mp3 -c:a libopus -b:a 32k greeting.ogg';

/**
 * Reads the announcement from a binary field, and checks what Meta requires of it.
 *
 * @throws NodeOperationError if there is no file, or Meta would not accept it
 */
export async function readAnnouncementFile(input: OperationInput): Promise<Buffer> {
	const { field, content } = await readBinaryFile(input, MAX_BYTES);
	if (content === null) {
		throw inputError(input, 'The announcement is larger than 5 MB', `${HOW_TO_CONVERT}.`);
	}
	const meter = new OggOpusMeter();
	meter.push(content);
	const seconds = meter.result()?.durationSeconds;
	if (!seconds) {
		throw inputError(
			input,
			`The file in the field ${field} is not an Ogg Opus file with audio`,
			`${HOW_TO_CONVERT}.`,
		);
	}
	if (seconds >= MAX_SECONDS) {
		throw inputError(
			input,
			`The announcement is too long: ${Math.round(seconds)} seconds`,
			'It must be shorter than 60 seconds.',
		);
	}
	return content;
}

/**
 * Uploads an announcement. Meta keeps it for as long as it is used.
 *
 * @returns its media ID
 * @throws NodeApiError if Meta refuses it
 */
export async function uploadAnnouncement(
	{ context, account, itemIndex }: OperationInput,
	phoneNumberId: string,
	content: Buffer,
): Promise<string> {
	const uploaded = await uploadMedia(context, account, {
		phoneNumberId,
		content,
		mimeType: 'audio/ogg',
		fileName: 'announcement.ogg',
		useCase: 'call_voicemail_announcement',
	});
	if (uploaded.ok) return uploaded.value;
	throw toNodeApiError(context.getNode(), uploaded.failure, itemIndex, 'voicemail');
}
