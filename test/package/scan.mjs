// Runs the gate of n8n's verification over a folder and prints its findings, warnings included, as JSON.
// A process of its own, because the scanner is an ES module with its own ESLint.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const scannerPath = createRequire(import.meta.url).resolve(
	'@n8n/scan-community-package/scanner/scanner.mjs',
);
const { analyzePackage, buildScanConfig, SOURCE_FILE_PATTERNS } = await import(
	pathToFileURL(scannerPath).href
);
const fromScanner = createRequire(scannerPath);
const { ESLint } = fromScanner('eslint');
const glob = fromScanner('fast-glob');

const [, , directory, kind] = process.argv;
const patterns = kind === 'source' ? SOURCE_FILE_PATTERNS : ['**/*.js', '**/*.ts', '**/*.json'];
const verdict = await analyzePackage(directory, patterns);

// analyzePackage keeps warnings to itself where there are no errors.
const eslint = new ESLint({
	cwd: directory,
	allowInlineConfig: false,
	overrideConfigFile: true,
	overrideConfig: await buildScanConfig(),
});
const files = glob.sync(patterns, {
	cwd: directory,
	absolute: true,
	ignore: ['node_modules/**', '**/package-lock.json'],
});
const results = await eslint.lintFiles(files);
const findings = results.flatMap((result) =>
	result.messages.map(
		({ line, ruleId, message }) => `${result.filePath}:${line} ${ruleId} ${message}`,
	),
);
process.stdout.write(JSON.stringify({ passed: verdict.passed, files: files.length, findings }));
