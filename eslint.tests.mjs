/** For `npm run lint`: rules for tests, tools and the emulator, some of which need the types. */
import { config } from '@n8n/node-cli/eslint';

const ofN8n = config.find(({ plugins }) => plugins?.['@typescript-eslint']);

export default [
	{
		files: ['**/*.ts'],
		linterOptions: { reportUnusedDisableDirectives: 'error' },
		plugins: { '@typescript-eslint': ofN8n.plugins['@typescript-eslint'] },
		languageOptions: {
			parser: ofN8n.languageOptions.parser,
			parserOptions: { project: 'tsconfig.test.json', tsconfigRootDir: import.meta.dirname },
		},
		rules: {
			'@typescript-eslint/no-floating-promises': 'error',
			'@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
			'@typescript-eslint/no-unnecessary-type-assertion': 'error',
			'@typescript-eslint/no-explicit-any': 'error',
			// Every test runs, always.
			'no-restricted-syntax': [
				'error',
				{
					selector:
						'MemberExpression[object.name=/^(describe|it|test)$/][property.name=/^(only|skip|todo|failing)$/]',
					message: 'Tests are neither skipped nor preferred.',
				},
			],
		},
	},
];
