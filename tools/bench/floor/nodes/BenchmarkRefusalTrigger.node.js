const { triggerDescription } = require('./description');

/** The least that a community trigger can do with a delivery: answer 401. */
class BenchmarkRefusalTrigger {
	constructor() {
		this.description = triggerDescription('BenchmarkRefusalTrigger', 'Answers 401');
	}

	async webhook() {
		this.getResponseObject().status(401).end();
		return { noWebhookResponse: true };
	}
}

module.exports = { BenchmarkRefusalTrigger };
