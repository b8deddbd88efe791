import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { raceWithSignal, timeoutSignal } from '../../../nodes/WhatsAppBusinessCalling/http/limits';

describe('raceWithSignal', () => {
	it('The result or error of the work is returned', async () => {
		const { signal } = new AbortController();
		await expect(raceWithSignal(signal, Promise.resolve(5))).resolves.toBe(5);
		await expect(raceWithSignal(signal, Promise.reject(new Error('cut')))).rejects.toThrow('cut');
	});

	it.each(['before', 'while'])('The signal ends it %s the work', async (when) => {
		const ending = new AbortController();
		if (when === 'before') ending.abort();
		const waiting = raceWithSignal(ending.signal, new Promise(() => {}));
		ending.abort();
		await expect(waiting).rejects.toMatchObject({ message: 'timeout', code: 'ETIMEDOUT' });
	});

	it.each(['before', 'while'])('A late result is given back (the signal ends %s)', async (when) => {
		const ending = new AbortController();
		if (when === 'before') ending.abort();
		const late: unknown[] = [];
		let come = (_: number) => {};
		const work = new Promise<number>((resolve) => (come = resolve));
		const waiting = raceWithSignal(ending.signal, work, (value) => late.push(value));
		ending.abort();
		await expect(waiting).rejects.toMatchObject({ code: 'ETIMEDOUT' });
		expect(late).toEqual([]);
		come(5);
		await new Promise(setImmediate);
		expect(late).toEqual([5]);
	});

	it('A late error is ignored', async () => {
		const work = Promise.reject(new Error('cut'));
		await expect(raceWithSignal(AbortSignal.abort(), work)).rejects.toMatchObject({
			code: 'ETIMEDOUT',
		});
		await new Promise(setImmediate);
	});

	it('Nothing stays attached to a signal that lives on', async () => {
		const { signal } = new AbortController();
		const added = jest.spyOn(signal, 'addEventListener');
		const removed = jest.spyOn(signal, 'removeEventListener');
		await raceWithSignal(signal, Promise.resolve());
		await new Promise(setImmediate);
		const [[type, listener]] = added.mock.calls;
		expect(removed.mock.calls).toEqual([[type, listener]]);
		expect(type).toBe('abort');
	});
});

describe('timeoutSignal', () => {
	it('The signal ends with its time', async () => {
		const signal = timeoutSignal(20);
		expect(signal.aborted).toBe(false);
		await new Promise((resolve) => signal.addEventListener('abort', resolve));
	});

	it('The signal ends with the other signal, too', () => {
		const ending = new AbortController();
		const signal = timeoutSignal(60_000, ending.signal);
		expect(signal.aborted).toBe(false);
		ending.abort();
		expect(signal.aborted).toBe(true);
	});

	it('The signal ends with its time, whatever the other signal does', async () => {
		const signal = timeoutSignal(20, new AbortController().signal);
		await new Promise((resolve) => signal.addEventListener('abort', resolve));
	});

	it('The signal keeps its time as long as it is itself kept, which Node.js 20 does not do for it', async () => {
		setFlagsFromString('--expose-gc');
		const collectGarbage = runInNewContext('gc') as () => void;
		const { any, timeout } = AbortSignal;
		let total: WeakRef<AbortSignal> | undefined;
		AbortSignal.timeout = () => {
			const { signal } = new AbortController();
			total = new WeakRef(signal);
			return signal;
		};
		AbortSignal.any = () => new AbortController().signal;
		const signal = timeoutSignal(1, new AbortController().signal);
		Object.assign(AbortSignal, { any, timeout });
		await new Promise(setImmediate);
		collectGarbage();
		expect(total?.deref()).toBeInstanceOf(AbortSignal);
		expect(signal.aborted).toBe(false);
	});
});
