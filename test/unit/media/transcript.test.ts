import fc from 'fast-check';

import {
	parseTranscript,
	readTranscript,
} from '../../../nodes/WhatsAppBusinessCalling/media/transcript';
import { fakeExecution } from '../fakes';

// Meta, "Call transcription".
const DOCUMENT = {
	metadata: { processed_at: '2026-06-18T20:16:47Z', audio: { duration: 21.76, channels: 2 } },
	transcript: {
		text: '[Business] Hello [Customer] Hi',
		language: 'en',
		duration: 21.76,
		confidence: 0.83,
		segments: [
			{
				id: 1,
				speaker: 'Business',
				channel: 0,
				start: 1.16,
				end: 2.44,
				text: 'Hello',
				confidence: 0.85,
				words: [{ word: 'Hello', start: 1.16, end: 2.44, confidence: 0.9, lang: 'en' }],
			},
		],
	},
};

const nothing = {
	id: null,
	speaker: null,
	channel: null,
	start: null,
	end: null,
	text: null,
	confidence: null,
};

const parse = (document: unknown) => parseTranscript(JSON.stringify(document));

describe('parseTranscript', () => {
	it('The documented document is read, and the words stay in the file', () => {
		const [{ words, ...segment }] = DOCUMENT.transcript.segments;
		expect(words).toHaveLength(1);
		expect(parse(DOCUMENT)).toEqual({ ...DOCUMENT.transcript, segments: [segment] });
	});

	it('The result has null for what is missing or odd', () => {
		expect(parse({ transcript: { text: '', language: 5, duration: 'x', segments: 'x' } })).toEqual({
			text: '',
			language: null,
			duration: null,
			confidence: null,
			segments: [],
		});
	});

	it('A document after a byte order mark is read', () => {
		expect(parseTranscript(`\uFEFF${JSON.stringify(DOCUMENT)}`)).toMatchObject({ language: 'en' });
	});

	it('Numbers that are written as text are read', () => {
		const segment = {
			...nothing,
			id: '1',
			channel: '0',
			start: '1.16',
			end: ' 2 ',
			confidence: '',
		};
		expect(
			parse({ transcript: { text: '', duration: '21.76', segments: [segment] } }),
		).toMatchObject({
			duration: 21.76,
			segments: [{ ...nothing, id: 1, channel: 0, start: 1.16, end: 2 }],
		});
	});

	it('Only the malformed segment is lost', () => {
		const [segment] = DOCUMENT.transcript.segments;
		const segments = [null, segment, 'x', [], { text: 5, start: {} }, segment];
		expect(parse({ transcript: { text: '', segments } })?.segments).toEqual([
			expect.objectContaining({ id: 1, text: 'Hello' }),
			nothing,
			expect.objectContaining({ id: 1, text: 'Hello' }),
		]);
	});

	it('The segments of a transcript without a text are kept', () => {
		const { segments } = DOCUMENT.transcript;
		expect(parse({ transcript: { segments } })).toMatchObject({
			text: null,
			segments: [{ speaker: 'Business' }],
		});
	});

	it.each([
		'',
		'{',
		'null',
		'[]',
		'{}',
		'"text"',
		'{"transcript":null}',
		'{"transcript":{}}',
		'{"transcript":{"text":5}}',
		'{"transcript":{"segments":{}}}',
		'{"transcript":{"segments":[null]}}',
		'{"result":{"transcript":{"text":"x"}}}',
	])('The result is null for the document %s', (document) =>
		expect(parseTranscript(document)).toBeNull(),
	);

	it('A document with more segments than any call stays in the file', () => {
		const withSegments = (count: number) =>
			parseTranscript(
				JSON.stringify({ transcript: { text: '', segments: Array(count).fill({}) } }),
			);
		expect(withSegments(20_000)?.segments).toHaveLength(20_000);
		expect(withSegments(20_001)).toBeNull();
	});

	it('The result is null or has a text or segments for any document, and nothing throws', () => {
		const any = fc.oneof(
			fc.string(),
			fc.json(),
			fc.jsonValue().map((transcript) => JSON.stringify({ transcript })),
		);
		fc.assert(
			fc.property(any, (document) => {
				const transcript = parseTranscript(document);
				return (
					transcript === null ||
					((transcript.text === null || typeof transcript.text === 'string') &&
						Array.isArray(transcript.segments))
				);
			}),
			{ numRuns: 2000 },
		);
		expect(parseTranscript('['.repeat(100_000) + ']'.repeat(100_000))).toBeNull();
	});
});

describe('readTranscript', () => {
	const NEVER = new AbortController().signal;
	const { context } = fakeExecution({});
	const data = Buffer.from(JSON.stringify(DOCUMENT));
	const binary = { data: data.toString('base64'), mimeType: 'application/json' };

	it('A file that is kept in the item is read', async () => {
		expect(await readTranscript(context, binary, data.length, NEVER)).toMatchObject({
			language: 'en',
		});
	});

	it('A document of 10 MB is read, and a larger one stays a file', async () => {
		expect(await readTranscript(context, binary, 10 * 1024 * 1024, NEVER)).not.toBeNull();
		expect(await readTranscript(context, binary, 10 * 1024 * 1024 + 1, NEVER)).toBeNull();
	});

	it('The reading ends with its time if the store never answers', async () => {
		context.helpers.getBinaryStream = async () => await new Promise(() => {});
		const stored = { ...binary, id: 'filesystem-v2:1' };
		const reading = readTranscript(context, stored, data.length, AbortSignal.timeout(20));
		await expect(reading).rejects.toMatchObject({ code: 'ETIMEDOUT' });
	});
});
