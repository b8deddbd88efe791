import { ERROR_CATALOGUE } from '../../nodes/WhatsAppBusinessCalling/graph/errorCatalogue';
import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/trigger/events';
import { ANNOUNCEMENT_LANGUAGES } from '../../nodes/WhatsAppBusinessCalling/resources/call/announcementLanguages';
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
\`phoneNumberId\`, \`displayPhoneNumber\`, both sides as \`from\`, \`fromUserId\`, \`fromParentUserId\` and
\`to\`, \`toUserId\`, \`toParentUserId\`, and the person's \`contactName\` and \`contactUsername\`. What Meta does not
state is \`null\`. Meta does not guarantee the order of events; within one delivery, the status events of a call
come before its end.

An event that you chose always gives an item, even if its content is not as Meta documents it. Fields that can be
read are filled, the others are \`null\`, and the item has the event as Meta sent it under \`rawEvent\`.

${table(['Event', 'Name in the API', 'What it is', 'Field of the webhook'], rows)}

## Their own fields

| Event | Fields |
| --- | --- |
| \`connect\` | \`direction\`, \`answerBefore\` (when WhatsApp gives up an incoming call: 30 seconds after it began to ring), \`session.sdpType\` (\`offer\`: someone calls; \`answer\`: a call that you started), \`session.sdp\`, \`bizOpaqueCallbackData\`, \`deeplinkPayload\`, \`ctaPayload\` |
| \`call_created\` | \`direction\`, \`bizOpaqueCallbackData\`, \`deeplinkPayload\`, \`ctaPayload\` |
| \`status\` | \`status\` (\`RINGING\`, \`ACCEPTED\`, \`REJECTED\`), \`bizOpaqueCallbackData\` |
| \`terminate\` | \`answered\` (whether the call was picked up, \`null\` if Meta gives no sign of it; an unanswered call may have the status \`COMPLETED\`), \`status\`, \`startedAt\`, \`endedAt\`, \`durationSeconds\`, \`errors\` (\`code\`, \`title\`, \`message\`, \`details\`, \`hint\`), \`direction\`, \`bizOpaqueCallbackData\`, \`deeplinkPayload\`, \`ctaPayload\` |
| \`call_recording_available\` | \`recording\`: \`mediaId\`, \`mimeType\`, \`sha256\`, \`fileName\`, \`sizeBytes\`, \`durationSeconds\` and \`channels\` (of Ogg Opus, which Meta sends), \`verified\`, \`availableUntil\`, and \`error\` if the file could not be fetched; \`direction\`, \`bizOpaqueCallbackData\` |
| \`call_transcription_available\` | \`transcription\`: the same, and \`transcript\` (\`text\`, \`language\`, \`duration\`, \`confidence\`, \`segments\`) |
| \`call_permission_reply\` | \`response\`, \`accepted\`, \`isPermanent\`, \`expiresAt\`, \`responseSource\` (\`user_action\`, \`automatic\`), \`messageId\`, \`requestMessageId\`; \`callId\` if the permission came with a call |
| \`other\` | Meta's name of the event in \`event\`, \`direction\`, \`bizOpaqueCallbackData\`, \`deeplinkPayload\`, \`ctaPayload\`, and everything in \`rawEvent\` |

## Good to know

- **Calls of others.** If several apps (a calling partner, for example) are subscribed to the same account, each of them
  gets the events of all calls. To recognize your own, give them *Callback Data* and compare
  \`bizOpaqueCallbackData\`.
- **After a missed call you may write.** A call from a person, answered or not, opens the 24-hour window for free-form
  messages, and so does a call from you that the person accepts.
- **A permission request is a message.** Meta counts it as one: since October 2026, free-form messages cost after the first
  1,000 of a number and month.

## What is not an event

- **A permission request that cannot be delivered.** Meta accepts *Permission > Request* and reports the failure later, as
  the status of a message in the field \`messages\`: code 131026 (the person's WhatsApp is too old, or they cannot be
  reached) or 131047 (more than 24 hours have passed since the person last wrote). This trigger does not read message
  statuses; use n8n's own WhatsApp Trigger for them. If no reply arrives within a day, treat the request as failed.
- **A recording that failed.** Meta documents no event for it. The recording never arrives.
- **A voicemail.** It arrives as an audio message in the field \`messages\`, with the ID of the call as the ID of the message.
- **A changed user ID.** People who change their number get a new user ID. Meta reports it as a system message in the
  field \`messages\`.
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
