import type { Browser } from 'playwright-core';
import { PERSON } from '../constants';
import type { Call } from '../../../emulator';
import { poll } from '../processes';
import type { Agent } from './agent';
import { KEY, type PhoneStage } from './phoneStage';
import type { TeamStage } from './teamStage';

/*
 * One call on each way, from the link or the ringing page to the saved recording: the least that has to
 * work in every n8n.
 */

const known = async (stage: PhoneStage) =>
	new Set((await stage.n8n.api.executions(stage.workflow)).map(({ id }) => id));

export async function expectToHear(agent: Agent): Promise<void> {
	await poll('sound at the agent', 20_000, async () =>
		(await agent.energyHeard()) > 0.01 ? true : undefined,
	);
}

/** A call that an agent answers, of two who have the link; gives the link. With a key, n8n wants it. */
export async function answerByLink(
	stage: PhoneStage,
	browser: Browser,
	{ key }: { key?: string } = {},
): Promise<string> {
	const earlier = await known(stage);
	const { call, link } = await stage.incomingCall();
	const opened = key === undefined ? link : `${link}&key=1`;
	const [agent, second] = [await stage.agent(browser, opened), await stage.agent(browser, opened)];
	const answer = async ({ page }: Agent) => {
		if (key !== undefined) await page.getByLabel('Key', { exact: true }).fill(key);
		await page.getByRole('button', { name: 'Answer', exact: true }).click();
	};
	await answer(agent);
	await agent.view('talking');
	await answer(second);
	await second.ending('problem', 'This call is taken or over');
	await expectToHear(agent);
	await hangUp(stage, agent, call, earlier);
	return link;
}

/** The agent ends a call in which both have spoken, and its recording arrives. */
async function hangUp(
	stage: PhoneStage,
	agent: Agent,
	call: Call,
	earlier: Set<string>,
): Promise<void> {
	await stage.mediaOf(call).said;
	await agent.click('Hang up');
	await agent.ending('over', 'You hung up');
	await stage.ended(call);
	await stage.expectRecording(call, earlier);
	await stage.allDone(earlier);
}

/** A call that an agent places with `phone.html`. */
export async function placeByLink(stage: PhoneStage, browser: Browser): Promise<void> {
	const agent = await stage.agent(browser, stage.dialLink());
	await agent.view('dial');
	await agent.page.getByLabel('Key', { exact: true }).fill(KEY);
	await place(stage, agent);
}

/** A call that rings at two agents, of whom one answers. */
export async function answerInTeam(
	stage: TeamStage,
	browser: Browser,
): Promise<[answering: Agent, other: Agent]> {
	const earlier = await known(stage);
	const agents: [Agent, Agent] = [
		await signedIn(stage, browser, 'Maria'),
		await signedIn(stage, browser, 'Omar'),
	];
	const [maria, omar] = agents;
	const call = stage.emulator.userCalls();
	for (const agent of agents) await agent.view('incoming');
	await maria.click('Answer');
	await maria.view('talking');
	await omar.page.getByText('Maria has answered').first().waitFor();
	await expectToHear(maria);
	await stage.mediaOf(call).said;
	stage.emulator.hangUp(call.id);
	await maria.ending('over', 'The call has ended');
	await stage.expectRecording(call, earlier);
	await stage.allDone(earlier);
	await maria.click('Back to the calls');
	return agents;
}

async function signedIn(stage: TeamStage, browser: Browser, name: string): Promise<Agent> {
	const agent = await stage.agent(browser, stage.teamUrl);
	await signIn(agent, name);
	await agent.view('ready');
	return agent;
}

export async function signIn({ page }: Agent, name: string, key = KEY): Promise<void> {
	await page.getByLabel('Your name').fill(name);
	await page.getByLabel('Key', { exact: true }).fill(key);
	await page.getByRole('button', { name: 'Start', exact: true }).click();
}

/** A call from a page that is ready for it. */
export async function place(stage: PhoneStage, agent: Agent): Promise<void> {
	const earlier = await known(stage);
	await agent.page.getByLabel('Phone number').fill(`+${PERSON}`);
	await agent.click('Call');
	await agent.view('ringing');
	const call = stage.emulator.calls.at(-1)!;
	await stage.mediaOf(call).connected;
	stage.emulator.userPicksUp(call.id);
	await agent.view('talking');
	await expectToHear(agent);
	await hangUp(stage, agent, call, earlier);
}
