import { NUMBER } from '../support/constants';
import type { CreatedRecording, WebhookUpdate } from '../../emulator';
import { audio, LATER, minutesAgo, noFile, OK, type FaultStage } from './faultStage';

/** What Meta sends beside recordings; some of it is not as documented. */
const OTHER_VALUES: Array<Record<string, unknown>> = [
	{
		calls: [
			{ id: 'wacid.other', event: 'terminate', timestamp: '1728932177', status: 'COMPLETED' },
		],
	},
	{ statuses: [{ id: 'wacid.other', type: 'call', status: 'RINGING', timestamp: '1728932177' }] },
	{ messages: [{ id: 'wamid.other', type: 'text', text: { body: 'Grüße 👋' } }] },
	{ calls: [{ id: 'wacid.other', event: 'an_event_of_tomorrow', timestamp: '1728932177' }] },
	{ calls: [null, 7, 'text', [], {}] },
	{ calls: { not: 'a list' } },
	{},
];

const others = (count: number): WebhookUpdate[] =>
	Array.from({ length: count }, (_, index) => ({
		phoneNumberId: NUMBER,
		field: index % 10 === 9 ? 'a_field_of_tomorrow' : 'calls',
		value: OTHER_VALUES[index % OTHER_VALUES.length],
	}));

export function describeDeliveries(stage: () => FaultStage): void {
	const fail = ({ mediaId }: CreatedRecording, times: number) =>
		stage().emulator.failNext('media', { status: 503 }, { mediaId, times });

	describe('duplicates', () => {
		it.each(['changes', 'merged', 'entries'] as const)(
			'Duplicates inside one delivery (%s) make one item',
			async (layout) => {
				const scene = await stage().scene();
				const recording = await scene.record();
				await scene.deliver([recording, recording, recording], { layout });
				await scene.mustHave({ answers: [OK], executions: [[audio(recording)]] });
				expect(scene.asked(recording)).toEqual({ file: 1, url: 0 });
			},
		);

		it('Duplicates at once make one item, and all are acknowledged when it is there', async () => {
			const scene = await stage().scene();
			const recording = await scene.record({ sizeBytes: 1_000_000 });
			await Promise.all(Array.from({ length: 10 }, async () => await scene.deliver([recording])));
			await scene.mustHave({
				answers: Array<number>(10).fill(OK),
				executions: [[audio(recording)]],
			});
			expect(scene.asked(recording)).toEqual({ file: 1, url: 0 });
		});

		it('Duplicates at once of a download that fails make one item after redelivery', async () => {
			const scene = await stage().scene();
			const recording = await scene.record();
			fail(recording, 3);
			await Promise.all(Array.from({ length: 3 }, async () => await scene.deliver([recording])));
			await scene.deliver([recording]);
			const results = await scene.results();
			expect(results.map(({ items }) => items)).toEqual([[audio(recording)]]);
			expect(scene.answers.filter((answer) => answer !== OK && answer !== LATER)).toEqual([]);
			expect(scene.answers.at(-1)).toBe(OK);
		});

		it('Duplicates that come later make no second item', async () => {
			const scene = await stage().scene();
			const [recording, another] = await scene.recordMany(2);
			await scene.deliver([recording]);
			await scene.deliver([another]);
			await scene.deliver([recording]);
			await scene.deliver([another]);
			await scene.mustHave({
				answers: [OK, OK, OK, OK],
				executions: [[audio(recording)], [audio(another)]],
			});
		});

		it('Duplicates in another order make no second item', async () => {
			const scene = await stage().scene();
			const recordings = await scene.recordMany(5);
			await scene.deliver(recordings);
			await scene.deliver(recordings.toReversed());
			await scene.deliver(recordings.slice(2));
			await scene.deliver([recordings[3], recordings[1]]);
			await scene.mustHave({
				answers: [OK, OK, OK, OK],
				executions: [recordings.map(audio)],
			});
		});

		it('Duplicates in another order at once make no second item', async () => {
			const scene = await stage().scene();
			const recordings = await scene.recordMany(5);
			const goOn = scene.holdDownload(recordings[0]);
			const first = scene.deliver(recordings);
			await scene.downloading(recordings[0]);
			const second = scene.deliver(recordings.toReversed());
			goOn();
			await Promise.all([first, second]);
			await scene.mustHave({ answers: [OK, OK], executions: [recordings.map(audio)] });
		});

		it('Duplicates that come because Meta did not wait for the answer make no second item', async () => {
			const scene = await stage().scene();
			const recording = await scene.record();
			const goOn = scene.holdDownload(recording);
			await scene.deliver([recording], { timeoutMs: 1_000, redeliver: false });
			const again = scene.deliver([recording]);
			goOn();
			await again;
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [0, OK, OK], executions: [[audio(recording)]] });
			expect(scene.asked(recording)).toEqual({ file: 1, url: 0 });
		});

		it('A recording and a transcript of one call make one item each', async () => {
			const scene = await stage().scene({
				events: ['call_recording_available', 'call_transcription_available'],
			});
			const recording = await scene.record();
			const transcript = await scene.record({ transcript: true, callId: recording.callId });
			await scene.deliver([recording, transcript]);
			await scene.deliver([transcript]);
			await scene.deliver([recording]);
			await scene.mustHave({
				answers: [OK, OK, OK],
				executions: [[audio(recording), audio(transcript)]],
			});
		});
	});

	describe('a delivery of many events', () => {
		it('A delivery of 1,000 updates gives its 5 recordings once', async () => {
			const scene = await stage().scene();
			const recordings = await scene.recordMany(5);
			const updates = others(1_000);
			recordings.forEach(({ update }, index) => (updates[index * 200 + 100] = update));
			await scene.deliver(updates);
			await scene.deliver(updates);
			await scene.mustHave({ answers: [OK, OK], executions: [recordings.map(audio)] });
		});

		it('A delivery of 40 recordings gives each once although every fourth download is cut once', async () => {
			const scene = await stage().scene();
			const recordings = await scene.recordMany(40);
			const late = recordings.filter((_, index) => index % 4 === 0);
			for (const { mediaId } of late) {
				stage().emulator.failNext('media', { cutAfterBytes: 2_000 }, { mediaId });
			}
			await scene.deliver(recordings);
			await scene.mustHave({
				answers: [LATER, OK],
				executions: [
					recordings.filter((recording) => !late.includes(recording)).map(audio),
					late.map(audio),
				],
			});
		});

		it('A delivery gives what is available, what is gone, and later what was late', async () => {
			const scene = await stage().scene();
			const [good, late] = await scene.recordMany(2);
			const gone = await scene.record({ event: { timestamp: minutesAgo(11) } });
			stage().emulator.deleteMedia(gone.mediaId);
			fail(late, 2);
			await scene.deliver([good, gone, late]);
			await scene.mustHave({
				answers: [LATER, LATER, OK],
				executions: [[audio(good), noFile(gone, 'mediaGone')], [audio(late)]],
			});
		});
	});

	describe('deliveries that share a recording', () => {
		it('Two deliveries give their common recording once, if one comes while the other is in progress', async () => {
			const scene = await stage().scene();
			const [first, shared, last] = await scene.recordMany(3);
			const goOn = scene.holdDownload(shared);
			const one = scene.deliver([first, shared]);
			await scene.downloading(shared);
			// It has something of its own, so it does not wait, and asks for the rest again.
			const other = await scene.deliver([shared, last], { redeliver: false });
			goOn();
			expect([other, await one]).toEqual([[LATER], [OK]]);
			await scene.deliver([shared, last]);
			await scene.mustHave({
				answers: [LATER, OK, OK],
				executions: [[audio(last)], [audio(first), audio(shared)]],
			});
			expect(scene.asked(shared)).toEqual({ file: 1, url: 0 });
		});

		it('20 deliveries give each of their 20 recordings once, sent at once and in a ring', async () => {
			const scene = await stage().scene();
			const recordings = await scene.recordMany(20);
			const pairs = recordings.map((one, index) => [one, recordings.at(index - 1)!]);
			const deliver = async (pair: CreatedRecording[]) => {
				while ((await scene.deliver(pair)).at(-1) !== OK);
			};
			await Promise.all(pairs.map(deliver));
			const items = (await scene.results()).flatMap((execution) => execution.items);
			const byId = (a: { mediaId: string }, b: { mediaId: string }) =>
				a.mediaId.localeCompare(b.mediaId);
			expect(items.toSorted(byId)).toEqual(recordings.map(audio).toSorted(byId));
			expect(new Set(scene.answers)).toEqual(
				new Set(scene.answers.includes(LATER) ? [OK, LATER] : [OK]),
			);
		});
	});
}
