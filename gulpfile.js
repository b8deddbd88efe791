const { rm } = require('node:fs/promises');
const { dest, parallel, src, watch } = require('gulp');

/** What TypeScript does not put into dist: icons, codex files and output schemas. */
const icons = () => src('icons/**/*.svg', { encoding: false }).pipe(dest('dist/icons'));
const codex = () => src('nodes/**/*.node.json').pipe(dest('dist/nodes'));
const schemas = () =>
	src('nodes/**/__schema__/**/*.json', { allowEmpty: true }).pipe(dest('dist/nodes'));

exports.clean = async () => await rm('dist', { recursive: true, force: true });
exports.build = parallel(icons, codex, schemas);
exports.watch = () => watch(['icons/**/*.svg', 'nodes/**/*.json'], exports.build);
