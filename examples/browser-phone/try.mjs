// For trying the page on this machine, without a web space and without a chat: serves phone.html and
// team.html, and prints what the workflow posts for the agents. No dependencies: node try.mjs [--port 8391]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8391' } } });
const PAGES = ['/phone.html', '/team.html'];

const server = createServer(async (request, response) => {
	const { pathname } = new URL(request.url ?? '/', 'http://localhost');
	if (request.method === 'GET' && PAGES.includes(pathname)) {
		response.setHeader('content-type', 'text/html; charset=utf-8');
		response.end(await readFile(new URL(`.${pathname}`, import.meta.url)));
	} else if (request.method === 'POST' && pathname === '/agents') {
		const body = await text(request);
		try {
			console.log(`\n${JSON.parse(body).text}`);
		} catch {
			console.log(`\nNot a message in JSON: ${body.slice(0, 200)}`);
		}
		response.end('ok');
	} else {
		response.writeHead(404).end();
	}
});

// Reachable from this machine only.
server.listen(Number(values.port), '127.0.0.1', () => {
	const url = `http://127.0.0.1:${server.address().port}`;
	console.log(`The page:               ${url}/phone.html`);
	console.log(`Messages to the agents: ${url}/agents`);
});
