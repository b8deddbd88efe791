import {
	attempt,
	forgetFailures,
	isCleanUp,
} from '../../../nodes/WhatsAppBusinessCalling/registration/attempts';
import { failureOf } from '../../support/failures';

let keys = 0;

/** A trigger; its attempts fail with their number, or succeed. */
function trigger() {
	const key = `trigger ${++keys}`;
	let times = 0;
	const run = (tookMs: number, succeeds: boolean) => async () => {
		times++;
		jest.setSystemTime(Date.now() + tookMs);
		if (succeeds) return times;
		throw new Error(`failure ${times}`);
	};
	return {
		fails: async (tookMs = 0) => (await failureOf(attempt(key, run(tookMs, false)))).message,
		succeeds: async () => await attempt(key, run(0, true)),
		isCleanUp: () => isCleanUp(key),
		times: () => times,
	};
}

const wait = (milliseconds: number) => void jest.setSystemTime(Date.now() + milliseconds);

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('the attempts of an activation, which n8n repeats', () => {
	it.each([
		[1_000, 'failure 1'],
		[9_999, 'failure 1'],
		[10_000, 'failure 2'],
	])('After %d milliseconds, the next one fails with: %s', async (pause, message) => {
		const { fails, times } = trigger();
		expect(await fails()).toBe('failure 1');
		wait(pause);
		expect(await fails()).toBe(message);
		expect(times()).toBe(2);
	});

	it.each([
		[1_000, 3],
		[1_001, 1],
	])('One that took %d milliseconds is repeated: %d in all', async (tookMs, expected) => {
		const { fails, times } = trigger();
		await fails(tookMs);
		for (let more = 0; more < 2; more++) {
			wait(4_000);
			expect(await fails(tookMs)).toBe('failure 1');
		}
		expect(times()).toBe(expected);
	});

	it('The time counts from the last one', async () => {
		const { fails } = trigger();
		for (let more = 0; more < 4; more++) {
			expect(await fails()).toBe('failure 1');
			wait(8_000);
		}
	});

	it('Success ends them', async () => {
		const { fails, succeeds } = trigger();
		await fails();
		expect(await succeeds()).toBe(2);
		expect(await fails()).toBe('failure 3');
	});

	it('A trigger that was removed ends them, because it may have been in the way', async () => {
		const { fails, times } = trigger();
		const other = trigger();
		await fails(2_000);
		await other.fails();
		forgetFailures();
		expect(await fails()).toBe('failure 2');
		expect(await other.fails()).toBe('failure 2');
		expect(times()).toBe(2);
	});

	it('Triggers do not know of each other', async () => {
		const [one, two] = [trigger(), trigger()];
		await one.fails(2_000);
		expect(await two.succeeds()).toBe(1);
	});
});

describe('the removal after a failed attempt', () => {
	it.each([
		[0, true],
		[4_999, true],
		[5_000, false],
	])('After %d milliseconds it is a clean-up: %s', async (pause, expected) => {
		const { fails, isCleanUp } = trigger();
		await fails();
		wait(pause);
		expect(isCleanUp()).toBe(expected);
	});

	it('It comes once after each', async () => {
		const { fails, isCleanUp, succeeds } = trigger();
		expect(isCleanUp()).toBe(false);
		for (let more = 0; more < 2; more++) {
			await fails();
			expect([isCleanUp(), isCleanUp()]).toEqual([true, false]);
		}
		await fails();
		await succeeds();
		expect(isCleanUp()).toBe(false);
	});
});
