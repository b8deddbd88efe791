import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { IBinaryData, IDataObject, INodeParameters } from 'n8n-workflow';
import {
	deriveProof,
	endpointOf,
} from '../../nodes/WhatsAppBusinessCalling/registration/verifyToken';
import { decodeAudio } from '../support/audio';
import { NUMBER } from '../support/constants';
import { serve, type LocalServer } from '../support/localServer';
import type { CredentialFields } from '../support/workflow';
import { useStage } from './engineStage';

const stage = useStage();

/** What a user of WhatsApp says: mono, as Meta takes it. */
const VOICE = readFileSync(join(__dirname, '../fixtures/audio/user.ogg'));

async function send(
	parameters: INodeParameters,
	credential: Partial<CredentialFields> = {},
	items?: Parameters<typeof stage.engine.run>[2],
) {
	return await stage.engine.run(
		{ ...stage.credential, ...credential } as CredentialFields,
		{
			resource: 'setup',
			operation: 'sendTestRecording',
			phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
			...parameters,
		},
		items,
	);
}

const servers: LocalServer[] = [];

/** A server of someone else; what it was sent is in `seen`. */
async function serverThat(
	answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; seen: Array<{ method?: string; headers: IncomingMessage['headers'] }> }> {
	const seen: Array<{ method?: string; headers: IncomingMessage['headers'] }> = [];
	const server = await serve((request, response) => {
		seen.push({ method: request.method, headers: request.headers });
		request.resume();
		answer(request, response);
	});
	servers.push(server);
	return { url: `${server.url}/webhook/id/webhook`, seen };
}

afterEach(async () => {
	for (const server of servers.splice(0)) await server.stop();
});

const uploads = () => stage.requests('mediaUpload');

describe('a test recording', () => {
	it('The test recording goes the way of a real one: Meta has the file, and the trigger gives an item with it', async () => {
		const trigger = stage.trigger();
		const { items } = await send({ triggerUrl: trigger.url });
		expect(items).toHaveLength(1);
		const { callId, mediaId, ...sent } = items[0].json;
		expect(sent).toMatchObject({ status: 'ok', httpStatus: 200, url: trigger.url });
		expect(Object.keys(items[0].json).slice(0, 3)).toEqual(['status', 'whatToDo', 'found']);
		expect(sent.whatToDo).toContain(callId);

		await stage.engine.idle();
		const [item] = trigger.items;
		const audio = await stage.engine.bytesOf(item.binary?.data as IBinaryData);
		expect(item.json).toMatchObject({
			event: 'call_recording_available',
			callId,
			phoneNumberId: NUMBER,
			displayPhoneNumber: '442079460958',
			contactName: 'test recording',
			bizOpaqueCallbackData: 'test recording',
			recording: {
				mediaId,
				verified: true,
				sizeBytes: audio.length,
				sha256: createHash('sha256').update(audio).digest('base64'),
			},
		});
		expect(callId).toMatch(/^wacid\.TEST[0-9A-F]{32}$/);
		const { channels, seconds } = await decodeAudio(audio);
		expect(channels).toHaveLength(1);
		expect(seconds).toBeGreaterThan(4);
	});

	it('The test recording can be audio from a binary field', async () => {
		const trigger = stage.trigger();
		const item = {
			json: {},
			binary: { voice: { data: VOICE.toString('base64'), mimeType: 'audio/ogg; codecs=opus' } },
		};
		const parameters = {
			triggerUrl: `${trigger.url}/`,
			audio: 'binaryFile',
			binaryPropertyName: 'voice',
		};
		const { items } = await send(parameters, {}, [item]);
		expect(items[0].json).toMatchObject({ status: 'ok', sizeBytes: VOICE.length });
		await stage.engine.idle();
		const audio = await stage.engine.bytesOf(trigger.items[0].binary?.data as IBinaryData);
		expect(audio.equals(VOICE)).toBe(true);
	});

	it("The test recording can be a file in n8n's storage", async () => {
		const trigger = stage.trigger();
		await send({ triggerUrl: trigger.url });
		await stage.engine.idle();
		const { binary } = trigger.items[0];
		expect(binary?.data.id).toBeDefined();
		const { items } = await send({ triggerUrl: trigger.url, audio: 'binaryFile' }, {}, [
			{ json: {}, binary } as IDataObject,
		]);
		expect(items[0].json.status).toBe('ok');
		const { sizeBytes } = trigger.items[0].json.recording as IDataObject;
		expect(items[0].json.sizeBytes).toBe(sizeBytes);
	});

	it('The test recording reaches a trigger that listens for a test event, and one with Manual registration', async () => {
		const manual = stage.engine.trigger(stage.credential, {
			registration: 'manual',
			verifyToken: 'chosen',
		});
		expect((await send({ triggerUrl: manual.url })).items[0].json.status).toBe('ok');
		const listening = stage.engine.trigger(stage.credential);
		await listening.listen();
		expect((await send({ triggerUrl: listening.testUrl })).items[0].json.status).toBe('ok');
		await stage.engine.idle();
		expect(manual.items).toHaveLength(1);
		expect(listening.items).toHaveLength(1);
	});

	it.each<[string, () => Promise<string> | string, RegExp, RegExp]>([
		[
			'where no workflow is published',
			() => `${stage.engine.origin}/webhook/gone/webhook`,
			/no trigger at this URL now \(HTTP status 404\)/,
			/^Publish the workflow/,
		],
		[
			'where a trigger of another app is',
			() => stage.engine.trigger({ ...stage.credential, appSecret: 'of another app' }).url,
			/not a trigger with this app secret/,
			/select the same credential/,
		],
		[
			'where nothing answers',
			() => 'http://127.0.0.1:9/webhook/id/webhook',
			/Nothing responds/,
			/Check the host name/,
		],
		[
			'where a proxy answers',
			async () => (await serverThat((_, response) => response.writeHead(502).end('<html>'))).url,
			/A proxy responds/,
			/reverse proxy/,
		],
	])('The test recording is not sent, nor uploaded, %s', async (_, urlOf, found, whatToDo) => {
		const { items, hints } = await send({ triggerUrl: await urlOf() });
		expect(items[0].json).toMatchObject({
			status: 'needs attention',
			found: expect.stringMatching(found) as string,
			whatToDo: expect.stringMatching(whatToDo) as string,
		});
		expect(hints).toMatchObject([{ type: 'warning', message: expect.stringMatching(found) }]);
		expect(uploads()).toEqual([]);
	});

	/** What is in front of a trigger, or the trigger itself, and responds to events in a way of its own. */
	const provingServer = async (answer: (response: ServerResponse) => void) =>
		await serverThat((request, response) => {
			if (request.method !== 'GET') return answer(response);
			const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
			const url = `http://${request.headers.host}${pathname}`;
			const nonce = searchParams.get('hub.challenge') ?? '';
			const { appSecret } = stage.credential;
			response.end(deriveProof(appSecret, url, endpointOf(pathname), nonce));
		});

	it.each<[string, (response: ServerResponse) => void, RegExp, RegExp]>([
		['401', (response) => response.writeHead(401).end(), /not accept the signature/, /credential/],
		['413', (response) => response.writeHead(413).end(), /status 413$/, /up to 3 MB/],
		['500', (response) => response.writeHead(500).end('{}'), /status 500$/, /failed execution/],
		[
			'404 of n8n',
			(response) =>
				response
					.writeHead(404)
					.end('{"code":404,"message":"The requested webhook \\"POST id\\" is not registered."}'),
			/status 404$/,
			/^Publish the workflow/,
		],
		['a redirect', (response) => response.writeHead(302).end(), /not come from/, /redirects/],
		[
			'a page',
			(response) => response.setHeader('content-type', 'text/html').end('<html>'),
			/status 200, which does not come from the trigger/,
			/pages of its own/,
		],
		['nothing', (response) => response.destroy(), /did not respond within/, /shorten the workflow/],
	])('A response to the event says what to do: %s', async (_, answer, found, whatToDo) => {
		const { url } = await provingServer(answer);
		const { items } = await send({ triggerUrl: url });
		expect(items[0].json).toMatchObject({
			status: 'needs attention',
			found: expect.stringMatching(found) as string,
			whatToDo: expect.stringMatching(whatToDo) as string,
		});
	});

	describe('a test recording whose URL an attacker has chosen', () => {
		it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
			[
				'a server that echoes every challenge',
				({ url = '' }, response) => {
					const { searchParams } = new URL(url, 'http://x');
					response.end(searchParams.get('hub.challenge'));
				},
			],
			['a server that says yes', (_, response) => void response.end('{"success":true}')],
			[
				'a server that redirects',
				(_, response) => void response.writeHead(302, { location: stage.engine.origin }).end(),
			],
		])('The URL gets no signature: %s', async (_, answer) => {
			const { url, seen } = await serverThat(answer);
			const { items } = await send({ triggerUrl: url });
			expect(items[0].json.status).toBe('needs attention');
			expect(seen.map(({ method }) => method)).toEqual(['GET']);
			expect(JSON.stringify(seen)).not.toMatch(/sha256=|EAA|EMULATOR/);
		});

		it('The URL gets no signature: a server that passes the question on to a real trigger', async () => {
			const trigger = stage.trigger();
			const { url, seen } = await serverThat((request, response) => {
				const { search } = new URL(request.url ?? '', 'http://x');
				void fetch(`${trigger.url}${search}`).then(async (answer) => {
					response.writeHead(answer.status).end(await answer.text());
				});
			});
			const { items } = await send({ triggerUrl: url });
			expect(items[0].json.status).toBe('needs attention');
			expect(seen.map(({ method }) => method)).toEqual(['GET']);
			expect(trigger.items).toEqual([]);
		});

		it.each([
			...[
				' ',
				'n8n.example.com/webhook/id/webhook',
				'ftp://n8n.example.com/x',
				'file:///etc/passwd',
			],
			...[
				'https://user:pass@n8n.example.com/x',
				'https://n8n.example.com/x?also=y',
				'https://h/#x',
			],
		])('The input is rejected before anything is sent: %j', async (triggerUrl) => {
			const run = await send({ triggerUrl });
			expect(run.error.message).toMatch(/URL of (the|a) trigger/);
			expect(run.error.description).toContain('Copy it from the trigger');
			expect(stage.emulator.requests).toEqual([]);
		});
	});

	describe('a test recording whose audio Meta does not accept', () => {
		const binary = (mimeType: string, bytes: Buffer): IDataObject => ({
			json: {},
			binary: { data: { data: bytes.toString('base64'), mimeType } },
		});

		it.each<[string, IDataObject, RegExp]>([
			['type', binary('audio/wav', VOICE), /does not accept audio of the type audio\/wav/],
			['size', binary('audio/mpeg', Buffer.alloc(16 * 1024 * 1024 + 1)), /larger than 16 MB/],
		])('The audio is rejected for its %s before it is uploaded', async (_, item, message) => {
			const { url } = stage.trigger();
			const run = await send({ triggerUrl: url, audio: 'binaryFile' }, {}, [item]);
			expect(run.error.message).toMatch(message);
			expect(uploads()).toEqual([]);
		});

		it('Audio with two channels ends with what Meta says', async () => {
			const { url } = stage.trigger();
			const stereo = readFileSync(join(__dirname, '../fixtures/audio/call-recording.ogg'));
			const run = await send({ triggerUrl: url, audio: 'binaryFile' }, {}, [
				binary('audio/ogg', stereo),
			]);
			expect(run.error).toMatchObject({ message: 'WhatsApp did not accept the request' });
			expect(run.error.context.whatsApp?.details).toContain('mono');
		});
	});

	it('A number of another account is rejected before the upload', async () => {
		const { url } = stage.trigger();
		const phoneNumberId = { __rl: true, mode: 'id', value: '999' };
		const run = await send({ triggerUrl: url, phoneNumberId });
		expect(run.error.message).toBe('The number 999 is not on this account');
		expect(uploads()).toEqual([]);
	});

	it('A recording that the trigger cannot download is explained by its 503', async () => {
		const { url } = stage.trigger();
		stage.emulator.failNext('media', { status: 500 }, { times: Infinity });
		const { items } = await send({ triggerUrl: url });
		expect(items[0].json).toMatchObject({
			status: 'needs attention',
			httpStatus: 503,
			found: expect.stringContaining('Meta would deliver it again') as string,
			whatToDo: expect.stringContaining("Read n8n's log") as string,
		});
	});

	it('A recording that the trigger does not receive says where to look for it', async () => {
		const trigger = stage.trigger({ events: ['connect'] });
		const { items } = await send({ triggerUrl: trigger.url });
		expect(items[0].json.whatToDo).toMatch(/does not receive the event Call Recording Available/);
		await stage.engine.idle();
		expect(trigger.items).toEqual([]);
	});
});
