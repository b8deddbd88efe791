import fc from 'fast-check';

import {
	parseBody,
	parseDelivery,
	type CallEvent,
} from '../../../nodes/WhatsAppBusinessCalling/events/parseDelivery';
import {
	announcedFile,
	callFields,
	problemFields,
	rawEvent,
	storedFileFields,
	unreadableFile,
} from '../../../nodes/WhatsAppBusinessCalling/events/items';
import { EVERYTHING } from '../../support/wanted';

function eventOf(call: object, value: object = {}): CallEvent {
	const calls = [
		{
			id: 'wacid.1',
			event: 'call_recording_available',
			call_recording: { audio: { id: '5' } },
			...call,
		},
	];
	const body = { entry: [{ changes: [{ field: 'calls', value: { calls, ...value } }] }] };
	return parseDelivery(parseBody(Buffer.from(JSON.stringify(body))), EVERYTHING, () => {})[0];
}

const MEDIA = {
	id: '5',
	sha256: 'Y9vvGyeo3n76ptkXu3CwDBsnzbRFqpjHskQdMGSVqas=',
	mimeType: 'audio/ogg; codecs=opus',
	url: 'https://lookaside.fbsbx.com/x',
};

describe('rawEvent', () => {
	const nested = (levels: number) =>
		JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown[];

	it('The event is given as it came', () => {
		const event = eventOf({ of_tomorrow: { list: nested(90), nothing: null } });
		expect(rawEvent(event)).toEqual(event.raw());
	});

	it.each([101, 100_000])('An event of %i levels is left out', (levels) => {
		expect(rawEvent(eventOf({ of_tomorrow: nested(3) }))).not.toBeNull();
		const event = eventOf({});
		event.raw = () => ({ of_today: 1, of_tomorrow: nested(levels), of_later: null });
		expect(rawEvent(event)).toBeNull();
	});
});

describe('callFields', () => {
	it('The item has every public field, null for what was left out', () => {
		expect(callFields(eventOf({}))).toEqual({
			event: 'call_recording_available',
			callId: 'wacid.1',
			timestamp: null,
			businessAccountId: null,
			phoneNumberId: null,
			displayPhoneNumber: null,
			from: null,
			to: null,
			userId: null,
			parentUserId: null,
			direction: null,
			bizOpaqueCallbackData: null,
			contactName: null,
			contactUsername: null,
		});
	});

	it('The item has null for what is empty', () => {
		const empty = { from: '', from_user_id: '', from_parent_user_id: '', to: '', timestamp: '' };
		const metadata = { phone_number_id: '1', display_phone_number: '' };
		expect(callFields(eventOf(empty, { metadata }))).toMatchObject({
			timestamp: null,
			displayPhoneNumber: null,
			from: null,
			to: null,
		});
	});

	it.each([
		['a number', { from: '14085551234' }, '14085551234', null],
		['a number with a plus', { from: '+14085551234' }, '+14085551234', null],
		['a user ID instead of the number', { from: 'LB.9464' }, null, 'LB.9464'],
		['two user IDs', { from: 'LB.9464', from_user_id: 'LB.1' }, null, 'LB.1'],
		['a number and a user ID', { from: '49301', from_user_id: 'DE.1' }, '49301', 'DE.1'],
		['more than a number', { from: '49301x' }, null, '49301x'],
		['a number instead of a text', { from: 49301 }, '49301', null],
		['neither', { from: { id: 1 } }, null, null],
	])('A number is told from a user ID: %s', (_, call, from, userId) => {
		expect(callFields(eventOf(call))).toMatchObject({ from, userId });
	});

	it('A number is told from a user ID on the side of the callee as well', () => {
		const call = { to: 'LB.9464', to_parent_user_id: 'LB.ENT.1' };
		expect(callFields(eventOf(call))).toMatchObject({
			to: null,
			userId: 'LB.9464',
			parentUserId: 'LB.ENT.1',
		});
	});

	it('The item never has undefined, which a database would drop', () => {
		fc.assert(
			fc.property(
				fc.dictionary(fc.constantFrom('from', 'to', 'from_user_id', 'timestamp'), fc.jsonValue()),
				(call) => !Object.values(callFields(eventOf(call))).includes(undefined),
			),
			{ numRuns: 1000 },
		);
	});
});

describe('the fields of a file', () => {
	const event = eventOf({ timestamp: '1728932177' });
	const announced = announcedFile(event, 'recording', MEDIA);

	it('The fields before the download are what Meta said, not verified', () => {
		expect(announced).toEqual({
			mediaId: '5',
			mimeType: 'audio/ogg; codecs=opus',
			sha256: MEDIA.sha256,
			fileName: 'call-recording-5.ogg',
			sizeBytes: null,
			durationSeconds: null,
			channels: null,
			verified: false,
			availableUntil: '2024-10-21T18:56:17.000Z',
		});
	});

	it.each([
		['recording', 'audio/ogg', 'call-recording-5.ogg'],
		['transcription', 'application/json', 'call-transcript-5.json'],
	] as const)(
		'The fields are complete if Meta said nothing but the ID of a %s',
		(property, mimeType, fileName) => {
			const media = { id: '5', sha256: null, mimeType: null, url: null };
			expect(announcedFile(eventOf({}), property, media)).toEqual({
				mediaId: '5',
				mimeType,
				sha256: null,
				fileName,
				sizeBytes: null,
				...(property === 'recording' && { durationSeconds: null, channels: null }),
				verified: false,
				availableUntil: null,
			});
		},
	);

	it('The fields after the download are what was stored', () => {
		const file = {
			binary: { data: '', mimeType: 'audio/ogg' },
			fileName: 'call-recording-5.ogg',
			mimeType: 'audio/ogg',
			sizeBytes: 48213,
			durationSeconds: 21.76,
			channels: 2,
			sha256: MEDIA.sha256,
			verified: true,
		};
		expect(storedFileFields(announced, file)).toEqual({
			...announced,
			mimeType: 'audio/ogg',
			sizeBytes: 48213,
			durationSeconds: 21.76,
			channels: 2,
			verified: true,
		});
	});

	it('The fields are null if the event names no file that can be read', () => {
		const unnamed = announcedFile(event, 'recording', null);
		expect(problemFields(unnamed, unreadableFile('recording'))).toEqual({
			mediaId: null,
			mimeType: null,
			sha256: null,
			fileName: null,
			sizeBytes: null,
			durationSeconds: null,
			channels: null,
			verified: false,
			availableUntil: '2024-10-21T18:56:17.000Z',
			error: { reason: 'unreadable', message: expect.stringContaining('rawEvent') },
		});
	});

	it('The fields without a file have the reason', () => {
		const problem = { reason: 'mediaGone', message: 'Gone.', transient: false } as const;
		expect(problemFields(announced, problem)).toEqual({
			...announced,
			error: { reason: 'mediaGone', message: 'Gone.' },
		});
	});
});
