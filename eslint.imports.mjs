/** For `npm run lint`: n8n's rules, and one order of imports. eslint.config.mjs stays as n8n requires it for verified nodes. */
import { config } from '@n8n/node-cli/eslint';

const importOrder = {
	files: ['nodes/**/*.ts', 'credentials/**/*.ts'],
	rules: {
		// Packages, a blank line, files of parent folders, files of the same folder; each in alphabetical order.
		'import-x/order': [
			'error',
			{
				groups: [
					['builtin', 'external'],
					['parent', 'sibling', 'index'],
				],
				pathGroups: [{ pattern: './**', group: 'sibling', position: 'after' }],
				distinctGroup: false,
				named: { enabled: true, types: 'types-last' },
				alphabetize: { order: 'asc', caseInsensitive: true },
				'newlines-between': 'always',
			},
		],
	},
};

export default [...config, importOrder];
