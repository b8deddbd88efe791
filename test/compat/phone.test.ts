import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { answerByLink, answerInTeam, place, placeByLink } from '../phone/carry';
import { KEY, PhoneStage, startHost, withKey, type Host } from '../phone/stage';
import { TeamStage } from '../phone/teamStage';
import { prepareN8n } from '../support/n8n';
import {
	chosenVersions,
	makeRoom,
	progressPrinter,
	TABLES_MADE_BY_HAND,
	UNSIGNED,
	WITHOUT_TABLES,
} from './versions';

/** Installing an old version of n8n takes 5 to 10 minutes, and its first start some more. */
const INSTALLATION = 30 * 60_000;

jest.setTimeout(120_000);

describe.each(chosenVersions())('the browser phone in n8n %s', (version) => {
	let folder: string;
	let host: Host;
	let phone: PhoneStage;
	let browser: Browser;

	beforeAll(async () => {
		await prepareN8n({ version, onProgress: progressPrinter(version) });
		folder = await realpath(await mkdtemp(join(tmpdir(), 'phone-compat-')));
		host = await startHost(folder, version);
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

	it('carries a call from the link to the recording, with an address that is signed or not', async () => {
		const link = await answerByLink(phone, browser);
		expect(link.includes('signature')).toBe(!UNSIGNED.includes(version));
	});

	it('carries a call that an agent places', async () => {
		await placeByLink(phone, browser);
	});

	it('carries a call with a key on the Wait nodes', async () => {
		await phone.stopMeta();
		await phone.startMeta({}, withKey);
		await answerByLink(phone, browser, { key: KEY });
		await phone.stopMeta();
	});

	const withTables = WITHOUT_TABLES.includes(version) ? it.skip : it;
	withTables('rings in the pages of a team', async () => {
		const team = new TeamStage(folder);
		try {
			await team.start(async () => ({ ...host, stop: async () => {} }));
			if (TABLES_MADE_BY_HAND.includes(version)) await team.createTableByHand();
			else await team.createTable();
			const [, omar] = await answerInTeam(team, browser);
			await place(team, omar);
		} finally {
			await team.stop();
		}
	});
});
