import { endsWithin, within } from '../../../nodes/WhatsAppBusinessCalling/graph/http';

describe('within', () => {
	it('gives what the work gives, or fails as it fails', async () => {
		const { signal } = new AbortController();
		await expect(within(signal, Promise.resolve(5))).resolves.toBe(5);
		await expect(within(signal, Promise.reject(new Error('cut')))).rejects.toThrow('cut');
	});

	it.each(['before', 'while'])('ends when the signal ends %s the work', async (when) => {
		const ending = new AbortController();
		if (when === 'before') ending.abort();
		const waiting = within(ending.signal, new Promise(() => {}));
		ending.abort();
		await expect(waiting).rejects.toMatchObject({ message: 'timeout', code: 'ETIMEDOUT' });
	});

	it('leaves nothing at a signal that lives on', async () => {
		const { signal } = new AbortController();
		const added = jest.spyOn(signal, 'addEventListener');
		const removed = jest.spyOn(signal, 'removeEventListener');
		await within(signal, Promise.resolve());
		await new Promise(setImmediate);
		const [[type, listener]] = added.mock.calls;
		expect(removed.mock.calls).toEqual([[type, listener]]);
		expect(type).toBe('abort');
	});
});

describe('endsWithin', () => {
	it('ends with its time', async () => {
		const signal = endsWithin(20);
		expect(signal.aborted).toBe(false);
		await new Promise((resolve) => signal.addEventListener('abort', resolve));
	});

	it('ends with the other signal, too', () => {
		const ending = new AbortController();
		const signal = endsWithin(60_000, ending.signal);
		expect(signal.aborted).toBe(false);
		ending.abort();
		expect(signal.aborted).toBe(true);
	});

	it('ends with its time, whatever the other signal does', async () => {
		const signal = endsWithin(20, new AbortController().signal);
		await new Promise((resolve) => signal.addEventListener('abort', resolve));
	});
});
