import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from '../support/package';
import { poll, startProgram, type StartedProcess } from '../support/processes';

const EXAMPLE = join(REPOSITORY, 'examples/janus');
const API = 'http://127.0.0.1:8088/janus';
const ADMIN = 'http://127.0.0.1:7088/admin';

interface Reply {
	janus: string;
	data?: { id: number };
	error?: { code: number; reason: string };
	sessions?: number[];
	plugindata?: { data: { list?: Room[]; error?: string } };
}

export interface Room {
	room: number;
	description: string;
	num_participants: number;
}

/** Debian's Janus with the configuration of the example, in this network namespace. */
export class Janus {
	/** What stands for the secret in the example's configuration. */
	readonly secret = randomBytes(12).toString('hex');
	private output = '';
	private program: StartedProcess | undefined;

	private readonly folder: string;

	/** @param parent folder of the test: it holds the configuration, and goes if the test is killed */
	constructor(private readonly parent: string) {
		this.folder = join(parent, 'janus');
	}

	/** @param changes of the example's configuration: a text, and the text that replaces it */
	async start(changes: Record<string, string> = {}): Promise<void> {
		await mkdir(this.folder, { recursive: true });
		await this.configure(changes);
		const program = startProgram('janus', ['--configs-folder', this.folder, '--disable-colors'], {
			cwd: this.folder,
			env: { PATH: `${process.env.PATH}:/usr/bin:/usr/sbin` },
			onOutput: (text) => (this.output += text),
			folderToRemove: this.parent,
		});
		this.program = program;
		await poll(
			'answer from Janus',
			20_000,
			async () => (await fetch(`${API}/info`)).ok || undefined,
			{
				giveUp: () =>
					program.hasExited()
						? new Error(
								`Janus ended at once. If it is not installed: on Debian and Ubuntu, run test/janus/install-janus.sh as root. ${this.lastWords()}`,
							)
						: undefined,
			},
		);
	}

	async stop(): Promise<void> {
		await this.program?.stop();
	}

	lastWords(): string {
		return this.output.split('\n').slice(-15).join('\n');
	}

	/** What Janus has logged so far. */
	log(): string {
		return this.output;
	}

	async sessions(): Promise<number[]> {
		const { sessions } = await this.send(ADMIN, {
			janus: 'list_sessions',
			admin_secret: this.secret,
		});
		return sessions ?? [];
	}

	async rooms(): Promise<Room[]> {
		return await this.withHandle(async (handle) => {
			const { plugindata } = await this.message(handle, { request: 'list' });
			return plugindata?.data.list ?? [];
		});
	}

	async makeRoom(description: string): Promise<void> {
		await this.withHandle(async (handle) => {
			await this.message(handle, { request: 'create', description, is_private: false });
		});
	}

	/** A request of the audio bridge; `handle` is `janus/<session>/<handle>`. */
	async message(handle: string, body: Record<string, unknown>): Promise<Reply> {
		return await this.send(`${API}${handle.replace(/^janus/, '')}`, { janus: 'message', body });
	}

	private async withHandle<T>(use: (handle: string) => Promise<T>): Promise<T> {
		const session = (await this.send(API, { janus: 'create' })).data!.id;
		try {
			const plugin = 'janus.plugin.audiobridge';
			const attached = await this.send(`${API}/${session}`, { janus: 'attach', plugin });
			return await use(`janus/${session}/${attached.data!.id}`);
		} finally {
			await this.send(`${API}/${session}`, { janus: 'destroy' });
		}
	}

	private async send(url: string, request: Record<string, unknown>): Promise<Reply> {
		const body = JSON.stringify({ apisecret: this.secret, transaction: 'test', ...request });
		const reply = (await (await fetch(url, { method: 'POST', body })).json()) as Reply;
		if (reply.janus === 'error') throw new Error(`Janus: ${reply.error?.reason}`);
		return reply;
	}

	private async configure(changes: Record<string, string>): Promise<void> {
		const all = Object.entries({
			'change-this-secret': this.secret,
			// Sessions can be listed, as the README says for troubleshooting.
			'admin_http = false': 'admin_http = true',
			'#admin_secret = "another secret"': `admin_secret = "${this.secret}"`,
			...changes,
		});
		const names = (await readdir(EXAMPLE)).filter((name) => name.endsWith('.jcfg'));
		const texts = await Promise.all(
			names.map(async (name) => await readFile(join(EXAMPLE, name), 'utf8')),
		);
		for (const [from] of all) {
			if (!texts.join('').includes(from))
				throw new Error(`The example's configuration has no ${from}`);
		}
		for (const [index, name] of names.entries()) {
			const text = all.reduce((before, [from, to]) => before.replace(from, to), texts[index]);
			await writeFile(join(this.folder, name), text);
		}
	}
}
