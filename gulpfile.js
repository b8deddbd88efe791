const { rm } = require('node:fs/promises');
const { Transform } = require('node:stream');
const { dest, parallel, src, watch } = require('gulp');

/** JSON without white space: nobody reads it in dist, and the package is smaller. */
const compact = () =>
	new Transform({
		objectMode: true,
		transform(file, _encoding, done) {
			file.contents = Buffer.from(JSON.stringify(JSON.parse(file.contents)));
			done(null, file);
		},
	});

const json = (glob) => src(glob, { allowEmpty: true }).pipe(compact()).pipe(dest('dist/nodes'));

/** What TypeScript does not put into dist: icons, codex files and output schemas. */
const icons = () => src('icons/**/*.svg', { encoding: false }).pipe(dest('dist/icons'));
const codex = () => json('nodes/**/*.node.json');
const schemas = () => json('nodes/**/__schema__/**/*.json');

exports.clean = async () => await rm('dist', { recursive: true, force: true });
exports.build = parallel(icons, codex, schemas);
exports.watch = () => watch(['icons/**/*.svg', 'nodes/**/*.json'], exports.build);
