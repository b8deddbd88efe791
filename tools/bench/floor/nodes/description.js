/** What n8n needs to know of a trigger with one webhook and nothing else. */
exports.triggerDescription = (name, description, more = {}) => ({
	displayName: name,
	name: name[0].toLowerCase() + name.slice(1),
	group: ['trigger'],
	version: 1,
	description,
	defaults: { name },
	inputs: [],
	outputs: ['main'],
	webhooks: [{ name: 'default', httpMethod: 'POST', responseMode: 'onReceived', path: 'webhook' }],
	properties: [],
	...more,
});
