import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { request as sendRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { answerByLink, answerInTeam, place, placeByLink } from '../support/phone/calls';
import { KEY, PhoneStage, startHost, withKey, type Host } from '../support/phone/phoneStage';
import { PAGE, TEAM_PAGE } from '../../tools/browserPhone/hashes';
import { serve } from '../support/localServer';
import { TeamStage } from '../support/phone/teamStage';
import { prepareN8n } from '../support/n8n';
import {
	chosenVersions,
	makeRoom,
	progressPrinter,
	UNSIGNED,
	WAIT_WITHOUT_CORS,
	WITHOUT_TEAM_PAGE,
} from './versions';

/** Installing an old version of n8n takes 5 to 10 minutes, and its first start some more. */
const INSTALLATION = 30 * 60_000;

jest.setTimeout(120_000);

/** What stands in front of n8n serves the pages, too: they are of n8n's own origin. */
async function startHostWithPages(folder: string, version: string): Promise<Host> {
	let n8n: Host;
	const proxy = await serve((request, response) => {
		const page = { '/phone.html': PAGE, '/team.html': TEAM_PAGE }[request.url ?? ''];
		if (page !== undefined) {
			response.setHeader('content-type', 'text/html; charset=utf-8');
			void readFile(page).then((html) => response.end(html));
			return;
		}
		const { method, headers } = request;
		const forwarded = sendRequest(`${n8n.url}${request.url}`, { method, headers }, (answer) => {
			response.writeHead(answer.statusCode!, answer.headers);
			answer.pipe(response);
		});
		forwarded.once('error', () => response.destroy());
		request.pipe(forwarded);
	});
	const env = { WEBHOOK_URL: `${proxy.url}/`, N8N_WEBHOOK_URL: `${proxy.url}/` };
	n8n = await startHost(folder, { version, env });
	return {
		...n8n,
		url: proxy.url,
		pageUrl: `${proxy.url}/phone.html`,
		stop: async () => {
			await n8n.stop();
			await proxy.stop();
		},
	};
}

describe.each(chosenVersions())('the browser phone in n8n %s', (version) => {
	let folder: string;
	let host: Host;
	let phone: PhoneStage;
	let browser: Browser;

	beforeAll(async () => {
		await prepareN8n({ version, onProgress: progressPrinter(version) });
		folder = await realpath(await mkdtemp(join(tmpdir(), 'phone-compat-')));
		const start = WAIT_WITHOUT_CORS.includes(version)
			? startHostWithPages(folder, version)
			: startHost(folder, { version });
		host = await start;
		phone = new PhoneStage(folder);
		await phone.start(async () => ({ ...host, stop: async () => {} }));
		browser = await phone.browser();
	}, INSTALLATION);

	afterAll(async () => {
		await phone?.stop();
		await host?.stop();
		await rm(folder, { recursive: true, force: true });
		await makeRoom(version);
	});

	afterEach(async () => await phone.tidyUp());

	it('A call goes from the link to the recording, with a signed URL or an unsigned one', async () => {
		const link = await answerByLink(phone, browser);
		expect(link.includes('signature')).toBe(!UNSIGNED.includes(version));
	});

	it("An agent's call goes to the recording", async () => {
		await placeByLink(phone, browser);
	});

	it('A call works with a key on the Wait nodes', async () => {
		await phone.stopMeta();
		await phone.startMeta({}, withKey);
		await answerByLink(phone, browser, { key: KEY });
		await phone.stopMeta();
	});

	if (WITHOUT_TEAM_PAGE.includes(version)) return;

	it('A call rings in the pages of a team, which also place calls', async () => {
		const team = new TeamStage(folder);
		try {
			await team.start(async () => ({ ...host, stop: async () => {} }));
			await team.createTable();
			const [, omar] = await answerInTeam(team, browser);
			await place(team, omar);
		} finally {
			await team.stop();
		}
	});
});
