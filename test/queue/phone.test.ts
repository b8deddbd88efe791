import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { answerByLink, answerInTeam, place, placeByLink } from '../support/phone/calls';
import { PhoneStage, type Host } from '../support/phone/phoneStage';
import { TeamStage } from '../support/phone/teamStage';
import { startCluster, type Cluster } from './cluster';

jest.setTimeout(120_000);

let folder: string;
let cluster: Cluster;
let host: Host;
let phone: PhoneStage;
let team: TeamStage;
let browser: Browser;

beforeAll(async () => {
	folder = await realpath(await mkdtemp(join(tmpdir(), 'phone-queue-')));
	cluster = await startCluster({ N8N_RESTRICT_FILE_ACCESS_TO: folder });
	const { api, main, balancer } = cluster;
	host = { api, log: main.log, url: balancer.url, stop: async () => {} };
	phone = new PhoneStage(folder);
	await phone.start(async () => host);
	team = new TeamStage(folder);
	await team.start(async () => host);
	await team.createTable();
	browser = await phone.browser();
}, 300_000);

afterAll(async () => {
	await team?.stop();
	await phone?.stop();
	await cluster?.stop();
	await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
	await phone.tidyUp();
	await team.tidyUp();
});

it('A call is answered by link, and recorded', async () => {
	await answerByLink(phone, browser);
});

it('A call is placed with the key, and recorded', async () => {
	await placeByLink(phone, browser);
});

it('A call rings in the pages of a team, and an agent of it places one', async () => {
	const [, omar] = await answerInTeam(team, browser);
	await place(team, omar);
});

it('The load balancer must send webhook-waiting to the webhook processors, like webhook', async () => {
	const { main, processors, workers } = cluster;
	const knows = async ({ url }: { url: string }, path: string) => {
		const response = await fetch(`${url}/${path}`, { method: 'POST' });
		// Others answer with a page of the web server's framework.
		return [401, 403, 404].includes(response.status) && !(await response.text()).startsWith('<');
	};
	const { id } = (await cluster.api.executions(phone.workflow))[0];
	for (const path of [`webhook-waiting/${id}`, 'webhook/call-from-browser']) {
		const known = await Promise.all(
			[main, ...processors, ...workers].map(async (process) => await knows(process, path)),
		);
		expect({ path, known }).toEqual({ path, known: [false, true, true, false, false] });
	}
});
