import fc from 'fast-check';
import { anyText } from '../../support/properties';

import {
	announcementLanguage,
	announcementText,
	LANGUAGE_CODES,
	languageOptions,
	likelyLanguage,
} from '../../../nodes/WhatsAppBusinessCalling/resources/call/announcementLanguages';

describe('likelyLanguage', () => {
	it.each([
		['en-US', 'en_US'],
		['en_us', 'en_US'],
		['EN US', 'en_US'],
		['en_ZA', 'en'],
		['pt_BR', 'pt'],
		['pt-PT', 'pt'],
		['fr_FR', 'fr'],
		['es-es', 'es_ES'],
		['es_MX', 'es'],
		['de-CH-1996', 'de'],
		[' nl ', 'nl'],
		['NL', 'nl'],
		['German', 'de'],
		['english', 'en'],
		['Portuguese', 'pt'],
		['spanish (spain)', 'es_ES'],
		['zh', null],
		['zh_CN', null],
		['e', null],
		['(', null],
		['', null],
		['  ', null],
		['__', null],
		['constructor', null],
	])('The text %j is taken for %j', (code, likely) => {
		expect(likelyLanguage(code)).toBe(likely);
	});

	it.each(LANGUAGE_CODES)('The code %s stays as it is', (code) => {
		expect(likelyLanguage(code)).toBe(code);
	});

	it('The result is an existing code or null for any text', () => {
		fc.assert(
			fc.property(anyText(), (text) => {
				const likely = likelyLanguage(text);
				return likely === null || LANGUAGE_CODES.includes(likely);
			}),
			{ numRuns: 2000 },
		);
	});

	it('Case, surrounding spaces and the kind of dash do not matter', () => {
		const code = fc.constantFrom(...LANGUAGE_CODES);
		const dash = fc.constantFrom('-', '_', ' ', '--');
		fc.assert(
			fc.property(code, dash, fc.boolean(), (exact, between, upper) => {
				const text = ` ${exact.replace('_', between)} `;
				return likelyLanguage(upper ? text.toUpperCase() : text.toLowerCase()) === exact;
			}),
			{ numRuns: 1000 },
		);
	});
});

describe('announcementText', () => {
	it('The text is the phrase, a space and the purpose', () => {
		expect(announcementText('recording', 'de', 'Schulung')).toBe(
			'Dieser Anruf wird zu folgenden Zwecken aufgezeichnet: Schulung',
		);
	});

	it.each(['xx', '', 'DE', 'constructor', '__proto__'])(
		'The text is null for the code %j',
		(code) => {
			expect(announcementText('recording', code, 'x')).toBeNull();
			expect(announcementLanguage(code)).toBeUndefined();
		},
	);

	it('The text ends with the purpose, whatever that contains', () => {
		fc.assert(
			fc.property(fc.constantFrom(...LANGUAGE_CODES), fc.string(), (code, purpose) => {
				const phrase = announcementLanguage(code)?.combined ?? '';
				return announcementText('combined', code, purpose) === `${phrase} ${purpose}`;
			}),
			{ numRuns: 1000 },
		);
	});
});

describe('languageOptions', () => {
	it('The languages are sorted by name', () => {
		const names = languageOptions.map(({ name }) => name);
		expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b, 'en')));
	});

	it('The two languages in which a transcription is announced in English are marked', () => {
		const english = LANGUAGE_CODES.filter(
			(code) => announcementLanguage(code)?.transcriptionInEnglish,
		);
		expect(english).toEqual(['nl', 'es_ES']);
	});
});
