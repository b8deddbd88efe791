import fc from 'fast-check';
import { NodeOperationError, type IDataObject } from 'n8n-workflow';

import { readSettings } from '../../../nodes/WhatsAppBusinessCalling/trigger/settings';
import { fakeWebhook } from '../fakes';

const read = (parameters: IDataObject) => readSettings(fakeWebhook(parameters).context);

describe('readSettings', () => {
	it('has the documented defaults', () => {
		expect(read({ events: ['call_recording_available'] })).toEqual({
			events: new Set(['call_recording_available']),
			phoneNumberIds: new Set(),
			downloadFile: true,
			acknowledge: 'stored',
			binaryPropertyName: 'data',
			maxBytes: 100 * 1024 * 1024,
			onFileUnavailable: 'retry',
			retryForMs: 3_600_000,
			includeRawEvent: false,
			timeBudgetMs: 15_000,
			maxConcurrentDeliveries: 32,
			maxConcurrentDownloads: 4,
		});
	});

	it.each<[unknown, string[]]>([
		[[], []],
		['', []],
		[null, []],
		['1, 2', ['1', '2']],
		[123, ['123']],
		[
			['1', 2, ' 3 ', ''],
			['1', '2', '3'],
		],
	])('reads the phone number IDs %j as %j', (phoneNumberIds, expected) => {
		const ids = read({ events: [], phoneNumberIds } as IDataObject).phoneNumberIds;
		expect([...ids]).toEqual(expected);
	});

	it.each([
		['connect, terminate', ['connect', 'terminate']],
		[['connect'], ['connect']],
	])('reads the events %j as %j', (events, expected) => {
		expect([...read({ events }).events]).toEqual(expected);
	});

	it('reads numbers that an expression gives as text', () => {
		const options = {
			maxFileSize: '0.5',
			retryFor: '0',
			timeBudget: '20',
			maxConcurrentDeliveries: '200',
			maxConcurrentDownloads: '8',
		};
		expect(read({ events: [], options })).toMatchObject({
			maxBytes: 512 * 1024,
			retryForMs: 0,
			timeBudgetMs: 20_000,
			maxConcurrentDeliveries: 200,
			maxConcurrentDownloads: 8,
		});
	});

	it.each<[IDataObject, string]>([
		[{ options: { maxFileSize: 0 } }, 'options > maxFileSize'],
		[{ options: { maxFileSize: 'big' } }, 'options > maxFileSize'],
		[{ options: { binaryPropertyName: ' ' } }, 'options > binaryPropertyName'],
		[{ options: { onFileUnavailable: 'ignore' } }, 'options > onFileUnavailable'],
		[{ options: { timeBudget: 0 } }, 'options > timeBudget'],
		[{ options: { timeBudget: 61 } }, 'options > timeBudget'],
		[{ options: { maxConcurrentDeliveries: 0 } }, 'options > maxConcurrentDeliveries'],
		[{ options: { maxConcurrentDownloads: 0 } }, 'options > maxConcurrentDownloads'],
		[{ options: { maxConcurrentDownloads: 1.5 } }, 'options > maxConcurrentDownloads'],
		[{ acknowledge: 'never' }, 'acknowledge'],
		[{ downloadFile: 'yes' }, 'downloadFile'],
	])('names the parameter to correct in %j', (parameters, name) => {
		expect(() => read({ events: [], ...parameters })).toThrow(
			`The parameter ${name} needs a correction`,
		);
	});

	it('gives a time budget that a timer takes, whatever fraction of a second it has', () => {
		expect(read({ events: [], options: { timeBudget: 2.0005 } }).timeBudgetMs).toBe(2_001);
	});

	it('throws nothing but errors for the operator', () => {
		const names = ['events', 'phoneNumberIds', 'downloadFile', 'acknowledge', 'options'] as const;
		fc.assert(
			fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), (parameters) => {
				try {
					const settings = read(parameters as IDataObject);
					return settings.maxBytes > 0 && settings.maxConcurrentDownloads >= 1;
				} catch (error) {
					return error instanceof NodeOperationError;
				}
			}),
			{ numRuns: 1000 },
		);
	});
});
