import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { CertificateAuthority } from '../support/certificates';
import type { Service } from './exampleStage';

/**
 * Services that n8n's own nodes know by a fixed host name, such as Google's and Slack's: https on one
 * loopback port, with certificates that n8n trusts. `env` is for that n8n.
 */
export class WebHosts {
	private readonly authority = new CertificateAuthority();
	private readonly sockets = new Set<Socket>();
	private readonly server = createServer(
		{
			...this.authority.identityOf('unknown.invalid'),
			SNICallback: (name, done) => done(null, createSecureContext(this.authority.identityOf(name))),
		},
		(request, response) => {
			const service = this.services[request.headers.host ?? ''];
			if (service) service.respond(request, response).catch(() => response.destroy());
			else response.writeHead(502).end();
		},
	).on('connection', (socket: Socket) => {
		this.sockets.add(socket);
		socket.once('close', () => this.sockets.delete(socket));
	});

	/** By host name. */
	readonly services: Record<string, Service> = {};

	private constructor(private readonly folder: string) {}

	static async start(): Promise<WebHosts> {
		const hosts = new WebHosts(await mkdtemp(join(tmpdir(), 'web-hosts-')));
		await writeFile(join(hosts.folder, 'authority.pem'), hosts.authority.certificate);
		await new Promise<void>((resolve) => hosts.server.listen(0, '127.0.0.1', resolve));
		return hosts;
	}

	get env(): Record<string, string> {
		return {
			NODE_OPTIONS: `--require=${join(__dirname, '..', 'support', 'allHosts.cjs')}`,
			NODE_EXTRA_CA_CERTS: join(this.folder, 'authority.pem'),
			INTERNET_PORT: String((this.server.address() as AddressInfo).port),
			INTERNET_REPORT: join(this.folder, 'report.json'),
		};
	}

	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.sockets.forEach((socket) => socket.destroy());
		});
		await rm(this.folder, { recursive: true, force: true });
	}
}
