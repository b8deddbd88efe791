const { triggerDescription } = require('./description');

/** n8n's own floor: one item, whatever came. */
class BenchmarkFloorTrigger {
	constructor() {
		this.description = triggerDescription('BenchmarkFloorTrigger', 'Returns one item');
	}

	async webhook() {
		return { workflowData: [[{ json: {} }]] };
	}
}

module.exports = { BenchmarkFloorTrigger };
