const { triggerDescription } = require('./description');

/** n8n's floor for many items: hands on what came, unread. */
class BenchmarkEchoTrigger {
	constructor() {
		this.description = triggerDescription('BenchmarkEchoTrigger', 'Returns an item per change');
	}

	async webhook() {
		const changes = this.getBodyData().entry.flatMap((entry) => entry.changes);
		return { workflowData: [changes.map(({ value }) => ({ json: value.calls[0] }))] };
	}
}

module.exports = { BenchmarkEchoTrigger };
