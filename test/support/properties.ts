import fc from 'fast-check';

/** Cases that each property of what stands between us and the outside is tried with; fewer in mutation tests only. */
export const RUNS = Number(process.env.PROPERTY_RUNS ?? 10_000);

/** Any text, also with halves of surrogate pairs. fast-check's own takes a second to list all characters. */
export const anyText = ({ maxLength }: { maxLength?: number } = {}) =>
	fc
		.array(fc.oneof(fc.integer({ max: 0x7f, min: 0 }), fc.integer({ max: 0x10ffff, min: 0 })), {
			maxLength,
		})
		.map((codes) => String.fromCodePoint(...codes));

const PATH_CHARACTERS = [..."abcxyzABCXYZ0189-._~!$&'()*+,;=:@", '%2F', '%C3%A9', '%25'];

/** Any URL of the web. fast-check's own takes a second to list all characters. */
export const anyWebUrl = ({ isBare = false } = {}) => {
	const characters = fc.string({ unit: fc.constantFrom(...PATH_CHARACTERS), maxLength: 12 });
	const path = fc.array(characters, { maxLength: 4 });
	const more = (mark: string) =>
		isBare
			? fc.constant('')
			: fc.option(
					characters.map((text) => mark + text),
					{ nil: '' },
				);
	const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: null });
	return fc
		.tuple(fc.constantFrom('http', 'https'), fc.domain(), port, path, more('?'), more('#'))
		.map(
			([scheme, host, number, segments, query, fragment]) =>
				`${scheme}://${host}${number === null ? '' : `:${number}`}${segments.map((segment) => `/${segment}`).join('')}${query}${fragment}`,
		);
};
