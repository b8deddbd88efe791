import { makeSdp } from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import { ACTION_TYPE, chain, node, using, webhookNode } from '../support/workflow';
import type { AttackStage } from './attackStage';
import { HARMFUL, SOME } from './names';

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

export function operationAttacks(stage: () => AttackStage): void {
	/** A workflow for each operation that gives it whatever is sent to its webhook. */
	const urls = new Map<string, string>();

	async function urlOf({ resource, operation }: Given): Promise<string> {
		const known = urls.get(operation);
		if (known) return known;
		const { api, url } = stage().n8n;
		const nodes = [
			webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
				httpMethod: 'POST',
				path: operation,
				responseMode: 'lastNode',
			}),
			node(ACTION, ACTION_TYPE, 1, parametersOf(resource, operation), {
				onError: 'continueRegularOutput',
				credentials: using(stage().credential),
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
		await stage().survives(async () => {
			const { requests } = stage().emulator;
			const before = requests.length;
			const { status, body } = await stage().send({
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
		to: PERSON,
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

	describe('recording purposes passed to operations', () => {
		it.each(HARMFUL)(
			'A purpose of %s is sent unchanged, or rejected if it is too long',
			async (_, purpose) => {
				const given = start({ recordingPurpose: purpose });
				if ([...purpose.trim()].length > 250) return await refused(given);
				const { asked } = await run(given);
				expect(asked.map(({ path, body }) => [path, body?.recording])).toEqual([
					[
						`/v26.0/${NUMBER}/calls`,
						{ status: 'ENABLED', purpose: purpose.trim(), announcement_language: 'en' },
					],
				]);
			},
		);
	});

	describe('the texts and the payload of a call button', () => {
		it.each(HARMFUL)(
			'A text and payload of %s are sent unchanged, or rejected if they are too long',
			async (_, text) => {
				const given: Given = {
					resource: 'callButton',
					operation: 'send',
					phoneNumberId: NUMBER,
					to: PERSON,
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
			},
		);
	});

	describe('call IDs passed to operations', () => {
		it.each(SOME)('A call ID of %s is rejected', async (_, id) => {
			await refused(accept({ callId: id }));
		});

		it.each(HARMFUL)(
			'A call ID that begins correctly and goes on with %s stays one value, or is rejected',
			async (_, text) => {
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
			},
		);
	});

	describe('media IDs passed to operations', () => {
		it.each(HARMFUL.filter(([, id]) => id !== '__proto__'))(
			'A media ID of %s is rejected',
			async (_, mediaId) => {
				await refused(download({ mediaId }));
			},
		);
	});

	describe('phone number IDs passed to operations', () => {
		it.each(HARMFUL.filter(([, id]) => !/^[\w-]+$/.test(id)))(
			'A phone number ID of %s is rejected',
			async (_, phoneNumberId) => {
				await refused(start({ phoneNumberId }));
			},
		);
	});

	describe.each(['sha256', 'to', 'userId', 'recordingLanguage', 'sdp'] as const)(
		'the parameter %s of an operation',
		(name) => {
			it.each(SOME)('A value of %s is rejected', async (_, text) => {
				const given = { [name]: text };
				await refused(name === 'sha256' ? download(given) : start(given));
			});
		},
	);

	it('An SDP of 16 MB in 100,000 levels of wrapping is rejected', async () => {
		const deep = '{"sdp":'.repeat(100_000);
		await refused(start({ sdp: deep }));
		await refused(start({ sdp: { sdp: { sdp: 'v=0' } } }));
	});
}
