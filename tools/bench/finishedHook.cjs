// Loaded by n8n (EXTERNAL_HOOK_FILES): tells the load generator of every execution that has ended, after
// n8n has stored it. The same few microseconds for all who are compared.
const { connect } = require('node:net');

const socket = connect(Number(process.env.BENCH_FINISHED_PORT), '127.0.0.1');
socket.setNoDelay(true);
socket.unref();
socket.on('error', () => {});

module.exports = {
	workflow: {
		postExecute: [
			async function (run, workflow) {
				socket.write(`${workflow.id} ${run.status}\n`);
			},
		],
	},
};
