import type { Browser } from 'playwright-core';
import type { Call } from '../../emulator';
import { PERSON } from '../support/constants';
import { poll } from '../support/processes';
import type { Agent } from '../support/phone/agent';
import { expectToHear } from '../support/phone/calls';
import { KEY, PhoneStage, withKey } from '../support/phone/phoneStage';

jest.setTimeout(120_000);

const CALLER = 'Ana Söderström';

const stage = new PhoneStage();
/** What a run shows for the documentation; nothing is expected of it. */
const figures: string[] = [];
let browser: Browser;
/** Executions before the test: those of missed calls wait for their time to be up. */
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

afterEach(async () => {
	await stage.tidyUp();
	Object.assign(stage.emulator.variants, { answerSetup: 'passive', silentUntilHeard: 'no' });
});

/** Someone has called, and an agent has opened the link. */
async function ringing(prepare?: Parameters<PhoneStage['agent']>[2]) {
	const { call, link } = await stage.incomingCall();
	const agent = await stage.agent(browser, link, prepare);
	await agent.view('incoming');
	return { call, link, agent };
}

/** An agent has answered a call. */
async function talking() {
	const { call, link, agent } = await ringing();
	await agent.click('Answer');
	await agent.view('talking');
	return { call, link, agent };
}

/** An agent fills in the page for placing calls. */
async function dial(agent: Agent, { number = `+${PERSON}`, key = KEY } = {}): Promise<void> {
	await agent.page.getByLabel('Phone number').fill(number);
	await agent.page.getByLabel('Key', { exact: true }).fill(key);
	await agent.click('Call');
}

/** An agent has placed a call, which rings. */
async function placed(prepare?: Parameters<PhoneStage['agent']>[2]) {
	const before = stage.emulator.calls.length;
	const agent = await stage.agent(browser, stage.dialLink(), prepare);
	await agent.view('dial');
	await dial(agent);
	await agent.view('ringing');
	expect(stage.emulator.calls).toHaveLength(before + 1);
	return { call: stage.emulator.calls.at(-1)!, agent };
}

async function expectRecording(call: Call): Promise<void> {
	const speech = await stage.expectRecording(call, earlier);
	figures.push(`  speech in the recording of ${call.direction}: ${speech.join(' / ')} s`);
}

const allDone = async () => await stage.allDone(earlier);

/** Milliseconds from now until both sides hear something. */
async function expectVoice(agent: Agent, call: Call, since: number): Promise<string> {
	const media = () => stage.mediaOf(call).report();
	await stage.until('voice of the agent', () => media().packetsReceived > 0);
	const atUser = Date.now() - since;
	await stage.until('voice of the user', async () => (await agent.energyHeard()) > 0);
	return `${atUser} ms at the user, ${Date.now() - since} ms at the agent`;
}

describe('an incoming call on the browser phone', () => {
	it('The agent answers with a click, both sides are heard and recorded, and the agent hangs up', async () => {
		const { call, agent } = await ringing();
		expect(await agent.page.locator('h1').innerText()).toBe(CALLER);
		expect(await agent.page.locator('#identity').innerText()).toBe(`+${call.user.waId}`);
		await agent.picture('incoming');

		const clicked = Date.now();
		await agent.click('Answer');
		await agent.view('talking');
		const accepted = Date.now() - clicked;
		const voice = await expectVoice(agent, call, clicked);
		figures.push(`  click to Accept: ${accepted} ms; click to voice: ${voice}`);

		expect(call.recording).toMatchObject({ purpose: 'quality assurance' });
		expect(await agent.page.locator('#recorded').innerText()).toBe(
			'This call is recorded for: quality assurance',
		);
		await expectToHear(agent);
		await agent.picture('talking');
		await stage.mediaOf(call).said;
		expect(stage.mediaOf(call).report()).toMatchObject({
			packetsTooEarly: 0,
			packetsRefused: 0,
			warnings: [],
		});

		await agent.click('Hang up');
		expect(await agent.ending('over', 'You hung up')).toMatch(/^The call lasted 00:\d\d\./);
		await agent.picture('over');
		await stage.ended(call);
		await expectRecording(call);
		expect(agent.complaints).toEqual([]);
		// Nothing but its own web space and n8n was asked, and the link is nowhere to be found.
		const asked = new Set(agent.requests.map((url) => new URL(url).origin));
		expect([...asked].sort()).toEqual([new URL(stage.pageUrl).origin, stage.n8n.url].sort());
		expect(agent.page.url()).toBe(stage.pageUrl);
		figures.push(`  executions for an answered call: ${await allDone()}`);
	});

	it('The call ends in the page when the caller hangs up', async () => {
		const { call, agent } = await talking();
		await stage.mediaOf(call).said;
		stage.emulator.hangUp(call.id);
		await agent.ending('over', 'The call has ended');
		await expectRecording(call);
		await allDone();
	});

	it('The call can be muted, get another microphone, and receives the keys of the keypad', async () => {
		const { call, agent } = await talking();
		const { page } = agent;
		await stage.mediaOf(call).talking;
		await page.evaluate(() => {
			const { peers } = window as unknown as { peers: RTCPeerConnection[] };
			const tones: string[] = [];
			Object.assign(window, { tones });
			peers[0].getSenders()[0].dtmf!.ontonechange = ({ tone }) => tone && tones.push(tone);
		});
		await agent.click('Keypad');
		await agent.picture('keypad');
		await agent.click('4');
		await page.keyboard.press('#');
		await poll('tones', 10_000, async () => {
			const tones = await page.evaluate(() => (window as unknown as { tones: string[] }).tones);
			return tones.join('') === '4#' ? true : undefined;
		});
		expect(await page.locator('#tones').innerText()).toBe('Tones sent: 4#');
		await agent.click('Keypad');

		await page.getByLabel('Microphone').selectOption({ index: 1 });
		// A microphone that is unplugged is replaced.
		await page.evaluate(() => {
			const { peers } = window as unknown as { peers: RTCPeerConnection[] };
			peers[0].getSenders()[0].track!.dispatchEvent(new Event('ended'));
		});
		await page.waitForFunction(() => {
			const { peers } = window as unknown as { peers: RTCPeerConnection[] };
			const { label, readyState } = peers[0].getSenders()[0].track!;
			return readyState === 'live' && label.includes('Default');
		});
		await agent.click('Mute');
		expect(await page.locator('#status').innerText()).toBe('You are muted');
		await agent.picture('muted');
		// Silence goes on being sent, because WhatsApp ends calls without packets.
		const { packetsReceived } = stage.mediaOf(call).report();
		await stage.until(
			'silence',
			() => stage.mediaOf(call).report().packetsReceived > packetsReceived + 50,
		);
		await agent.click('Unmute');
		expect(stage.mediaOf(call).report().packetsRefused).toBe(0);
		expect(agent.complaints).toEqual([]);
	});

	it('The call can be declined', async () => {
		const { call, agent } = await ringing();
		await agent.click('Decline');
		await agent.ending('over', 'Call declined');
		await agent.picture('declined');
		await stage.ended(call);
		await allDone();
	});

	it("The call belongs to the agent who answered: another agent's link says so, and changes nothing", async () => {
		const { call, link, agent } = await talking();
		const second = await stage.agent(browser, link);
		await second.click('Answer');
		await second.ending('problem', 'This call is taken or over');
		await second.picture('used');

		// Someone who has the link cannot end the call, either.
		const answer = new URLSearchParams(link.split('#')[1]).get('answer')!;
		const forged = async (body: Record<string, string>) =>
			(await fetch(answer, { method: 'POST', body: new URLSearchParams(body) })).status;
		await poll('refusal of a forged end', 10_000, async () =>
			(await forged({ action: 'hangUp', page: 'other' })) === 409 ? true : undefined,
		);
		expect(await forged({ event: 'terminate', callId: 'wacid.unknown' })).toBe(409);
		expect(call.state).toBe('inProgress');
		await stage.mediaOf(call).said;
		await agent.click('Hang up');
		await stage.ended(call);

		await allDone();
		const third = await stage.agent(browser, link);
		await third.click('Answer');
		await third.ending('problem', 'This call is taken or over');
	});

	it('The call goes to one of two agents who click at once', async () => {
		const { call, link, agent } = await ringing();
		const second = await stage.agent(browser, link);
		await Promise.all([agent.click('Answer'), second.click('Answer')]);
		const views = await Promise.all(
			[agent, second].map(async ({ page }) => {
				const decided = page.locator('main[data-view="talking"], main[data-view="problem"]');
				await decided.waitFor();
				return await decided.getAttribute('data-view');
			}),
		);
		expect([...views].sort()).toEqual(['problem', 'talking']);
		const loser = views[0] === 'problem' ? agent : second;
		await loser.ending('problem', 'This call is taken or over');
		expect(call.state).toBe('inProgress');
	});

	it("The call can still be answered when the device's clock is fast, and not after minutes", async () => {
		const { call, link } = await stage.incomingCall();
		const before = (seconds: number) => {
			const time = new Date(Date.now() - seconds * 1000).toISOString();
			return link.replace(/before=[^&]*/, `before=${encodeURIComponent(time)}`);
		};
		const old = await stage.agent(browser, before(600));
		await old.ending('problem', 'This link has expired');
		await old.picture('expired');
		expect(await old.page.getByRole('button').count()).toBe(0);

		const fast = await stage.agent(browser, before(20));
		await fast.ending('problem', 'This call can probably no longer be answered');
		await fast.picture('late');
		await fast.click('Try to answer anyway');
		await fast.view('talking');
		expect(call.state).toBe('inProgress');
	});

	it('The call is reported as gone when the caller has hung up', async () => {
		const { call, agent } = await ringing();
		stage.emulator.hangUp(call.id);
		await agent.click('Answer');
		await agent.ending('problem', 'The call could not be answered');
		await agent.page.getByText('Details', { exact: true }).click();
		await agent.page.getByText('The call has ended already').waitFor();
		await agent.picture('gone');
	});

	it('The call ends when the tab is closed', async () => {
		const { call, agent } = await talking();
		await stage.mediaOf(call).said;
		const closed = Date.now();
		await agent.closeTab();
		await stage.ended(call);
		figures.push(`  tab closed to end of the call: ${Date.now() - closed} ms`);
		await expectRecording(call);
		await allDone();
	});

	it('The call stays with the others when the microphone or UDP is refused', async () => {
		const { call, link, agent } = await ringing();
		const [deaf, walled] = await Promise.all([
			stage.agent(await stage.browser({ microphone: false }), link),
			stage.agent(await stage.browser({ udp: false }), link),
		]);
		await deaf.click('Answer');
		await deaf.ending('problem', 'The microphone is blocked');
		await deaf.picture('microphone-denied');
		await deaf.page.getByRole('button', { name: 'Try again' }).waitFor();
		await walled.click('Answer');
		await walled.ending('problem', 'The sound cannot get through');
		await walled.picture('udp-blocked');
		expect(call.state).toBe('ringing');
		await agent.click('Answer');
		await agent.view('talking');
	});

	it('The call ends, and the page says why, when a firewall drops the audio', async () => {
		const { call, link } = await stage.incomingCall();
		const [start, offer] = link.split('&offer=') as [string, string];
		const sdp = Buffer.from(offer, 'base64url').toString();
		// Nobody is there.
		const nowhere = sdp.replace(/(a=candidate:.* udp \d+ \S+) \d+/g, '$1 9');
		const blocked = `${start}&offer=${Buffer.from(nowhere).toString('base64url')}`;
		const agent = await stage.agent(browser, blocked);
		await agent.click('Answer');
		await agent.view('talking');
		await agent.view('problem', 40_000);
		await agent.ending('problem', 'The sound cannot get through');
		await stage.ended(call);
	});
});

describe('a call that an agent places', () => {
	it('The call rings, is picked up, heard on both sides and recorded, and the person hangs up', async () => {
		const agent = await stage.agent(browser, stage.dialLink('&to=%2B1%20408%20555%201234'));
		await agent.view('dial');
		await agent.picture('dial');
		await agent.page.getByLabel('Key', { exact: true }).fill(KEY);
		const clicked = Date.now();
		await agent.click('Call');
		await agent.view('ringing');
		figures.push(`  click to ringing: ${Date.now() - clicked} ms`);
		await agent.picture('ringing');
		const call = stage.emulator.calls.at(-1)!;
		expect(call.user.waId).toBe(PERSON);
		await stage.mediaOf(call).connected;

		const pickedUp = Date.now();
		stage.emulator.userPicksUp(call.id);
		const voice = await expectVoice(agent, call, pickedUp);
		await agent.view('talking');
		figures.push(`  picked up to voice: ${voice}; to the page: ${Date.now() - pickedUp} ms`);
		await expectToHear(agent);
		expect(await agent.page.locator('#recorded').innerText()).toContain('quality assurance');
		await stage.mediaOf(call).said;
		stage.emulator.hangUp(call.id);
		await agent.ending('over', 'The call has ended');
		await agent.picture('over-outgoing');
		await expectRecording(call);
		expect(agent.complaints).toEqual([]);
		await agent.click('New call');
		await agent.view('dial');
		figures.push(`  executions for a placed call: ${await allDone()}`);
	});

	it('The call ends when the agent hangs up', async () => {
		const { call, agent } = await placed();
		stage.emulator.userPicksUp(call.id);
		await agent.view('talking');
		await stage.mediaOf(call).said;
		await agent.click('Hang up');
		await agent.ending('over', 'You hung up');
		await stage.ended(call);
		await expectRecording(call);
		await allDone();
	});

	it('The page says that the person has declined', async () => {
		const { call, agent } = await placed();
		stage.emulator.userRejects(call.id);
		await agent.ending('over', 'The call was not answered');
		await agent.picture('not-answered');
		await allDone();
	});

	it('The call ends when the tab is closed while it rings', async () => {
		const { call, agent } = await placed();
		await agent.closeTab();
		await stage.ended(call);
		await allDone();
	});

	it("The call requires the person's permission, the right key and a possible number", async () => {
		const calls = stage.emulator.calls.length;
		stage.emulator.setPermission(PERSON, 'no_permission');
		const agent = await stage.agent(browser, stage.dialLink());
		await dial(agent, { number: '0408 555' });
		await agent.page.getByText('Enter the number with its country code').waitFor();
		await agent.picture('wrong-number');
		await dial(agent, { key: 'a guess' });
		await agent.ending('problem', 'The key is wrong or missing');
		await agent.picture('wrong-key');
		await agent.click('Try again');
		await dial(agent);
		await agent.ending('problem', 'This person has not allowed your calls');
		await agent.picture('no-permission');
		stage.emulator.setPermission(PERSON, 'permanent');
		expect(stage.emulator.calls).toHaveLength(calls);
	});

	it.each(['passive', 'active', 'actpass'] as const)(
		'The call has audio whatever role WhatsApp takes in the handshake: %s',
		async (answerSetup) => {
			stage.emulator.variants.answerSetup = answerSetup;
			const { call, agent } = await placed();
			expect(call.sdp).toContain(`a=setup:${answerSetup}`);
			stage.emulator.userPicksUp(call.id);
			await agent.view('talking');
			await expectToHear(agent);
		},
	);
});

describe('a customer whose WhatsApp sends nothing before it hears something', () => {
	beforeEach(() => {
		stage.emulator.variants.silentUntilHeard = 'yes';
	});

	it('The customer is heard after calling', async () => {
		const { agent } = await talking();
		await expectToHear(agent);
	});

	it('The customer is heard after being called', async () => {
		const { call, agent } = await placed();
		await stage.mediaOf(call).connected;
		stage.emulator.userPicksUp(call.id);
		await agent.view('talking');
		await expectToHear(agent);
	});
});

/** As the README has it for an n8n whose addresses of waiting executions can be guessed. */
describe('the browser phone with a key on the Wait nodes', () => {
	beforeAll(async () => {
		await stage.stopMeta();
		await stage.startMeta({}, withKey);
	});

	it('A call is answered with the key, and with nothing else', async () => {
		const { call, agent } = await ringing();
		await agent.click('Answer');
		await agent.ending('problem', 'The key is wrong or missing');
		await agent.click('Try again');
		await agent.page.getByLabel('Key', { exact: true }).fill(KEY);
		await agent.click('Answer');
		await agent.view('talking');
		await stage.mediaOf(call).said;
		stage.emulator.hangUp(call.id);
		await agent.ending('over', 'The call has ended');
		await allDone();
	});
});
