import { config } from '@n8n/node-cli/eslint';

/** Packages, a blank line, files of parent folders, files of the same folder; each in alphabetical order. */
const importOrder = {
	files: ['nodes/**/*.ts', 'credentials/**/*.ts'],
	rules: {
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
