import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A mail server on loopback that takes every message, without TLS and without a password. */
export class MailServer {
	/** The messages as they were sent: headers, an empty line and the body. */
	readonly messages: string[] = [];

	private readonly sockets = new Set<Socket>();

	private readonly server: Server = createServer((socket) => {
		this.sockets.add(socket);
		socket.once('close', () => this.sockets.delete(socket));
		socket.on('error', () => undefined);
		const say = (line: string) => socket.write(`${line}\r\n`);
		let input = '';
		let isMessage = false;
		socket.setEncoding('utf8');
		socket.on('data', (text: string) => {
			input += text;
			for (;;) {
				const end = isMessage ? '\r\n.\r\n' : '\r\n';
				const at = input.indexOf(end);
				if (at < 0) return;
				const part = input.slice(0, at);
				input = input.slice(at + end.length);
				if (isMessage) {
					this.messages.push(part);
					isMessage = false;
					say('250 taken');
				} else if (/^DATA/i.test(part)) {
					isMessage = true;
					say('354 go on');
				} else if (/^QUIT/i.test(part)) {
					say('221 bye');
					socket.end();
				} else {
					say('250 localhost');
				}
			}
		});
		say('220 localhost');
	});

	async start(): Promise<this> {
		await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		return this;
	}

	get port(): number {
		return (this.server.address() as AddressInfo).port;
	}

	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.sockets.forEach((socket) => socket.destroy());
		});
	}
}
