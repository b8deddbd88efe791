import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { makeSdp } from '../../emulator';
import { PERSON } from '../support/constants';
import { Agent, launchBrowser } from '../support/phone/agent';
import { PAGE, withHashes } from '../../tools/browserPhone/hashes';
import { serve, type LocalServer } from '../support/localServer';

jest.setTimeout(60_000);

/** Its own name, so that a browser does not take it for this machine. */
const INSECURE_HOST = 'phone.test';

let folder: string;
let browser: Browser;
let html: string;
let webSpace: LocalServer;
let n8n: LocalServer;
/** What the stand-in for n8n does, and what it got. */
let answer: { status: number; body: unknown };
let received: string[];
const agents: Agent[] = [];

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'phone-page-'));
	browser = await launchBrowser(folder, { hosts: `MAP ${INSECURE_HOST} 127.0.0.1` });
	html = await readFile(PAGE, 'utf8');
	webSpace = await serve((request, response) => {
		response.setHeader('content-type', 'text/html');
		const path = new URL(request.url ?? '/', 'http://web.space').pathname;
		response.end(variants[path]?.(html) ?? html);
	});
	n8n = await serve((request, response) => {
		received.push(request.url ?? '');
		response.setHeader('access-control-allow-origin', '*');
		response.setHeader('access-control-allow-headers', '*');
		if (answer.status === 302) response.setHeader('location', `${n8n.url}/elsewhere`);
		response.statusCode = request.method === 'OPTIONS' ? 204 : answer.status;
		response.end(JSON.stringify(answer.body));
	});
});

beforeEach(() => {
	received = [];
	answer = { status: 200, body: { ok: true } };
});

afterEach(async () => {
	for (const agent of agents.splice(0)) await agent.leave();
});

afterAll(async () => {
	await browser?.close();
	await webSpace?.stop();
	await n8n?.stop();
	await rm(folder, { recursive: true, force: true });
});

const ELSEWHERE = 'https://other.example.com';

/** The page as operators change it, and pages around it. */
const variants: Record<string, (page: string) => string> = {
	'/pinned.html': (page) =>
		page.replace(
			/connect-src https:[^;]*/,
			'connect-src https://n8n.example.com http://127.0.0.1:*',
		),
	'/translated.html': (page) => page.replace('"answer": "Answer"', '"answer": "Rispondi"'),
	'/changed-script.html': (page) => page.replace('\t\t\tstart();\n', '\t\t\tstart();;\n'),
	'/frame.html': () => '<iframe src="/phone.html#dial=https://n8n.example.com/webhook/x"></iframe>',
};

const OFFER = makeSdp('offer');

/** The part of a link after "#", of a call that has just come in. */
function incoming(changes: Record<string, string | undefined> = {}): string {
	const fields = {
		answer: `${n8n.url}/webhook-waiting/1?signature=abc`,
		before: new Date(Date.now() + 30_000).toISOString(),
		name: 'Ana Söderström',
		number: PERSON,
		offer: Buffer.from(OFFER).toString('base64url'),
		...changes,
	};
	return Object.entries(fields)
		.flatMap(([name, value]) =>
			value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
		)
		.join('&');
}

async function open(
	fragment: string,
	{ path = '/phone.html', host = '127.0.0.1', prepare }: OpenOptions = {},
): Promise<Agent> {
	const url = new URL(webSpace.url);
	url.hostname = host;
	const agent = await Agent.open(browser, `${url.origin}${path}#${fragment}`, prepare);
	agents.push(agent);
	return agent;
}

interface OpenOptions {
	path?: string;
	host?: string;
	prepare?: (page: Page) => Promise<void>;
}

describe('the Content-Security-Policy of the browser phone', () => {
	it('The policy allows this script and this style, and nothing else', async () => {
		expect(withHashes(html)).toBe(html);
		const agent = await open(incoming(), { path: '/changed-script.html' });
		expect(await agent.page.locator('h1').innerText()).toBe('');
		expect(agent.complaints.join()).toContain('script-src');
	});

	it('Operators can translate the texts under the policy', async () => {
		const agent = await open(incoming(), { path: '/translated.html' });
		await agent.page.getByRole('button', { name: 'Rispondi' }).waitFor();
		expect(agent.complaints).toEqual([]);
	});

	it('A page that is bound to one n8n cannot contact another', async () => {
		const agent = await open(incoming({ answer: `${ELSEWHERE}/webhook-waiting/1` }), {
			path: '/pinned.html',
		});
		const help = await agent.ending('problem', 'This link is not from your n8n');
		expect(help).toContain('other.example.com');
		await agent.picture('foreign-server');
		const isBlocked = await agent.page.evaluate(async (address) => {
			const violation = new Promise<string>((resolve) => {
				document.addEventListener('securitypolicyviolation', (event) =>
					resolve(event.effectiveDirective),
				);
			});
			await fetch(address).catch(() => undefined);
			return await violation;
		}, ELSEWHERE);
		expect(isBlocked).toBe('connect-src');

		const own = await open(incoming(), { path: '/pinned.html' });
		await own.view('incoming');
	});
});

describe('a forged link', () => {
	const answering = (address: string) => incoming({ answer: address });

	it.each<[string, () => string]>([
		['http', () => answering('http://other.example.com/webhook-waiting/1')],
		['a script', () => answering('javascript:alert(1)//webhook-waiting/')],
		['a name and a password', () => answering('https://a:b@n8n.example.com/webhook-waiting/1')],
		['another path', () => answering('https://n8n.example.com/rest/workflows')],
		['no address', () => answering('/webhook-waiting/1')],
		['no offer', () => incoming({ offer: undefined })],
		['no SDP', () => incoming({ offer: Buffer.from('hello').toString('base64url') })],
		['no base64', () => incoming({ offer: '%%%' })],
		[
			'a huge offer',
			() => incoming({ offer: Buffer.from(OFFER.padEnd(20_000)).toString('base64url') }),
		],
		['a place to dial that is none', () => 'dial=ftp://n8n.example.com/webhook/x'],
	])('A forged link leads nowhere: %s', async (_, fragment) => {
		const agent = await open(fragment());
		await agent.ending('problem', 'This link cannot be used');
		expect(await agent.page.getByRole('button').count()).toBe(0);
	});

	it('A forged link runs no script, and cannot disguise who calls', async () => {
		const name = '<img src=x onerror="window.hacked=1">\u202Egpj.\u0007';
		const agent = await open(incoming({ name }));
		const shown = await agent.page.locator('h1').innerText();
		expect(shown).toBe('<img src=x onerror="window.hacked=1">gpj.');
		expect(await agent.page.evaluate(() => 'hacked' in window)).toBe(false);
		await agent.page.getByText(`Connected through ${new URL(n8n.url).host}`).waitFor();
	});

	it('A forged link opens no microphone and contacts no host before a click', async () => {
		const asked: string[] = [];
		const agent = await open(incoming({ stun: 'stun:127.0.0.1:9' }), {
			prepare: async (page) => {
				await page.exposeFunction('asked', (what: string) => asked.push(what));
				await page.addInitScript(() => {
					const { mediaDevices } = navigator;
					const { asked: tell } = window as unknown as { asked: (what: string) => void };
					mediaDevices.getUserMedia = async () => {
						tell('microphone');
						throw new Error('not now');
					};
				});
			},
		});
		await agent.view('incoming');
		const peers = async () =>
			await agent.page.evaluate(() => (window as unknown as { peers: unknown[] }).peers.length);
		expect([asked, received, await peers()]).toEqual([[], [], 0]);
	});

	it('The page does not follow an n8n that redirects to another URL', async () => {
		answer = { status: 302, body: {} };
		const agent = await open(incoming());
		await agent.click('Answer');
		await agent.ending('problem', 'n8n cannot be reached');
	});
});

describe('what prevents a page from calling', () => {
	it('The page says that it needs a link', async () => {
		const agent = await open('');
		await agent.ending('problem', 'No call here');
		await agent.picture('no-link');
	});

	it('The page says that it needs https', async () => {
		const agent = await open(incoming(), { host: INSECURE_HOST });
		await agent.ending('problem', 'This page needs https');
		await agent.picture('no-https');
	});

	it('The page says that it needs a newer browser', async () => {
		const agent = await open(incoming(), {
			prepare: async (page) => {
				await page.addInitScript(() => {
					delete (window as { RTCPeerConnection?: unknown }).RTCPeerConnection;
				});
			},
		});
		await agent.ending('problem', 'This browser cannot make calls');
		await agent.picture('old-browser');
	});

	it('The page says that it cannot run inside another page', async () => {
		const agent = await open('', { path: '/frame.html' });
		const inside = agent.page.frameLocator('iframe');
		await inside.getByText('This page cannot be used inside another page').waitFor();
	});

	it('The page says that a microphone is missing or in use', async () => {
		for (const [name, title] of [
			['NotFoundError', 'No microphone was found'],
			['NotReadableError', 'The microphone cannot be used'],
		] as const) {
			const agent = await open(incoming(), {
				prepare: async (page) => {
					await page.addInitScript((error) => {
						navigator.mediaDevices.getUserMedia = async () => {
							throw new DOMException('', error);
						};
					}, name);
				},
			});
			await agent.click('Answer');
			await agent.ending('problem', title);
			await agent.picture(name === 'NotFoundError' ? 'microphone-missing' : 'microphone-in-use');
			await agent.click('Try again');
			await agent.view('incoming');
		}
	});
});

it('The page works from the disk, too', async () => {
	const agent = await Agent.open(browser, `${pathToFileURL(PAGE).href}#${incoming()}`);
	agents.push(agent);
	await agent.view('incoming');
	expect(agent.page.url()).toBe(pathToFileURL(PAGE).href);
	await agent.click('Answer');
	await agent.view('talking');
	expect(agent.complaints).toEqual([]);
});

describe("n8n's response when the agent answers", () => {
	it.each<[number, unknown, string, string]>([
		[401, { error: 'Invalid token' }, 'n8n does not accept this link', 'wrong-link'],
		[404, { message: 'The execution "1" does not exist.' }, 'This link has expired', 'unknown'],
		[409, { message: 'The execution "1 has finished already.' }, 'This call is taken or over', ''],
		[
			409,
			{ message: 'The execution "1" is running already.' },
			'Someone else is answering this call',
			'busy',
		],
		[500, { message: 'Internal' }, 'n8n reported an error', 'server-error'],
		[200, 'Webhook call received', 'n8n reported an error', ''],
		[
			502,
			{ ok: false, reason: 'gone', message: 'WhatsApp said no' },
			'The call could not be answered',
			'',
		],
	])('The page explains the response %s %j', async (status, body, title, picture) => {
		answer = { status, body };
		const agent = await open(incoming());
		await agent.click('Answer');
		await agent.ending('problem', title);
		if (picture) await agent.picture(picture);
	});

	it('The page says that n8n is down', async () => {
		const agent = await open(incoming({ answer: 'http://127.0.0.1:9/webhook-waiting/1' }));
		await agent.click('Answer');
		await agent.ending('problem', 'n8n cannot be reached');
		await agent.picture('unreachable');
		await agent.page.getByRole('button', { name: 'Try again' }).waitFor();
	});

	it('The page asks for the key that n8n requires', async () => {
		answer = { status: 403, body: { message: 'Authorization data is wrong!' } };
		const agent = await open(incoming());
		await agent.click('Answer');
		await agent.ending('problem', 'The key is wrong or missing');
		await agent.click('Try again');
		await agent.page.getByLabel('Key', { exact: true }).fill('right');
		await agent.picture('incoming-with-key');
		answer = { status: 200, body: { ok: true, recording: null } };
		await agent.page.keyboard.press('Enter');
		await agent.view('talking');
		expect(await agent.page.locator('#recorded').isVisible()).toBe(false);
	});
});

describe('a call that n8n has placed, and WhatsApp has not answered', () => {
	async function dialling(): Promise<Agent> {
		answer = { status: 200, body: { ok: true, resume: `${n8n.url}/webhook-waiting/1` } };
		const agent = await open(
			`dial=${encodeURIComponent(`${n8n.url}/webhook/dial`)}&to=14085551234`,
		);
		await agent.page.getByLabel('Key', { exact: true }).fill('right');
		await agent.click('Call');
		await agent.page.waitForRequest(
			(request) => request.postData()?.includes('action=ask') ?? false,
		);
		return agent;
	}

	it('The call is hung up when the agent does not want to wait', async () => {
		const agent = await dialling();
		const hangUp = agent.page.waitForRequest(
			(request) => request.postData()?.includes('action=hangUp') ?? false,
		);
		await agent.click('Cancel');
		expect((await hangUp).url()).toBe(`${n8n.url}/webhook-waiting/1`);
		await agent.ending('over', 'You hung up');
	});

	it('The call is over when n8n no longer has it', async () => {
		const agent = await dialling();
		answer = { status: 409, body: { message: 'The execution "1 has finished already.' } };
		await agent.ending('over', 'The call was not answered');
	});
});

describe('people who see, hear or move differently', () => {
	const VIEWS = ['incoming', 'talking', 'over'] as const;

	it('A person completes a call with the keyboard alone, and the focus shows the position', async () => {
		const agent = await open(incoming());
		const { page } = agent;
		const focused = async () =>
			await page.evaluate(() => {
				const { activeElement } = document;
				return activeElement?.textContent?.trim() || activeElement?.id;
			});
		const seen: Array<string | undefined> = [await focused()];
		for (const key of ['Tab', 'Tab', 'Enter']) {
			await page.keyboard.press(key);
			if (key === 'Enter') await agent.view('talking');
			seen.push(await focused());
		}
		expect(seen).toEqual(['Ana Söderström', 'Decline', 'Answer', 'Ana Söderström']);
		for (const wanted of ['Mute', 'Keypad', 'microphone', 'Hang up']) {
			await page.keyboard.press('Tab');
			const now = await focused();
			expect(now === wanted || wanted === 'microphone').toBe(true);
		}
		const outline = await page.evaluate(
			() => getComputedStyle(document.activeElement!).outlineStyle,
		);
		expect(outline).toBe('solid');
		await page.keyboard.press('Enter');
		await agent.view('over');
		expect(await focused()).toBe('You hung up');
	});

	it('A person can read every text, in the light and the dark theme', async () => {
		const agent = await open(incoming());
		const act: Record<(typeof VIEWS)[number], () => Promise<void>> = {
			incoming: async () => {},
			talking: async () => {
				answer = { status: 200, body: { ok: true, recording: { purpose: 'quality assurance' } } };
				await agent.click('Answer');
			},
			over: async () => await agent.click('Hang up'),
		};
		for (const view of VIEWS) {
			await act[view]();
			await agent.view(view);
			for (const colorScheme of ['light', 'dark'] as const) {
				await agent.page.emulateMedia({ colorScheme });
				const faint = (await agent.page.evaluate(contrasts)).filter(({ ratio }) => ratio < 4.5);
				expect({ view, colorScheme, faint }).toEqual({ view, colorScheme, faint: [] });
			}
		}
	});

	it('Every control has a name, and nothing moves if the person wants no movement', async () => {
		const agent = await open(incoming());
		await agent.page.emulateMedia({ reducedMotion: 'reduce' });
		const unnamed = await agent.page.evaluate(() =>
			Array.from(document.querySelectorAll('button, input, select'))
				.filter((element) => {
					const { labels } = element as HTMLInputElement;
					const isSet = element.id === 'again';
					return !isSet && !element.textContent?.trim() && !labels?.length;
				})
				.map(({ id }) => id),
		);
		// Its text comes with the connection.
		expect(unnamed.filter((id) => id !== 'mute' && id !== 'hang-up')).toEqual([]);
		const animation = await agent.page.evaluate(
			() => getComputedStyle(document.querySelector('.face')!).animationName,
		);
		expect(animation).toBe('none');
	});
});

/** The contrast (WCAG 2) of each visible text with what is behind it. Runs in the page. */
function contrasts(): Array<{ text: string; ratio: number }> {
	type Color = [number, number, number, number];
	const colorOf = (css: string): Color => {
		const [red = 0, green = 0, blue = 0, alpha = 1] = css.match(/[\d.]+/g)!.map(Number);
		return [red, green, blue, alpha];
	};
	const luminance = ([red, green, blue]: Color) => {
		const [r, g, b] = [red, green, blue].map((part) => {
			const share = part / 255;
			return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
		});
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const backgroundOf = (element: Element | null): Color => {
		for (let at = element; at; at = at.parentElement) {
			const color = colorOf(getComputedStyle(at).backgroundColor);
			if (color[3] > 0) return color;
		}
		return [255, 255, 255, 1];
	};
	const own = (element: Element) =>
		Array.from(element.childNodes)
			.filter(({ nodeType }) => nodeType === Node.TEXT_NODE)
			.map(({ textContent }) => textContent?.trim() ?? '')
			.join('');
	return Array.from(document.body.querySelectorAll('*'))
		.filter((element) => own(element) !== '' && (element as HTMLElement).offsetParent)
		.map((element) => {
			const pair = [colorOf(getComputedStyle(element).color), backgroundOf(element)];
			const [bright, dark] = pair.map(luminance).sort((a, b) => b - a);
			return { text: own(element), ratio: (bright + 0.05) / (dark + 0.05) };
		});
}
