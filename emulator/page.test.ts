import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { startEmulator, type Emulator } from './index';
import { graph } from '../test/support/graph';

let emulator: Emulator;

beforeAll(async () => {
	emulator = await startEmulator({ redeliveryDelaysMs: [] });
});

afterAll(async () => await emulator.stop());

beforeEach(() => emulator.forget());

interface Answer {
	status: number;
	headers: NodeJS.Dict<string | string[]>;
	body: string;
}

/** A request with any headers, Host included, as `fetch` does not send them. */
async function send(
	method: string,
	path: string,
	headers: Record<string, string> = {},
): Promise<Answer> {
	return await new Promise((resolve, reject) => {
		const sent = request(`${emulator.baseUrl}${path}`, { method, headers, agent: false });
		sent.once('error', reject);
		sent.once('response', (response) => {
			void text(response).then((body) =>
				resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
			);
		});
		sent.end();
	});
}

const port = () => new URL(emulator.baseUrl).port;

describe("the emulator's page", () => {
	it('The page is at the root, and only its own script and style run in it', async () => {
		const { status, headers, body } = await send('GET', '/');
		expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
		const directives = String(headers['content-security-policy']).split('; ');
		for (const element of ['script', 'style']) {
			const [, content = ''] = new RegExp(`<${element}[^>]*>([^]*?)</${element}>`).exec(body) ?? [];
			const hash = createHash('sha256').update(content).digest('base64');
			expect(directives).toContain(`${element}-src 'sha256-${hash}'`);
			expect(body.split(`</${element}>`)).toHaveLength(2);
		}
		expect(directives).toContain("default-src 'none'");
		expect(directives).toContain("frame-ancestors 'none'");
		expect(directives).toContain("require-trusted-types-for 'script'");
		expect(emulator.requests).toHaveLength(0);
	});

	it('Only the page is at the root: other requests to it go to the Graph API', async () => {
		const { status, body } = await send('POST', '/');
		expect([status, JSON.parse(body)]).toMatchObject([401, { error: { code: 190 } }]);
		expect(emulator.requests).toMatchObject([{ method: 'POST', path: '/' }]);
	});
});

describe('other web pages on this machine', () => {
	const ORIGINS: Record<string, () => string> = {
		'another site': () => 'https://evil.example',
		'a sandboxed page or a local file': () => 'null',
		'another port of this machine': () => 'http://127.0.0.1:1',
		'this port over https': () => `https://127.0.0.1:${port()}`,
		'a name that begins like this machine': () => `http://127.0.0.1:${port()}.evil.example`,
		'a name that leads here (DNS rebinding)': () => `http://evil.example:${port()}`,
		'an empty origin': () => '',
	};
	const PATHS = ['/', '/_emulator/calls', '/_emulator/nothing', '/v26.0/106000000000001/calls'];

	it.each(Object.keys(ORIGINS))('Another web page reaches nothing: %s', async (name) => {
		for (const path of PATHS) {
			for (const method of ['GET', 'POST']) {
				const { status, headers } = await send(method, path, { origin: ORIGINS[name]() });
				expect([path, method, status]).toEqual([path, method, 403]);
				expect(headers).not.toHaveProperty('access-control-allow-origin');
			}
		}
		expect(emulator.calls).toHaveLength(0);
		expect(emulator.requests).toHaveLength(0);
	});

	it('Another web page gets no permission for requests that require it', async () => {
		const asked = await send('OPTIONS', '/_emulator/faults', {
			origin: 'https://evil.example',
			'access-control-request-method': 'DELETE',
		});
		expect(asked.status).toBe(403);
		expect(Object.keys(asked.headers).join()).not.toContain('access-control');
	});

	it('Another web page gets neither the page nor orders under its own name (DNS rebinding)', async () => {
		const hosts = ['evil.example', `evil.example:${port()}`, '127.0.0.1', '127.0.0.1:1'];
		for (const host of hosts) {
			for (const path of ['/', '/_emulator/state']) {
				const { status, body } = await send('GET', path, { host });
				expect([host, path, status]).toEqual([host, path, 403]);
				expect(body).not.toContain(emulator.account.accessToken);
			}
		}
	});

	it('Another web page has no way in, whatever its name', async () => {
		const label = fc.stringMatching(/^[a-z0-9.:-]{1,20}$/);
		await fc.assert(
			fc.asyncProperty(label, label, async (before, after) => {
				const names = [`127.0.0.1:${port()}`, `localhost:${port()}`];
				for (const name of names) {
					for (const host of [before + name, name + after, before + after]) {
						if (names.includes(host)) continue;
						const byHost = await send('GET', '/_emulator/state', { host });
						const byOrigin = await send('GET', '/', { origin: `http://${host}` });
						// Node.js itself refuses what is no host at all.
						expect([400, 403]).toContain(byHost.status);
						expect(byOrigin.status).toBe(403);
					}
				}
			}),
			{ numRuns: 30 },
		);
	});
});

describe("the emulator's page and programs", () => {
	it.each(['127.0.0.1', 'localhost'])('Orders are accepted at %s', async (name) => {
		const host = `${name}:${port()}`;
		const before = emulator.calls.length;
		const fromPage = await send('POST', '/_emulator/calls', { host, origin: `http://${host}` });
		expect(fromPage.status).toBe(200);
		emulator.hangUp(emulator.calls.at(-1)!.id);
		expect((await send('POST', '/_emulator/calls', { host })).status).toBe(200);
		emulator.hangUp(emulator.calls.at(-1)!.id);
		expect(emulator.calls).toHaveLength(before + 2);
		expect((await send('GET', '/', { host })).status).toBe(200);
	});

	it('The Graph API is available under any name, as an n8n in a container requires', async () => {
		const host = `host.docker.internal:${port()}`;
		expect((await send('GET', '/v26.0/102000000000001', { host })).status).toBe(401);
	});

	it('The newest entry of a list can be requested alone', async () => {
		for (const id of ['1', '2', '3']) await graph(emulator, 'GET', id);
		const last = await send('GET', '/_emulator/requests?last=2');
		expect(JSON.parse(last.body)).toMatchObject([{ path: '/v26.0/2' }, { path: '/v26.0/3' }]);
		const { body } = await send('GET', '/_emulator/requests?last=1000');
		expect(JSON.parse(body)).toHaveLength(3);
		expect((await send('GET', '/_emulator/requests?last=none')).status).toBe(400);
	});
});
