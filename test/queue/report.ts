import type { Figures } from './figures';
import type { Kept } from './kept';

export interface Run {
	layout: string;
	figures: Figures;
	kept: Kept;
}

/** The figures of several runs as a table in Markdown: for the terminal, and for docs/scaling.md. */
export function reportOf(runs: Run[]): string {
	const row = (title: string, value: (run: Run) => string | number) =>
		`| ${[title, ...runs.map((run) => String(value(run)))].join(' | ')} |`;
	return [
		row('', ({ layout }) => layout),
		`|${'---|'.repeat(runs.length + 1)}`,
		row('Recordings (MB)', ({ figures }) => `${figures.recordings} (${figures.megabytes})`),
		row('Deliveries, copies included', ({ figures }) => figures.deliveries),
		row('Answered 200', ({ figures: { answers } }) => answers['200'] ?? 0),
		row('Other answers before', ({ figures: { answers } }) =>
			Object.entries(answers)
				.filter(([status]) => status !== '200')
				.map(([status, count]) => `${count} × ${status === '0' ? 'none in 20 s' : status}`)
				.join(', '),
		),
		row('Deliveries that never got a 200', ({ figures }) => figures.undelivered),
		row('Executions', ({ figures: { executions } }) => total(Object.entries(executions))),
		row('Executions cut by the death of the worker', ({ figures }) => figures.cutWithWorker),
		row(
			'Deliveries cut by the death of the webhook processor',
			({ figures }) => figures.cutWithProcessor,
		),
		row(
			'Executions that it had stored and not queued',
			({ figures: { executions } }) => executions.new ?? 0,
		),
		row('Executions that failed', ({ figures: { executions } }) =>
			total(Object.entries(executions).filter(([status]) => !['success', 'new'].includes(status))),
		),
		row('Uploads to the storage', ({ figures }) => figures.uploads),
		row('Recordings with a result', ({ figures }) => figures.results),
		row('**Lost**', ({ figures }) => `**${figures.lost.length}**`),
		row('**Duplicated**', ({ figures }) => `**${figures.duplicated}**`),
		row('Results or files with a wrong SHA-256', ({ figures }) => figures.wrong),
		row("Files in n8n's storage", ({ kept }) => kept.files),
		row('The editor opens one', ({ kept }) => kept.inEditor),
		row('Files left when the executions are deleted', ({ kept }) => kept.filesAfterDeletion),
		row('Seconds', ({ figures }) => figures.seconds),
	].join('\n');
}

const total = (counts: Array<[string, number]>) =>
	counts.reduce((sum, [, count]) => sum + count, 0);
