import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { useStage } from './engineStage';

const stage = useStage();

async function challenge(trigger: TriggerWorkflow, query: string): Promise<Response> {
	return await fetch(`${trigger.url}?${query}`);
}

/** The verify token that the trigger gives to Meta when it registers. */
async function tokenOf(trigger: TriggerWorkflow): Promise<string> {
	await trigger.activate();
	const [{ body }] = stage.requests('subscriptions').filter(({ method }) => method === 'POST');
	return String((body as { verify_token: unknown }).verify_token);
}

describe('the challenge with which Meta verifies the webhook URL', () => {
	const manual = { registration: 'manual', verifyToken: 'chosen by the operator' };
	const right =
		'hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=chosen%20by%20the%20operator';

	it('A challenge with the token of a manual registration comes back as plain text', async () => {
		const answer = await challenge(stage.engine.trigger(stage.credential, manual), right);
		expect(answer.status).toBe(200);
		expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
		expect(await answer.text()).toBe('1158201444');
	});

	it('A challenge with the token that the node registered comes back', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		const token = await tokenOf(trigger);
		expect(token).toMatch(/^[0-9a-f]{64}$/);
		const answer = await challenge(
			trigger,
			`hub.mode=subscribe&hub.challenge=7&hub.verify_token=${token}`,
		);
		expect(await answer.text()).toBe('7');
	});

	it.each([
		['a wrong token', right.replace('operator', 'intruder')],
		['no token', 'hub.mode=subscribe&hub.challenge=1158201444'],
		['an empty token', 'hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token='],
		['two tokens', `${right}&hub.verify_token=other`],
		['a token that is an object', right.replace('hub.verify_token', 'hub.verify_token[a]')],
		['a wrong mode', right.replace('subscribe', 'unsubscribe')],
		['no mode', right.replace('hub.mode=subscribe&', '')],
		['two modes', `${right}&hub.mode=subscribe`],
		['no challenge', right.replace('hub.challenge=1158201444&', '')],
		['two challenges', `${right}&hub.challenge=2`],
		['nothing at all', ''],
	])('A challenge is rejected with 403 for %s', async (_, query) => {
		const answer = await challenge(stage.engine.trigger(stage.credential, manual), query);
		expect(answer.status).toBe(403);
		expect(await answer.text()).toBe('');
	});

	it('A challenge with the token of another node is rejected', async () => {
		const token = await tokenOf(stage.engine.trigger(stage.credential));
		const answer = await challenge(
			stage.engine.trigger(stage.credential),
			`hub.mode=subscribe&hub.challenge=7&hub.verify_token=${token}`,
		);
		expect(answer.status).toBe(403);
	});

	it('A challenge is rejected if a manual registration has no token', async () => {
		const trigger = stage.engine.trigger(stage.credential, { registration: 'manual' });
		const answer = await challenge(trigger, 'hub.mode=subscribe&hub.challenge=7&hub.verify_token=');
		expect(answer.status).toBe(403);
	});

	it('A challenge is rejected if the credential cannot be used', async () => {
		const trigger = stage.engine.trigger({ ...stage.credential, appSecret: ' ' });
		const answer = await challenge(trigger, 'hub.mode=subscribe&hub.challenge=7&hub.verify_token=');
		expect(answer.status).toBe(403);
	});

	it('A challenge comes back as text that a browser does not take for a page', async () => {
		const answer = await challenge(
			stage.engine.trigger(stage.credential, manual),
			right.replace('1158201444', encodeURIComponent('<script>alert(1)</script>')),
		);
		expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
		expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
	});

	it('A challenge starts no execution', async () => {
		const trigger = stage.engine.trigger(stage.credential, manual);
		await challenge(trigger, right);
		await challenge(trigger, '');
		expect(trigger.executions).toEqual([]);
	});
});
