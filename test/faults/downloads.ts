import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreatedRecording, EndpointKind, Fault, RecordingOrder } from '../../emulator';
import { ForeignHost } from '../support/foreignHost';
import { audio, eachTry, LATER, minutesAgo, noFile, OK, type FaultStage } from './faultStage';

const SIZE = 20_000;

type FaultOrder = { kind: EndpointKind; fault: Fault; times: number };

interface DownloadCase {
	name: string;
	recording?: RecordingOrder;
	/** Options of the trigger. */
	options?: Record<string, unknown>;
	faults?: FaultOrder[];
	/** Another disturbance, before the first try. */
	cause?: (stage: FaultStage, recording: CreatedRecording) => void | Promise<void>;
	/** What Meta was answered, try for try. */
	answers: number[];
	/** What Meta was answered when the disturbance was over. */
	recovered?: number[];
	/** `audio`, or why there is no file. */
	out: string;
	/** How often Meta was asked for the file, and for a URL of it. */
	asked: { file: number; url: number };
}

const once = (kind: EndpointKind, fault: Fault): FaultOrder => ({ kind, fault, times: 1 });
const twice = (kind: EndpointKind, fault: Fault): FaultOrder => ({ kind, fault, times: 2 });
const forEver = (kind: EndpointKind, fault: Fault): FaultOrder => ({
	kind,
	fault,
	times: Infinity,
});

/** The media host fails temporarily: two tries are answered 503, the third brings the audio. */
const passing = (name: string, fault: Fault, options?: DownloadCase['options']): DownloadCase => ({
	name,
	options,
	faults: [twice('media', fault)],
	answers: [LATER, LATER, OK],
	out: 'audio',
	asked: { file: 3, url: 0 },
});

/** A first answer of the media host that a fresh URL makes good, at once. */
const mendedByFreshUrl = (name: string, fault: Fault): DownloadCase => ({
	name: `${name}, once`,
	faults: [once('media', fault)],
	answers: [OK],
	out: 'audio',
	asked: { file: 2, url: 1 },
});

/** The media host gives the same answer to a fresh URL: nothing that waiting would make better. */
const final = (name: string, out: string, fault: Fault): DownloadCase => ({
	name: `${name}, permanently`,
	faults: [forEver('media', fault)],
	answers: [OK],
	out,
	asked: { file: 2, url: 1 },
});

/** The media host gives the same answer to a fresh URL as well: Meta is asked to deliver again. */
const untilMended = (name: string, fault: Fault): DownloadCase => ({
	name: `${name}, until it is fixed`,
	faults: [forEver('media', fault)],
	answers: eachTry(LATER),
	recovered: [OK],
	out: 'audio',
	asked: { file: 9, url: 4 },
});

/** An event that is old enough for a file that Meta does not have to be gone. */
const settled: RecordingOrder = { event: { timestamp: minutesAgo(11) } };

const expired = (stage: FaultStage) => stage.emulator.expireUrls();

const CONNECTION: DownloadCase[] = [
	passing('a connection that is reset before the answer', { reset: true }),
	passing('a connection that is cut before the first byte', { cutAfterBytes: 0 }),
	passing('a connection that is cut after the first byte', { cutAfterBytes: 1 }),
	passing('a connection that is cut in the middle', { cutAfterBytes: SIZE / 2 }),
	passing('a connection that is cut one byte before the end', { cutAfterBytes: SIZE - 1 }),
	passing('a connection that is reset in the middle', { cutAfterBytes: SIZE / 2, abruptly: true }),
	passing('a chunked answer that is cut in the middle', {
		cutAfterBytes: SIZE / 2,
		chunked: true,
	}),
	passing('a body shorter than announced', { contentLengthDelta: 100 }),
	{
		name: 'a connection that is cut each time, until it is fixed',
		faults: [forEver('media', { cutAfterBytes: SIZE / 2 })],
		answers: eachTry(LATER),
		recovered: [OK],
		out: 'audio',
		asked: { file: 5, url: 0 },
	},
	passing('no answer within the time budget', { hang: true }, { timeBudget: 1 }),
	passing(
		'silence in the middle, past the time budget',
		{ stallAfterBytes: SIZE / 2 },
		{ timeBudget: 1 },
	),
	passing('a drip of 1 kB/s, past the time budget', { bytesPerSecond: 1_000 }, { timeBudget: 1 }),
	{
		name: 'a slow body that comes within the time budget',
		faults: [once('media', { bytesPerSecond: 20_000 })],
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 0 },
	},
];

const CONTENT: DownloadCase[] = [
	mendedByFreshUrl('wrong bytes', { wrongContent: true }),
	final('wrong bytes', 'hashMismatch', { wrongContent: true }),
	mendedByFreshUrl('a body longer than announced', { contentLengthDelta: -100 }),
	untilMended('a body longer than announced', { contentLengthDelta: -100 }),
	mendedByFreshUrl('a whole answer with half the file in it', { truncateTo: SIZE / 2 }),
	untilMended('a whole answer with half the file in it', { truncateTo: SIZE / 2 }),
	mendedByFreshUrl('half the file, its end only told by the end of the connection', {
		unframed: true,
		cutAfterBytes: SIZE / 2,
	}),
	mendedByFreshUrl('an empty answer', { emptyBody: true }),
	untilMended('an empty answer', { emptyBody: true }),
	mendedByFreshUrl('a web page with status 200', { status: 200, body: '<html>Sign in</html>' }),
	untilMended('a web page with status 200', { status: 200, body: '<html>Sign in</html>' }),
	untilMended('an error with status 200', { status: 200, body: { error: { code: 1 } } }),
	mendedByFreshUrl('an answer without content', { status: 204 }),
	untilMended('an answer without content', { status: 204 }),
	passing('an answer that is said to be compressed and is not', {
		headers: { 'Content-Encoding': 'gzip' },
	}),
	{
		name: 'the right bytes with a wrong content type',
		faults: [forEver('media', { contentType: 'text/html' })],
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 0 },
	},
	{
		name: 'the right bytes without a length or chunks',
		faults: [forEver('media', { unframed: true })],
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 0 },
	},
	{
		name: 'a recording of no bytes at all',
		recording: { sizeBytes: 0 },
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 0 },
	},
];

const STATUSES: DownloadCase[] = [500, 502, 503, 429].flatMap((status) =>
	[undefined, { 'Retry-After': '1' }].flatMap((headers) => {
		const how = headers ? 'with Retry-After' : 'without Retry-After';
		return [
			passing(`status ${status} ${how} from the media host`, { status, headers }),
			{
				name: `status ${status} ${how} from the Media API, the URL being expired`,
				cause: expired,
				faults: [twice('mediaInfo', { status, headers })],
				answers: [LATER, LATER, OK],
				out: 'audio',
				asked: { file: 4, url: 3 },
			},
		];
	}),
);

const REFUSALS: DownloadCase[] = [
	...[401, 403].flatMap((status) => [
		mendedByFreshUrl(`status ${status}`, { status }),
		untilMended(`status ${status}`, { status }),
	]),
	...[400, 404, 410].map((status) => untilMended(`status ${status} to a young event`, { status })),
	...[
		[400, 'downloadFailed'] as const,
		[404, 'mediaGone'] as const,
		[410, 'mediaGone'] as const,
	].map(
		([status, out]): DownloadCase => ({
			...final(`status ${status} to an event of some time ago`, out, { status }),
			recording: settled,
			asked: { file: 2, url: 2 },
		}),
	),
	{
		name: 'a URL that has expired early',
		cause: expired,
		answers: [OK],
		out: 'audio',
		asked: { file: 2, url: 1 },
	},
	{
		name: 'a URL that is past its 5 minutes when the event comes',
		recording: { event: { timestamp: minutesAgo(6) } },
		cause: expired,
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 1 },
	},
	{
		name: 'media that was deleted',
		recording: settled,
		cause: (stage, { mediaId }) => void stage.emulator.deleteMedia(mediaId),
		answers: [OK],
		out: 'mediaGone',
		asked: { file: 1, url: 1 },
	},
	{
		name: 'a Media API that is down while the URL works',
		faults: [forEver('mediaInfo', { status: 503 })],
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 0 },
	},
	{
		name: 'a Media API that is down while the URL works although it is old',
		recording: { event: { timestamp: minutesAgo(6) } },
		faults: [forEver('mediaInfo', { status: 503 })],
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 1 },
	},
	{
		name: 'a URL that is dead while the Media API works',
		faults: [once('media', { status: 404 })],
		answers: [OK],
		out: 'audio',
		asked: { file: 2, url: 1 },
	},
	{
		name: 'a Media API that is down while the URL is dead, until it is fixed',
		cause: expired,
		faults: [forEver('mediaInfo', { reset: true })],
		answers: eachTry(LATER),
		recovered: [OK],
		out: 'audio',
		asked: { file: 6, url: 5 },
	},
	{
		name: 'a Media API that answers with a web page, the URL being expired',
		cause: expired,
		faults: [twice('mediaInfo', { status: 200, body: '<html>Sign in</html>' })],
		answers: [LATER, LATER, OK],
		out: 'audio',
		asked: { file: 4, url: 3 },
	},
	{
		name: 'a Media API that refuses the token, the URL being expired, until it is fixed',
		cause: expired,
		faults: [forEver('mediaInfo', { errorCode: 190 })],
		answers: eachTry(LATER),
		recovered: [OK],
		out: 'audio',
		asked: { file: 6, url: 5 },
	},
];

const HASHES: DownloadCase[] = [
	{
		name: 'an event whose hash is not that of the file',
		recording: { sha256Override: 'ab'.repeat(32) },
		answers: [OK],
		out: 'hashMismatch',
		asked: { file: 2, url: 1 },
	},
	...(
		[
			['hex', (hex) => hex],
			['hex in capitals', (hex) => hex.toUpperCase()],
			['base64 with padding', (hex) => Buffer.from(hex, 'hex').toString('base64')],
			[
				'base64 without padding',
				(hex) => Buffer.from(hex, 'hex').toString('base64').replace('=', ''),
			],
			['base64url', (hex) => Buffer.from(hex, 'hex').toString('base64url')],
		] as Array<[string, (hex: string) => string]>
	).map(
		([name, write]): DownloadCase => ({
			name: `an event with its hash in ${name}`,
			cause: (_suite, recording) => {
				fileOf(recording).sha256 = write(recording.media.content.sha256Hex);
			},
			answers: [OK],
			out: 'audio',
			asked: { file: 1, url: 0 },
		}),
	),
	{
		name: 'an event without a hash, which the Media API has',
		recording: { fileFields: { sha256: undefined } },
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 1 },
	},
	{
		name: 'an event with a hash that is none, which the Media API has',
		recording: { fileFields: { sha256: 'to follow' } },
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 1 },
	},
	{
		name: 'a hash that is missing everywhere',
		recording: { fileFields: { sha256: undefined } },
		cause: ({ emulator }, recording) => {
			const body = { url: fileOf(recording).url, mime_type: 'audio/ogg', id: recording.mediaId };
			const match = { mediaId: recording.mediaId, times: Infinity };
			emulator.failNext('mediaInfo', { status: 200, body }, match);
		},
		answers: [OK],
		out: 'hashMissing',
		asked: { file: 0, url: 1 },
	},
];

const ONE_MB = 1024 * 1024;
const capped = { maxFileSize: 1 };

const SIZES: DownloadCase[] = [
	{
		name: 'a file over the cap, with its length',
		recording: { sizeBytes: ONE_MB + 1 },
		options: capped,
		answers: [OK],
		out: 'tooLarge',
		asked: { file: 1, url: 0 },
	},
	{
		name: 'a file over the cap, without its length',
		recording: { sizeBytes: ONE_MB + 1 },
		options: capped,
		faults: [forEver('media', { chunked: true })],
		answers: [OK],
		out: 'tooLarge',
		asked: { file: 1, url: 0 },
	},
	{
		name: 'a file as large as the cap',
		recording: { sizeBytes: ONE_MB },
		options: capped,
		faults: [forEver('media', { chunked: true })],
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 0 },
	},
	{
		name: 'a file of 20 MB in chunks',
		recording: { sizeBytes: 20_000_000 },
		faults: [forEver('media', { chunked: true })],
		answers: [OK],
		out: 'audio',
		asked: { file: 1, url: 0 },
	},
];

/** A disturbance that would pass, but that the operator does not want to wait for. */
const IMPATIENT: DownloadCase[] = [
	{
		name: 'status 503, where the operator does not want to wait',
		options: { onFileUnavailable: 'emit' },
		faults: [forEver('media', { status: 503 })],
		answers: [OK],
		out: 'unavailable',
		asked: { file: 1, url: 0 },
	},
	{
		name: 'a drip of 1 kB/s, where the operator does not want to wait',
		options: { onFileUnavailable: 'emit', timeBudget: 1 },
		faults: [forEver('media', { bytesPerSecond: 1_000 })],
		answers: [OK],
		out: 'timeout',
		asked: { file: 1, url: 0 },
	},
	{
		name: 'a web page with status 200, where the operator does not want to wait',
		options: { onFileUnavailable: 'emit' },
		faults: [forEver('media', { status: 200, body: '<html>Sign in</html>' })],
		answers: [OK],
		out: 'unavailable',
		asked: { file: 2, url: 1 },
	},
	{
		name: 'a token that is refused, with a Retry For of 0 hours',
		options: { retryFor: 0 },
		faults: [forEver('media', { status: 403 })],
		answers: [OK],
		out: 'accessDenied',
		asked: { file: 2, url: 1 },
	},
	{
		name: 'a connection that is cut, with a Retry For of 0 hours',
		options: { retryFor: 0 },
		faults: [forEver('media', { cutAfterBytes: SIZE / 2 })],
		answers: [OK],
		out: 'unavailable',
		asked: { file: 1, url: 0 },
	},
];

/** The file's part of a ready event. */
function fileOf({ event }: CreatedRecording): Record<string, unknown> {
	return (event.call_recording as { audio: Record<string, unknown> }).audio;
}

/** Cuts, silence and drips: the part that is asked of more than one n8n. */
export function describeConnections(stage: () => FaultStage, of = ''): void {
	describe(`a recording whose download has errors (connection${of})`, () => {
		it.each(CONNECTION)(
			'A recording comes once, with its audio or the reason, after $name',
			async (one) => await play(stage(), one),
		);
	});
}

export function describeDownloads(stage: () => FaultStage): void {
	describeConnections(stage);
	describe.each([
		['content', CONTENT],
		['status', STATUSES],
		['refusal', REFUSALS],
		['hash', HASHES],
		['size', SIZES],
		['no patience', IMPATIENT],
	])('a recording whose download has errors (%s)', (_name, cases) => {
		it.each(cases)(
			'A recording comes once, with its audio or the reason, after $name',
			async (one) => await play(stage(), one),
		);
	});
	describeRedirects(stage);
}

async function play(stage: FaultStage, one: DownloadCase): Promise<void> {
	const { options, faults = [], answers, recovered = [], out, asked } = one;
	const scene = await stage.scene(options && { options });
	const recording = await scene.record({ sizeBytes: SIZE, ...one.recording });
	await one.cause?.(stage, recording);
	const injected = faults.map(({ kind, fault, times }) =>
		stage.emulator.failNext(kind, fault, { mediaId: recording.mediaId, times }),
	);
	await scene.deliver([recording]);
	injected.forEach((fault) => fault.cancel());
	if (recovered.length > 0) await scene.deliver([recording]);
	// Sent again although it was acknowledged.
	await scene.deliver([recording]);
	await scene.mustHave({
		answers: [...answers, ...recovered, OK],
		executions: [[out === 'audio' ? audio(recording) : noFile(recording, out)]],
	});
	expect(scene.asked(recording)).toEqual(asked);
}

function describeRedirects(stage: () => FaultStage): void {
	const elsewhere = new ForeignHost();
	let address: string;

	beforeAll(async () => {
		await elsewhere.start();
		address = new URL(elsewhere.url).host;
		// Where n8n finds what it takes for https://graph.facebook.com.
		await writeFile(join(stage().n8n.userFolder, 'graph-host'), elsewhere.url);
	});

	beforeEach(() => elsewhere.requests.splice(0));

	afterAll(async () => await elsewhere.stop());

	describe('a recording whose download is redirected', () => {
		it.each([301, 302, 303, 307, 308])(
			'A redirect to the same host is followed with the token (status %s)',
			async (status) => {
				const recording = await redirected((own) => ({ redirectTo: own, status }), {
					times: 1,
					out: 'audio',
					asked: { file: 2, url: 0 },
				});
				const tokens = stage()
					.emulator.requests.filter(({ query }) => query.mid === recording.media.attachmentId)
					.map(({ headers }) => headers.authorization !== undefined);
				expect(tokens).toEqual([true, true]);
			},
		);

		it('A redirect to another host of Meta is followed without the token', async () => {
			const content = 'a recording on another host';
			elsewhere.content = content;
			await redirected(() => ({ redirectTo: 'https://graph.facebook.com/file' }), {
				times: Infinity,
				out: 'audio',
				asked: { file: 1, url: 0 },
				recording: { content },
			});
			expect(elsewhere.tokens).toEqual([undefined]);
		});

		it.each([
			['to another host', () => 'https://files.example.com/file'],
			['to another port of the same host', () => `http://${address}/file`],
			['to http', () => 'http://lookaside.fbsbx.com/file'],
			['to a private address', () => 'https://10.0.0.1/file'],
			["to the cloud's metadata service", () => 'http://169.254.169.254/latest/meta-data'],
			['to the loopback interface', () => `https://localhost:${address.split(':')[1]}/file`],
			['to a file', () => 'file:///etc/passwd'],
		])('A redirect is not followed %s', async (_name, target) => {
			await redirected(() => ({ redirectTo: target() }), {
				times: Infinity,
				out: 'hostNotAllowed',
				asked: { file: 1, url: 0 },
			});
			expect(elsewhere.requests).toEqual([]);
		});

		it('A fresh URL fixes a redirect loop that happens once', async () => {
			await redirected((own) => ({ redirectTo: own }), {
				times: 6,
				out: 'audio',
				asked: { file: 7, url: 1 },
			});
		});

		it('A redirect loop that stays is an error in the item', async () => {
			await redirected((own) => ({ redirectTo: own }), {
				times: Infinity,
				out: 'downloadFailed',
				asked: { file: 12, url: 2 },
				recording: settled,
			});
		});
	});

	async function redirected(
		faultFor: (ownUrl: string) => Fault,
		wanted: {
			times: number;
			out: string;
			asked: DownloadCase['asked'];
			recording?: RecordingOrder;
		},
	): Promise<CreatedRecording> {
		let played: CreatedRecording | undefined;
		await play(stage(), {
			name: 'redirect',
			recording: wanted.recording,
			cause: ({ emulator }, recording) => {
				played = recording;
				const fault = faultFor(String(fileOf(recording).url));
				emulator.failNext('media', fault, { mediaId: recording.mediaId, times: wanted.times });
			},
			answers: [OK],
			out: wanted.out,
			asked: wanted.asked,
		});
		return played!;
	}
}
