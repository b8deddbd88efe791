import type { Clock } from './clock';

const lines: Array<[speaker: 'Business' | 'Customer', start: number, end: number, text: string]> = [
	['Business', 5.6, 8.7, 'Emulated Support, good morning. How can I help?'],
	['Customer', 8.9, 13.6, 'Hello. My parcel has not arrived. The order number is four one seven.'],
	['Business', 13.8, 17.9, 'Thank you. It left our store today and reaches you tomorrow.'],
	['Customer', 18.1, 20.4, 'That is all I need. Goodbye.'],
];

/** The dialogue of the audio fixture as a document of Meta's form ("Call transcription"). */
export function makeTranscript(clock: Clock): string {
	const duration = 20.6;
	const segments = lines.map(([speaker, start, end, text], index) => {
		const words = text.split(' ');
		const step = (end - start) / words.length;
		return {
			id: index + 1,
			speaker,
			channel: speaker === 'Business' ? 0 : 1,
			start,
			end,
			text,
			confidence: 0.92,
			words: words.map((word, position) => ({
				word,
				start: round(start + position * step),
				end: round(start + (position + 1) * step),
				confidence: 0.9,
				lang: 'en',
			})),
		};
	});
	return JSON.stringify({
		metadata: {
			processed_at: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
			audio: { duration, sample_rate: 16000, channels: 2, audio_format: 'stereo' },
		},
		transcript: {
			text: lines.map(([speaker, , , text]) => `[${speaker}] ${text}`).join(' '),
			language: 'en',
			duration,
			confidence: 0.92,
			segments,
		},
	});
}

const round = (seconds: number) => Math.round(seconds * 100) / 100;
