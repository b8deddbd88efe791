import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import {
	ERROR_CATALOGUE,
	REFUSED,
	UNKNOWN_ID,
} from '../../nodes/WhatsAppBusinessCalling/graph/errorCatalogue';
import { ANNOUNCEMENT_LANGUAGES } from '../../nodes/WhatsAppBusinessCalling/resources/call/announcementLanguages';
import { readResults } from '../bench/results';
import { readMatrix, versionsTable } from './compatibility';
import { table } from './markdown';
import { fillMarkers } from './markers';
import { performanceParts } from './performance';

const DOCS = join(__dirname, '../../docs');

/** The pages of `docs/` with parts that come from the code or from measurements, filled; by file name. */
export function generatedPages(): Record<string, string> {
	const results = readResults();
	const parts: Record<string, Record<string, string>> = {
		'compatibility.md': { versions: versionsTable(readMatrix()) },
		'errors.md': { errors: errors() },
		'events.md': { events: events() },
		'announcements.md': { announcements: announcements() },
		'operations.md': { languages: String(ANNOUNCEMENT_LANGUAGES.length) },
		...(results && { 'performance.md': performanceParts(results) }),
	};
	return Object.fromEntries(
		Object.entries(parts).map(([name, ofPage]) => [
			name,
			fillMarkers(readFileSync(join(DOCS, name), 'utf8'), ofPage),
		]),
	);
}

export function writeGeneratedPages(): void {
	for (const [name, content] of Object.entries(generatedPages())) {
		writeFileSync(join(DOCS, name), content);
	}
}

function errors(): string {
	const rows = [...ERROR_CATALOGUE, UNKNOWN_ID, REFUSED.app, REFUSED.appSecret].map((entry) => [
		entry.codes
			.map((code) => (typeof code === 'number' ? code : `${code[0]}–${code[1]}`))
			.join(', '),
		entry.title,
		[
			entry.hint,
			...special('an existing call', entry.existingCall),
			...special('voicemail', entry.voicemail),
		].join(' <br>'),
		entry.transient ? (entry.refusedBeforeCalling ? 'yes, Start too' : 'yes, but not Start') : 'no',
	]);
	return table(['Code', 'Title', 'What to do', 'Can be retried'], rows);
}

/** Texts of a code for a special subject. */
function special(subject: string, texts?: { title?: string; hint: string }): string[] {
	if (!texts) return [];
	return [`For ${subject}: ${[texts.title, texts.hint].filter(Boolean).join('. ')}`];
}

function events(): string {
	const rows = EVENT_TYPES.map(({ label, name, aliases, description, field }) => [
		label,
		[name, ...aliases].map((value) => `\`${value}\``).join(', '),
		description,
		`\`${field}\``,
	]);
	return table(['Event', 'Name in the API', 'Description', 'Webhook field'], rows);
}

function announcements(): string {
	const rows = ANNOUNCEMENT_LANGUAGES.map(({ label, codes, recording, combined }) => [
		label,
		codes.map((code) => `\`${code}\``).join(', '),
		recording,
		combined,
	]);
	return table(['Language', 'Code', 'Recording', 'Recording and transcription'], rows);
}
