import { showHint } from '../shared/hint';
import type { OperationInput } from '../types';
import type { Announcement } from './announcement';

/** Shows what both sides hear, or that the call is not recorded: nobody finds out during the call. */
export function showAnnouncement(
	{ context, itemIndex }: OperationInput,
	{ body, text }: Announcement,
): void {
	// One is enough for many calls.
	if (itemIndex > 0) return;
	if (body.recording === undefined) {
		const found = body.transcription ? 'transcribed, but not recorded' : 'not recorded';
		showHint(context, 'info', `This call is ${found}. To record calls, turn on Record Call.`);
	} else if (text !== null) {
		showHint(context, 'info', `Both sides hear: “${text}”`);
	}
}
