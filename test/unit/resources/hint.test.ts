import { showAnnouncement } from '../../../nodes/WhatsAppBusinessCalling/resources/call/announcementHint';
import { showHint } from '../../../nodes/WhatsAppBusinessCalling/resources/shared/hint';
import type { OperationInput } from '../../../nodes/WhatsAppBusinessCalling/resources/types';

const announced = { status: 'ENABLED', purpose: 'x', announcement_language: 'en' } as const;

function shown(body: object, text: string | null, itemIndex = 0): unknown[] {
	const hints: unknown[] = [];
	const context = { addExecutionHints: (...more: unknown[]) => void hints.push(...more) };
	showAnnouncement({ context, itemIndex } as unknown as OperationInput, { body, text });
	return hints;
}

it('The hint after a call shows what both sides hear, or that nothing is recorded', () => {
	const hint = (message: string) => [{ type: 'info', location: 'outputPane', message }];
	expect(shown({ recording: announced }, 'Recorded for x.')).toEqual(
		hint('Both sides hear: “Recorded for x.”'),
	);
	expect(shown({}, null)).toEqual(
		hint('This call is not recorded. To record calls, turn on Record Call.'),
	);
	expect(shown({ transcription: announced }, null)).toEqual(
		hint('This call is transcribed, but not recorded. To record calls, turn on Record Call.'),
	);
	expect(shown({}, null, 1)).toEqual([]);
});

it('The hint is left out if n8n has no place for it, because the call is already made', () => {
	expect(() => showHint({}, 'info', 'x')).not.toThrow();
});
