import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import type { Call } from '../../emulator';
import { PERSON } from '../support/constants';
import type { Agent } from '../support/phone/agent';
import { expectToHear, signIn } from '../support/phone/calls';
import { PAGE, TEAM_PAGE, withCommonParts, withHashes } from '../../tools/browserPhone/hashes';
import { LISTENING_SECONDS, TeamStage } from '../support/phone/teamStage';

jest.setTimeout(120_000);

const CALLER = 'Ana Söderström';
const LISTENING = 'whatsapp-team-calls';

const stage = new TeamStage();
/** What a run shows for the documentation; nothing is expected of it. */
const figures: string[] = [];
let browser: Browser;
let earlier: Set<string>;

beforeAll(async () => {
	await stage.start();
	browser = await stage.browser();
}, 180_000);

afterAll(async () => {
	await stage.stop();
	if (figures.length > 0) console.log(['Figures of this run:', ...figures].join('\n'));
});

beforeEach(async () => {
	earlier = new Set((await stage.n8n.api.executions(stage.workflow)).map(({ id }) => id));
});

afterEach(async () => await stage.tidyUp());

/** Keeps what the page would have rung and notified with. */
async function watch(page: Page): Promise<void> {
	await page.addInitScript(() => {
		const notified: string[] = [];
		const tones = new Set<OscillatorNode>();
		const Original = window.OscillatorNode;
		class Watched extends Original {
			override start(): void {
				tones.add(this);
				super.start();
			}
			override stop(): void {
				tones.delete(this);
				super.stop();
			}
		}
		class Notified {
			static permission = 'granted';
			constructor(title: string) {
				notified.push(title);
			}
			close(): void {}
		}
		Object.assign(window, { OscillatorNode: Watched, Notification: Notified, notified, tones });
	});
}

const isRinging = async ({ page }: Agent) =>
	await page.evaluate(() => (window as unknown as { tones: Set<unknown> }).tones.size > 0);

async function open(prepare: (page: Page) => Promise<void> = watch): Promise<Agent> {
	return await stage.agent(browser, stage.teamUrl, prepare);
}

/** An agent at an open page who hears calls. */
async function ready(name: string): Promise<Agent> {
	const agent = await open();
	await signIn(agent, name);
	await agent.view('ready');
	return agent;
}

/** It rings in the pages of Maria and Omar. */
async function ringing(): Promise<{ call: Call; agents: [Agent, Agent] }> {
	const agents: [Agent, Agent] = [await ready('Maria'), await ready('Omar')];
	const call = stage.emulator.userCalls();
	for (const agent of agents) await agent.view('incoming');
	return { call, agents };
}

async function shown(agent: Agent, text: string): Promise<void> {
	await agent.page.getByText(text).first().waitFor();
}

const listensOf = (agent: Agent) =>
	agent.requests.filter((url) => url.endsWith(`/${LISTENING}`)).length;

it('The team page has the script and the style of phone.html, and its words where they mean the same', async () => {
	const [phone, team] = [await readFile(PAGE, 'utf8'), await readFile(TEAM_PAGE, 'utf8')];
	expect(withCommonParts(team, phone)).toBe(team);
	expect(withHashes(team)).toBe(team);

	const policyOf = (html: string) =>
		/http-equiv="Content-Security-Policy"\s+content="([^"]*)"/
			.exec(html)![1]
			.replaceAll(/'sha256-[^']*'/g, 'hash');
	expect(policyOf(team)).toBe(policyOf(phone));

	const textsOf = (html: string) =>
		JSON.parse(/id="texts">([^]*?)<\/script>/.exec(html)![1]) as Record<string, unknown>;
	const differing = (ours: Record<string, unknown>, theirs: Record<string, unknown>) =>
		Object.keys(ours).filter(
			(name) =>
				typeof ours[name] !== 'undefined' &&
				name in theirs &&
				!['endings', 'problems'].includes(name) &&
				JSON.stringify(ours[name]) !== JSON.stringify(theirs[name]),
		);
	const [ours, theirs] = [textsOf(team), textsOf(phone)];
	expect(differing(ours, theirs)).toEqual(['page', 'tryAgain', 'callAgain']);
	const problemsOf = (texts: Record<string, unknown>) => texts.problems as Record<string, unknown>;
	expect(differing(problemsOf(ours), problemsOf(theirs))).toEqual([
		'noLink',
		'badLink',
		'foreignServer',
		'framed',
		'expired',
		'wrongLink',
		'badOffer',
	]);
});

it('The page and the executions say what is missing before the table exists', async () => {
	const agent = await open();
	await agent.picture('team-sign-in');
	await agent.click('Start');
	await shown(agent, 'Enter your name.');
	await signIn(agent, 'Maria', 'a guess');
	await shown(agent, 'The key is wrong or missing');
	await agent.picture('team-wrong-key');
	await signIn(agent, 'Maria');
	await shown(agent, 'n8n is not set up for this page');
	await agent.picture('team-no-table');

	stage.emulator.userCalls();
	for (const workflow of [stage.workflow, stage.listening]) {
		const [execution] = await stage.n8n.api.waitForExecutions(workflow, 1);
		expect(execution).toMatchObject({ status: 'error' });
		expect(execution.error!.message).toMatch(
			/^The Data Table whatsapp_team_calls cannot be used: .*not found\. Run "Create the table"/,
		);
	}

	await stage.createTable();
	await shown(agent, 'Ready for calls');
	await agent.picture('team-ready');
	await agent.page.getByText('n8n is not set up').waitFor({ state: 'hidden' });
});

describe('an incoming call to a team', () => {
	it('The call rings at every agent, one answers, the others see who, and both voices are recorded', async () => {
		const { call, agents } = await ringing();
		const [maria, omar] = agents;
		for (const agent of agents) {
			expect(await agent.page.locator('h1').innerText()).toBe(CALLER);
			expect(await agent.page.title()).toBe(`${CALLER} is calling`);
			expect(await isRinging(agent)).toBe(true);
		}
		await maria.picture('team-incoming');

		const clicked = Date.now();
		await maria.click('Answer');
		await maria.view('talking');
		const accepted = Date.now() - clicked;
		await shown(omar, `Maria has answered ${CALLER}`);
		figures.push(`  click to Accept: ${accepted} ms; to the others: ${Date.now() - clicked} ms`);
		await omar.view('ready');
		await omar.picture('team-answered-by');
		expect([await isRinging(maria), await isRinging(omar)]).toEqual([false, false]);

		await expectToHear(maria);
		await maria.picture('team-talking');
		await stage.mediaOf(call).said;
		expect(stage.mediaOf(call).report()).toMatchObject({ packetsTooEarly: 0, packetsRefused: 0 });
		await maria.click('Hang up');
		expect(await maria.ending('over', 'You hung up')).toMatch(/^The call lasted 00:\d\d\.$/);
		await maria.picture('team-over');
		await stage.ended(call);
		const speech = await stage.expectRecording(call, earlier);
		figures.push(`  speech in the recording: ${speech.join(' / ')} s`);
		figures.push(
			`  executions for an answered call: ${await stage.allDone(earlier)},` +
				` and for listening at each page: ${listensOf(maria)} and ${listensOf(omar)}`,
		);
		await maria.click('Back to the calls');
		await maria.view('ready');
		expect([...maria.complaints, ...omar.complaints]).toEqual([]);
		// Nothing of listening is kept.
		const kept = await stage.n8n.api.executions(stage.listening);
		expect(kept.filter(({ status }) => status === 'success')).toEqual([]);
	});

	it('The call goes to one of two agents who click at once, and the other is told', async () => {
		const { call, agents } = await ringing();
		await Promise.all(agents.map(async (agent) => await agent.click('Answer')));
		const views = await Promise.all(
			agents.map(async ({ page }) => {
				const decided = page.locator('main[data-view="talking"], main[data-view="problem"]');
				await decided.waitFor();
				return await decided.getAttribute('data-view');
			}),
		);
		expect([...views].sort()).toEqual(['problem', 'talking']);
		const [winner, loser] = views[0] === 'talking' ? agents : [...agents].reverse();
		const help = await loser.ending('problem', 'This call is taken or over');
		expect(help).toBe(`${views[0] === 'talking' ? 'Maria' : 'Omar'} has answered this call.`);
		await loser.picture('team-too-late');
		expect(call.state).toBe('inProgress');
		await winner.click('Hang up');
		await stage.ended(call);
		await stage.allDone(earlier);
	});

	it('The call stops ringing when the caller hangs up', async () => {
		const { call, agents } = await ringing();
		stage.emulator.hangUp(call.id);
		const hungUp = Date.now();
		for (const agent of agents) {
			await shown(agent, `${CALLER} is no longer calling`);
			await agent.view('ready');
			expect(await isRinging(agent)).toBe(false);
		}
		figures.push(`  caller gives up to silence: ${Date.now() - hungUp} ms`);
		figures.push(`  executions for a missed call: ${await stage.allDone(earlier)}`);
	});

	it('The call rings in a page that is opened meanwhile, where it can be ignored and still answered', async () => {
		const call = stage.emulator.userCalls();
		const agent = await open();
		await signIn(agent, 'Maria');
		await agent.view('incoming');
		await agent.click('Ignore');
		await agent.view('ready');
		await shown(agent, 'Still ringing for others');
		expect(await isRinging(agent)).toBe(false);
		await agent.picture('team-ignored');
		expect(call.state).toBe('ringing');
		await agent.click(`Answer ${CALLER}`);
		await agent.view('talking');
		expect(call.state).toBe('inProgress');

		// Someone else calls during the call, and rings when it is over.
		const next = stage.emulator.userCalls({ from: '14085550000' });
		await shown(agent, 'Also calling:');
		await agent.picture('team-second-caller');
		expect(await isRinging(agent)).toBe(false);
		stage.emulator.hangUp(call.id);
		await agent.ending('over', 'The call has ended');
		await agent.view('incoming');
		expect(await isRinging(agent)).toBe(true);
		stage.emulator.hangUp(next.id);
		await agent.view('ready');
		await stage.allDone(earlier);
	});

	it('The call rings again for all when the answer did not work', async () => {
		const { call, agents } = await ringing();
		const [maria, omar] = agents;
		await maria.page.route('**/webhook-waiting/**', async (route) => {
			const fields = new URLSearchParams(route.request().postData() ?? '');
			if (fields.has('sdp')) fields.set('sdp', 'v=0');
			await route.continue({ postData: fields.toString() });
		});
		await maria.click('Answer');
		await maria.ending('problem', 'The call could not be answered');
		await omar.view('incoming');
		await omar.click('Answer');
		await omar.view('talking');
		expect(call.state).toBe('inProgress');
		await omar.click('Hang up');
		await stage.allDone(earlier);
	});

	it('The call ends when the tab is closed', async () => {
		const agent = await ready('Maria');
		const call = stage.emulator.userCalls();
		await agent.view('incoming');
		await agent.click('Answer');
		await agent.view('talking');
		await stage.mediaOf(call).talking;
		const closed = Date.now();
		await agent.closeTab();
		await stage.ended(call);
		figures.push(`  tab closed to end of the call: ${Date.now() - closed} ms`);
		await stage.allDone(earlier);
	});
});

it('The team page places calls, as phone.html does', async () => {
	const agent = await ready('Maria');
	await agent.page.getByLabel('Phone number').fill(`+${PERSON}`);
	await agent.click('Call');
	await agent.view('ringing');
	await agent.picture('team-outgoing');
	const call = stage.emulator.calls.at(-1)!;
	expect(call.user.waId).toBe(PERSON);
	await stage.mediaOf(call).connected;
	stage.emulator.userPicksUp(call.id);
	await agent.view('talking');
	await stage.mediaOf(call).said;
	stage.emulator.hangUp(call.id);
	await agent.ending('over', 'The call has ended');
	await stage.expectRecording(call, earlier);
	figures.push(`  executions for a placed call: ${await stage.allDone(earlier)}`);
});

describe('the team page', () => {
	it('The page says when n8n is lost, keeps trying, and rings again afterwards', async () => {
		const agent = await open(async (page) => {
			await watch(page);
			await page.route(`**/${LISTENING}`, async (route) => {
				if (isLost) await route.abort();
				else await route.continue();
			});
		});
		let isLost = true;
		await signIn(agent, 'Maria');
		await shown(agent, 'n8n cannot be reached');
		await shown(agent, 'Trying again in 2 s.');
		await agent.picture('team-no-connection');
		isLost = false;
		await shown(agent, 'Ready for calls');
		stage.emulator.userCalls();
		await agent.view('incoming');
	});

	it('The page notifies the agent while it is hidden', async () => {
		const agent = await open(async (page) => {
			await watch(page);
			await page.addInitScript(() => (document.hasFocus = () => false));
		});
		await signIn(agent, 'Maria');
		await agent.view('ready');
		stage.emulator.userCalls();
		await agent.view('incoming');
		const notified = await agent.page.evaluate(
			() => (window as unknown as { notified: string[] }).notified,
		);
		expect(notified).toEqual([`${CALLER} is calling`]);
	});

	it('The page remembers the agent on request, until they stop', async () => {
		const agent = await open();
		const { page } = agent;
		const stored = async () => await page.evaluate(() => localStorage.length);
		await signIn(agent, 'Maria');
		await agent.view('ready');
		expect(await stored()).toBe(0);
		await page.reload();
		expect(await page.getByLabel('Your name').inputValue()).toBe('');
		await page.getByLabel('Remember me in this browser').check();
		await signIn(agent, 'Maria');
		await agent.view('ready');
		await page.reload();
		await agent.click('Start');
		await agent.view('ready');
		await agent.click('Sign out');
		await agent.view('signIn');
		expect(await stored()).toBe(0);
		expect(await page.getByLabel('Key', { exact: true }).inputValue()).toBe('');
	});

	it('The page measures what listening costs in executions', async () => {
		const agent = await ready('Maria');
		const finished: number[] = [];
		agent.page.on('requestfinished', (request) => {
			const isListening = request.url().endsWith(LISTENING) && request.method() === 'POST';
			if (isListening) finished.push(Date.now());
		});
		await stage.until('two answers without news', () => finished.length >= 2);
		const overhead = (finished.at(-1)! - finished.at(-2)!) / 1000 - LISTENING_SECONDS;
		const perHour = 3600 / (40 + Math.max(0, overhead));
		figures.push(`  executions per idle hour and page: ${perHour.toFixed(0)}`);
	});
});
