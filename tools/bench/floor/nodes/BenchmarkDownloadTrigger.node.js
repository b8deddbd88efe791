const { triggerDescription } = require('./description');

/**
 * A download with n8n's own helpers and nothing around it: no signature, no credential, no hash, no
 * look at the event.
 */
class BenchmarkDownloadTrigger {
	constructor() {
		this.description = triggerDescription('BenchmarkDownloadTrigger', 'Downloads the file', {
			properties: [{ displayName: 'Token', name: 'token', type: 'string', default: '' }],
		});
	}

	async webhook() {
		const { audio } = this.getBodyData().entry[0].changes[0].value.calls[0].call_recording;
		const { body } = await this.helpers.httpRequest({
			url: audio.url,
			headers: {
				Authorization: `Bearer ${this.getNodeParameter('token')}`,
				'User-Agent': 'benchmark',
			},
			encoding: 'stream',
			returnFullResponse: true,
		});
		const data = await this.helpers.prepareBinaryData(body, 'recording.ogg', 'audio/ogg');
		return { workflowData: [[{ json: {}, binary: { data } }]] };
	}
}

module.exports = { BenchmarkDownloadTrigger };
