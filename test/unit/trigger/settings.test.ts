import fc from 'fast-check';
import { NodeOperationError, type IDataObject, type INodeProperties } from 'n8n-workflow';

import { triggerProperties } from '../../../nodes/WhatsAppBusinessCalling/trigger/properties';
import { readFilter, readSettings } from '../../../nodes/WhatsAppBusinessCalling/trigger/settings';
import { fakeWebhook } from '../fakes';

const filterOf = (parameters: IDataObject) =>
	readFilter(fakeWebhook(parameters).context, { businessAccountId: '102290129340398' });

const settingsOf = (parameters: IDataObject) => readSettings(fakeWebhook(parameters).context);

const both = (parameters: IDataObject) => ({ ...filterOf(parameters), ...settingsOf(parameters) });

describe('readFilter', () => {
	it('All numbers and recordings are chosen by default', () => {
		expect(filterOf({})).toEqual({
			events: new Set(['call_recording_available']),
			phoneNumbers: new Set(),
		});
	});

	it.each([
		['app', undefined],
		['phoneNumber', undefined],
		['manual', undefined],
		['businessAccount', '102290129340398'],
	])(
		'Only with Business Account, a trigger is for its account alone: %s',
		(registration, expected) => {
			expect(filterOf({ registration }).businessAccountId).toBe(expected);
		},
	);

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
		['+1 (555) 010-0001', ['+1 (555) 010-0001', '15550100001']],
		['0044 20 7946 0958', ['0044 20 7946 0958', '442079460958']],
	])('The phone numbers %j are read as %j', (phoneNumberIds, expected) => {
		expect([...filterOf({ phoneNumberIds } as IDataObject).phoneNumbers]).toEqual(expected);
	});

	it.each([
		['connect, terminate', ['connect', 'terminate']],
		[['connect'], ['connect']],
		[
			['call_transcript_available', 'call_transcription_available'],
			['call_transcription_available'],
		],
	])('The events %j are read as %j', (events, expected) => {
		expect([...filterOf({ events }).events]).toEqual(expected);
	});

	it.each<[unknown, string]>([
		[[], 'Trigger On is empty'],
		['', 'Trigger On is empty'],
		[null, 'Trigger On is empty'],
		[['connect', 'recording'], 'Trigger On contains "recording", which is not a known event'],
		[
			'Call Recording Available',
			'Trigger On contains "Call?Recording?Available", which is not a known event',
		],
	])('The value %j is no choice of events: it would drop every recording', (events, message) => {
		expect(() => filterOf({ events } as IDataObject)).toThrow(message);
	});

	it('No other parameter is needed', () => {
		expect(() => filterOf({ events: ['connect'], options: 'none' })).not.toThrow();
	});
});

describe('readSettings', () => {
	it('The defaults are the documented ones', () => {
		expect(settingsOf({})).toEqual({
			downloadFile: true,
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

	it('Numbers that an expression gives as text are read', () => {
		const options = {
			maxFileSize: '0.5',
			retryFor: '0',
			timeBudget: '20',
			maxConcurrentDeliveries: '200',
			maxConcurrentDownloads: '8',
		};
		expect(settingsOf({ options })).toMatchObject({
			maxBytes: 512 * 1024,
			retryForMs: 0,
			timeBudgetMs: 20_000,
			maxConcurrentDeliveries: 200,
			maxConcurrentDownloads: 8,
		});
	});

	it.each<[IDataObject, string]>([
		[{ options: 'none' }, 'Options must be an object'],
		[{ options: { maxFileSize: 0 } }, 'Max File Size (MB) must be a number above 0'],
		[{ options: { maxFileSize: 'big' } }, 'Max File Size (MB) must be a number above 0'],
		[
			{ options: { binaryPropertyName: ' ' } },
			'Put Output File in Field must be the name of a field, such as data',
		],
		[
			{ options: { binaryPropertyName: 5 } },
			'Put Output File in Field must be the name of a field, such as data',
		],
		[
			{ options: { onFileUnavailable: 'ignore' } },
			'If File Is Unavailable must be "retry", "emit" or "fail"',
		],
		...[-1, null, '', false, true, [], 'NaN', '1e3', 'Infinity'].map(
			(retryFor): [IDataObject, string] => [
				{ options: { retryFor } as IDataObject },
				'Retry For (Hours) must be a number, 0 or above',
			],
		),
		[{ options: { includeRawEvent: 'yes' } }, 'Include Raw Event must be true or false'],
		[{ options: { timeBudget: 0 } }, 'Server: Time Budget (Seconds) must be a number from 1 to 60'],
		[
			{ options: { timeBudget: 61 } },
			'Server: Time Budget (Seconds) must be a number from 1 to 60',
		],
		[
			{ options: { maxConcurrentDeliveries: 0 } },
			'Server: Deliveries at Once must be a whole number from 1 to 1000',
		],
		[
			{ options: { maxConcurrentDeliveries: 1001 } },
			'Server: Deliveries at Once must be a whole number from 1 to 1000',
		],
		[
			{ options: { maxConcurrentDownloads: 0 } },
			'Server: Downloads at Once must be a whole number from 1 to 64',
		],
		[
			{ options: { maxConcurrentDownloads: 65 } },
			'Server: Downloads at Once must be a whole number from 1 to 64',
		],
		[
			{ options: { maxConcurrentDownloads: 1.5 } },
			'Server: Downloads at Once must be a whole number from 1 to 64',
		],
		...['never', '={{ "finished" }}'].map((acknowledge): [IDataObject, string] => [
			{ options: { acknowledge } },
			'Acknowledge must be "stored" or "finished", not an expression',
		]),
		[{ downloadFile: 'yes' }, 'Download File must be true or false'],
		[{ events: {} }, 'Trigger On must be a list, or text with commas between the entries'],
		[
			{ phoneNumberIds: [{}] },
			'Phone Number Names or IDs must be a list, or text with commas between the entries',
		],
	])(
		'The error about %j names the field as the panel does, and says what it must be',
		(odd, message) => {
			let thrown: unknown;
			try {
				both(odd);
			} catch (error) {
				thrown = error;
			}
			expect(thrown).toBeInstanceOf(NodeOperationError);
			expect(thrown).toMatchObject({
				message: `${message}. Correct it in the WhatsApp Business Calling Trigger.`,
				description: 'If it is an expression, check what it evaluates to.',
			});
		},
	);

	it('The fields are named as in the panel', () => {
		const panel = triggerProperties.flatMap((property) => [
			property,
			...((property.options ?? []) as INodeProperties[]),
		]);
		const labels = new Set(panel.map(({ displayName }) => displayName));
		for (const name of [
			'Put Output File in Field',
			'Max File Size (MB)',
			'If File Is Unavailable',
			'Retry For (Hours)',
			'Include Raw Event',
			'Server: Time Budget (Seconds)',
			'Server: Deliveries at Once',
			'Server: Downloads at Once',
			'Options',
			'Trigger On',
			'Phone Number Names or IDs',
			'Download File',
			'Acknowledge',
		]) {
			expect(labels).toContain(name);
		}
	});

	it('A time budget suits a timer, whatever fraction of a second it has', () => {
		expect(settingsOf({ options: { timeBudget: 2.0005 } }).timeBudgetMs).toBe(2_001);
	});

	it('Only errors for the operator are thrown', () => {
		const names = ['events', 'phoneNumberIds', 'downloadFile', 'options'] as const;
		fc.assert(
			fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), (parameters) => {
				try {
					const settings = both(parameters as IDataObject);
					return settings.maxBytes > 0 && settings.maxConcurrentDownloads >= 1;
				} catch (error) {
					return error instanceof NodeOperationError;
				}
			}),
			{ numRuns: 1000 },
		);
	});
});
