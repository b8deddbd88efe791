import { ERROR_CATALOGUE } from '../../nodes/WhatsAppBusinessCalling/graph/errorCatalogue';
import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/trigger/events';
import { ANNOUNCEMENT_LANGUAGES } from '../../nodes/WhatsAppBusinessCalling/announcements';
import { readResults } from '../bench/results';
import { table } from './markdown';
import { performancePage } from './performance';

const MADE = '<!-- Made by `npm run docs` from the code; change it there. -->';

/** The pages of `docs/` that repeat a table of the code or measured figures, by file name. */
export function documentationTables(): Record<string, string> {
	const results = readResults();
	return {
		'errors.md': errors(),
		'events.md': events(),
		'announcements.md': announcements(),
		...(results && { 'performance.md': performancePage(results) }),
	};
}

function errors(): string {
	const rows = ERROR_CATALOGUE.map((entry) => [
		entry.codes
			.map((code) => (typeof code === 'number' ? code : `${code[0]}–${code[1]}`))
			.join(', '),
		entry.title,
		entry.existingCall
			? `${entry.hint} <br>For a call that exists: ${[entry.existingCall.title, entry.existingCall.hint].filter(Boolean).join('. ')}`
			: entry.hint,
		entry.transient ? (entry.refusedBeforeCalling ? 'yes, Start too' : 'yes, but not Start') : 'no',
	]);
	return `# Errors

${MADE}

What the nodes show for the error codes of Meta's API. Meta's own words, the subcode and the trace ID
stand below the title. *Again later* tells whether the same request can succeed without a change, so
that the nodes repeat it by themselves where that is safe, and n8n's *Retry On Fail* makes sense. A call
is never started again where the person may have been rung.

${table(['Code', 'Title', 'What to do', 'Again later'], rows)}
`;
}

function events(): string {
	const rows = EVENT_TYPES.map(({ label, name, aliases, description, field }) => [
		label,
		[name, ...aliases].map((value) => `\`${value}\``).join(', '),
		description,
		`\`${field}\``,
	]);
	return `# Events of the trigger

${MADE}

Each event is one item. All of them have \`event\`, \`callId\`, \`timestamp\`, \`businessAccountId\`,
\`phoneNumberId\`, \`displayPhoneNumber\`, and the person as \`from\`, \`fromUserId\`, \`fromParentUserId\` or
\`to\`, \`toUserId\`, \`toParentUserId\`; what Meta left out is \`null\`. Meta does not guarantee their order.

${table(['Event', 'Name in the API', 'What it is', 'Field of the webhook'], rows)}

## Their own fields

| Event | Fields |
| --- | --- |
| \`connect\` | \`direction\`, \`contactName\`, \`session.sdpType\` (\`offer\`: someone calls; \`answer\`: a call that you started), \`session.sdp\`, \`bizOpaqueCallbackData\`, \`deeplinkPayload\`, \`ctaPayload\` |
| \`call_created\` | \`direction\`, \`contactName\`, \`bizOpaqueCallbackData\`, \`deeplinkPayload\`, \`ctaPayload\` |
| \`status\` | \`status\` (\`RINGING\`, \`ACCEPTED\`, \`REJECTED\`), \`contactName\`, \`bizOpaqueCallbackData\` |
| \`terminate\` | \`answered\` (whether the call was picked up: an unanswered call may have the status \`COMPLETED\`), \`status\`, \`startedAt\`, \`endedAt\`, \`durationSeconds\`, \`errors\` (\`code\`, \`title\`, \`message\`, \`details\`, \`hint\`), \`direction\`, \`contactName\`, \`bizOpaqueCallbackData\`, \`deeplinkPayload\`, \`ctaPayload\` |
| \`call_recording_available\` | \`recording\`: \`mediaId\`, \`mimeType\`, \`sha256\`, \`fileName\`, \`sizeBytes\`, \`verified\`, \`availableUntil\`, and \`error\` where the file could not be fetched |
| \`call_transcription_available\` | \`transcription\`: the same, and \`transcript\` (\`text\`, \`language\`, \`duration\`, \`confidence\`, \`segments\`) |
| \`call_permission_reply\` | \`response\`, \`accepted\`, \`isPermanent\`, \`expiresAt\`, \`responseSource\` (\`user_action\`, \`automatic\`), \`messageId\`, \`requestMessageId\`; \`callId\` where the permission came with a call |
`;
}

function announcements(): string {
	const rows = ANNOUNCEMENT_LANGUAGES.map(({ label, codes, recording, combined }) => [
		label,
		codes.map((code) => `\`${code}\``).join(', '),
		recording,
		combined,
	]);
	return `# What both sides hear

${MADE}

Before WhatsApp records or transcribes a call, both sides hear one of these phrases, followed by the
purpose that you gave. Recording starts after it; whoever hangs up before is not recorded.

${table(['Language', 'Code', 'Recording', 'Recording and transcription'], rows)}

With both switched on there is one announcement, with the recording's purpose and language. Transcription
alone takes the same codes; for Dutch and Spanish (Spain) it is announced in English. Meta does not publish
the phrases for transcription alone.
`;
}
