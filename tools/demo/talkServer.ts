import { readdir, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import express, { type Request, type Response } from 'express';
import { z } from 'zod';
import type { Emulator } from '../../emulator';
import { localPage, refuseOtherHosts, refuseOtherOrigins } from '../../emulator/localPage';
import { REPOSITORY } from '../../test/support/package';

const PHONE_FOLDER = join(REPOSITORY, 'examples', 'browser-phone');

const HOST = '127.0.0.1';

/** As chats take it from a workflow. */
const chatMessage = z.object({ text: z.string().max(20_000) });

export interface TalkOptions {
	emulator: Emulator;
	/** Where the workflow saves recordings. */
	folder: string;
	/** Key that the workflow wants from those who place calls. */
	key: string;
	/** Where the emulator's sound is; undefined for 127.0.0.1, which not every browser uses. */
	mediaAddress: string | undefined;
}

/** Where the workflow is; known only when n8n has it. */
export interface WorkflowAddresses {
	/** In the editor. */
	executions: string;
	/** Webhook that places calls. */
	dial: string;
}

/**
 * The page of the one who tries the demo, on loopback: stands in for the team's chat, which gets the
 * workflow's message with the link, and for the web space with the phone page.
 */
export class TalkServer {
	private readonly messages: string[] = [];
	private workflow: WorkflowAddresses | undefined;
	private readonly server: Server;

	private constructor(private readonly options: TalkOptions) {
		this.server = createServer(this.app());
	}

	static async start(options: TalkOptions): Promise<TalkServer> {
		const talk = new TalkServer(options);
		await new Promise<void>((resolve, reject) => {
			talk.server.once('error', reject);
			talk.server.listen(0, HOST, resolve);
		});
		return talk;
	}

	get url(): string {
		return `http://${HOST}:${(this.server.address() as AddressInfo).port}`;
	}

	get phoneUrl(): string {
		return `${this.url}/phone.html`;
	}

	/** Takes the workflow's messages. */
	get chatUrl(): string {
		return `${this.url}/messages`;
	}

	connect(workflow: WorkflowAddresses): void {
		this.workflow = workflow;
	}

	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.server.closeAllConnections();
		});
	}

	private app(): express.Express {
		const { emulator, folder } = this.options;
		const app = express();
		app.disable('x-powered-by');
		app.use(refuseOtherOrigins, refuseOtherHosts);
		app.get('/', localPage(join(__dirname, 'talk.html'), ["media-src 'self'"]));
		app.get('/phone.html', (_req: Request, res: Response) =>
			res.sendFile('phone.html', { root: PHONE_FOLDER }),
		);
		// The folder is the user's choice: nothing else in it is given away.
		app.get('/recordings/:name', async ({ params }: Request<{ name: string }>, res: Response) => {
			const recording = (await recordingsIn(folder)).find(({ name }) => name === params.name);
			if (recording) res.sendFile(recording.name, { root: folder, dotfiles: 'allow' });
			else res.sendStatus(404);
		});
		app.get('/state', async (_req: Request, res: Response) => {
			res.set('cache-control', 'no-store').json(await this.state());
		});
		app.post('/messages', express.json(), (req: Request, res: Response) => {
			const { success, data } = chatMessage.safeParse(req.body);
			if (success) this.messages.push(data.text);
			res.status(success ? 200 : 400).json({ ok: success });
		});
		app.post('/calls', (_req: Request, res: Response) => {
			try {
				emulator.userCalls();
				res.json({ ok: true });
			} catch (error) {
				res.status(409).json({ error: (error as Error).message });
			}
		});
		return app;
	}

	private async state() {
		const { emulator, folder, key, mediaAddress } = this.options;
		const [customer] = emulator.account.users;
		const call = emulator.calls.at(-1);
		return {
			customer: customer.name,
			message: this.messages.at(-1) ?? null,
			messages: this.messages.length,
			call: call ? { state: call.state, timedOut: call.timedOut === true } : null,
			recordings: await recordingsIn(folder),
			folder,
			emulator: emulator.baseUrl,
			executions: this.workflow?.executions,
			dialLink: this.workflow && this.dialLink(this.workflow.dial, customer.waId),
			key,
			isOnLoopback: mediaAddress === undefined,
			otherAddresses: otherAddresses(),
		};
	}

	private dialLink(dial: string, to: string): string {
		return `${this.phoneUrl}#${new URLSearchParams({ dial, to }).toString()}`;
	}
}

/** The newest first. */
async function recordingsIn(folder: string) {
	const names = (await readdir(folder)).filter((name) => name.endsWith('.ogg'));
	const files = await Promise.all(
		names.map(async (name) => ({ name, time: (await stat(join(folder, name))).mtimeMs })),
	);
	return files.sort((a, b) => b.time - a.time);
}

/** Addresses of this machine at which browsers find the emulator's sound that use no loopback address. */
function otherAddresses(): string[] {
	return Object.values(networkInterfaces())
		.flatMap((addresses = []) => addresses)
		.filter(({ family, internal }) => family === 'IPv4' && !internal)
		.map(({ address }) => address);
}
