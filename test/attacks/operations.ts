import { makeSdp } from '../../emulator';
import { ACTION_TYPE, chain, node, using, webhookNode } from '../support/workflow';
import type { Arena } from './arena';
import { HARMFUL, SOME } from './names';

const NUMBER = '106000000000001';
const ACTION = 'WhatsApp Business Calling';

/** What an operator may have bound to something that comes from outside. */
interface Given {
	resource: 'call' | 'callButton' | 'recording';
	operation: 'accept' | 'start' | 'download' | 'get' | 'send';
	phoneNumberId?: string;
	callId?: string;
	mediaId?: string;
	sha256?: string;
	to?: string;
	userId?: string;
	sdp?: unknown;
	recordingPurpose?: string;
	recordingLanguage?: string;
	callbackData?: string;
	bodyText?: string;
	payload?: string;
}

/** One request that reached the Graph API. */
interface Asked {
	path: string;
	query: Record<string, string>;
	body: Record<string, unknown> | undefined;
}

const expression = (name: keyof Given) => `={{ $json.body.${name} }}`;

/** Each parameter is whatever was sent. */
const parametersOf = (resource: string, operation: string) => ({
	resource,
	operation,
	phoneNumberId: { __rl: true, mode: 'id', value: expression('phoneNumberId') },
	callId: expression('callId'),
	mediaId: expression('mediaId'),
	sha256: expression('sha256'),
	to: expression('to'),
	userId: expression('userId'),
	sdp: expression('sdp'),
	recordCall: resource === 'call',
	recordingPurpose: expression('recordingPurpose'),
	recordingLanguage: expression('recordingLanguage'),
	bodyText: expression('bodyText'),
	options:
		resource === 'call'
			? { bizOpaqueCallbackData: expression('callbackData') }
			: resource === 'callButton'
				? { payload: expression('payload') }
				: {},
});

export function operationAttacks(arena: () => Arena): void {
	/** A workflow for each operation that gives it whatever is sent to its webhook. */
	const urls = new Map<string, string>();

	async function urlOf({ resource, operation }: Given): Promise<string> {
		const known = urls.get(operation);
		if (known) return known;
		const { api, url } = arena().n8n;
		const nodes = [
			webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
				httpMethod: 'POST',
				path: operation,
				responseMode: 'lastNode',
			}),
			node(ACTION, ACTION_TYPE, 1, parametersOf(resource, operation), {
				onError: 'continueRegularOutput',
				credentials: using(arena().credential),
			}),
		];
		const { id } = await api.createWorkflow({ name: operation, nodes, connections: chain(nodes) });
		await api.activate(id);
		urls.set(operation, `${url}/webhook/${operation}`);
		return urls.get(operation) ?? '';
	}

	/** Runs the operation, and gives its item and what it asked Meta for. */
	async function run(given: Given): Promise<{ item: Record<string, unknown>; asked: Asked[] }> {
		const url = await urlOf(given);
		const outcome = { item: {} as Record<string, unknown>, asked: [] as Asked[] };
		await arena().survives(async () => {
			const { requests } = arena().emulator;
			const before = requests.length;
			const { status, body } = await arena().send({
				url,
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify(given),
			});
			expect(status).toBe(200);
			const answer = JSON.parse(body) as unknown;
			outcome.item = (Array.isArray(answer) ? answer[0] : answer) as Record<string, unknown>;
			outcome.asked = requests.slice(before).map(({ path, query, body: sent }) => ({
				path,
				query,
				body: sent as Asked['body'],
			}));
		}, 1);
		return outcome;
	}

	const start = (more: Partial<Given>): Given => ({
		resource: 'call',
		operation: 'start',
		phoneNumberId: NUMBER,
		to: '14085551234',
		userId: '',
		sdp: makeSdp('offer'),
		recordingPurpose: 'quality assurance',
		recordingLanguage: 'en',
		callbackData: '',
		...more,
	});

	const accept = (more: Partial<Given>): Given => ({
		...start({}),
		operation: 'accept',
		callId: 'wacid.A',
		sdp: makeSdp('answer'),
		...more,
	});

	const download = (more: Partial<Given>): Given => ({
		resource: 'recording',
		operation: 'download',
		mediaId: '1',
		sha256: '',
		...more,
	});

	const refused = async (given: Given) => {
		const { item, asked } = await run(given);
		expect(item).toMatchObject({ error: { message: expect.any(String) } });
		expect(asked).toEqual([]);
	};

	describe('the purpose of a recording, handed to an operation, is', () => {
		it.each(HARMFUL)('%s', async (_, purpose) => {
			const given = start({ recordingPurpose: purpose });
			if ([...purpose.trim()].length > 250) return await refused(given);
			const { asked } = await run(given);
			expect(asked.map(({ path, body }) => [path, body?.recording])).toEqual([
				[
					`/v26.0/${NUMBER}/calls`,
					{ status: 'ENABLED', purpose: purpose.trim(), announcement_language: 'en' },
				],
			]);
		});
	});

	describe('the words and the payload of a call button, handed to an operation, are', () => {
		it.each(HARMFUL)('%s', async (_, text) => {
			const given: Given = {
				resource: 'callButton',
				operation: 'send',
				phoneNumberId: NUMBER,
				to: '14085551234',
				userId: '',
				bodyText: text,
				payload: text,
			};
			if ([...text].length > 512) return await refused(given);
			const { asked } = await run(given);
			expect(asked.map(({ path, body }) => [path, body?.interactive])).toEqual([
				[
					`/v26.0/${NUMBER}/messages`,
					{
						type: 'voice_call',
						body: { text: text.trim() },
						action: { name: 'voice_call', parameters: { payload: text } },
					},
				],
			]);
		});
	});

	describe('a call ID, handed to an operation, is', () => {
		it.each(SOME)('%s', async (_, id) => {
			await refused(accept({ callId: id }));
		});

		it.each(HARMFUL)('%s, behind the beginning of a call ID', async (_, text) => {
			const callId = `wacid.${text}`;
			if (/[\s\p{Cc}]/u.test(callId)) return await refused(accept({ callId }));
			const { asked } = await run(accept({ callId }));
			expect(
				asked.map(({ path, query, body }) => [path, query, body?.action, body?.call_id]),
			).toEqual(
				['pre_accept', 'accept'].map((action) => [
					`/v26.0/${NUMBER}/calls`,
					{ appsecret_proof: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
					action,
					callId,
				]),
			);
		});
	});

	describe('a media ID, handed to an operation, is', () => {
		it.each(HARMFUL.filter(([, id]) => id !== '__proto__'))('%s', async (_, mediaId) => {
			await refused(download({ mediaId }));
		});
	});

	describe('a phone number ID, handed to an operation, is', () => {
		it.each(HARMFUL.filter(([, id]) => !/^[\w-]+$/.test(id)))('%s', async (_, phoneNumberId) => {
			await refused(start({ phoneNumberId }));
		});
	});

	describe.each(['sha256', 'to', 'userId', 'recordingLanguage', 'sdp'] as const)(
		'the parameter %s, handed to an operation, is',
		(name) => {
			it.each(SOME)('%s', async (_, text) => {
				const given = { [name]: text };
				await refused(name === 'sha256' ? download(given) : start(given));
			});
		},
	);

	it('an SDP of 16 MB in wrappings of 100,000 levels is refused', async () => {
		const deep = '{"sdp":'.repeat(100_000);
		await refused(start({ sdp: deep }));
		await refused(start({ sdp: { sdp: { sdp: 'v=0' } } }));
	});
}
