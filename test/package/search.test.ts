import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { WhatsAppBusinessCalling } from '../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCalling.node';
import { WhatsAppBusinessCallingTrigger } from '../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCallingTrigger.node';
import { REPOSITORY } from '../support/package';

interface Found {
	score: number;
	item: { key: string };
}

/** The search of n8n's node creator: n8n's editor bundles this file. */
const { sublimeSearch } = createRequire(require.resolve('n8n-core'))(
	'@n8n/utils/search/sublime-search',
) as { sublimeSearch: (filter: string, items: Array<{ key: string }>) => Found[] };

/** A node as the node creator has it in its list. */
function entry(file: string, displayName: string) {
	const path = join(REPOSITORY, 'nodes/WhatsAppBusinessCalling', `${file}.node.json`);
	const { alias } = JSON.parse(readFileSync(path, 'utf8')) as { alias: string[] };
	return { key: file, properties: { displayName, codex: { alias } } };
}

const NODES = [
	entry('WhatsAppBusinessCalling', new WhatsAppBusinessCalling().description.displayName),
	entry(
		'WhatsAppBusinessCallingTrigger',
		new WhatsAppBusinessCallingTrigger().description.displayName,
	),
];

describe("the search of n8n's node creator", () => {
	it.each([
		...['whatsapp', 'whatsapp call', 'whatsapp calls', 'whatsapp business', 'calling', 'wa call'],
		...['call recording', 'record call', 'record calls', 'record whatsapp calls', 'recording'],
		...['whatsapp recording', 'whatsapp call recording', 'call recorder', 'record phone call'],
		...['transcript', 'transcription', 'transcribe call', 'call transcript', 'whatsapp audio'],
		...['phone', 'phone call', 'telephone', 'telephony', 'voice', 'voice call', 'voice agent'],
		...['voip', 'webrtc', 'sip', 'audio', 'meta', 'start call', 'make a call', 'answer call'],
		...['incoming call', 'outbound call', 'missed call', 'whatsapp voice', 'whatsapp phone'],
	])('The search finds both nodes for "%s"', (query) => {
		const found = sublimeSearch(query, NODES).map(({ item }) => item.key);
		expect(found.toSorted()).toEqual(NODES.map(({ key }) => key));
	});

	it.each(['telegram', 'invoice', 'spreadsheet', 'postgres', 'calendar'])(
		'The search does not offer the nodes for "%s"',
		(query) => {
			expect(sublimeSearch(query, NODES)).toEqual([]);
		},
	);
});
