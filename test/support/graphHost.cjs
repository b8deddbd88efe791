/*
 * Loaded into n8n by NODE_OPTIONS: requests to https://graph.facebook.com go to the address in the file
 * GRAPH_HOST_FILE. n8n's own WhatsApp nodes know no other host, and this one must not be asked by a test.
 */
const { readFileSync } = require('node:fs');
const http = require('node:http');
const https = require('node:https');

const request = https.request;

https.request = function (...args) {
	const options = args.find((arg) => typeof arg === 'object' && arg !== null);
	const host = String(options?.hostname ?? options?.host ?? args[0]);
	if (!host.includes('graph.facebook.com')) return request.apply(https, args);
	const target = new URL(readFileSync(process.env.GRAPH_HOST_FILE, 'utf8'));
	const { agent, agents, protocol, href, ...rest } = options;
	return http.request(
		{
			...rest,
			protocol: 'http:',
			host: target.hostname,
			hostname: target.hostname,
			port: target.port,
		},
		args.find((arg) => typeof arg === 'function'),
	);
};
