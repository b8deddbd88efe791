import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { newIcePassword, newIceUfrag } from '../sdp';
import { bind, type MediaAddresses } from './addresses';
import { isDtls, isMedia, Network, type BadNetwork } from './network';
import { answerCheck, isStun, readCheck, refuseRole, type Check } from './stun';

const LOOPBACK: MediaAddresses = { ipv4: '127.0.0.1', ipv6: undefined };
/** The same port is wanted in both families, and another program may have it in one. */
const MAX_PORTS_TRIED = 20;

/** Where a datagram comes from or goes to. */
interface Place {
	socket: Socket;
	address: string;
	port: number;
}

/**
 * WhatsApp's end of the path: an ICE-lite agent (RFC 8445, section 2.5) with one port, which checks
 * nothing itself, answers the checks of the other side, and talks to the address that the other side
 * chooses. It does not answer checks that are not signed with its password.
 */
export class IceLite {
	readonly ufrag = newIceUfrag();
	readonly password = newIcePassword();
	/** Checks with a wrong name, password or role. */
	refusedChecks = 0;
	onPath: () => void = () => {};
	onDtls: (datagram: Buffer) => void = () => {};
	onMedia: (datagram: Buffer) => void = () => {};
	private readonly inbound: Network;
	private readonly outbound: Network;
	private closed = false;
	private remoteUfrag: string | undefined;
	private path: Place | undefined;
	private sockets: Socket[] = [];
	/** Nominated before the other side's description was known. */
	private early: Array<{ check: Check; from: Place }> = [];
	/** The handshake was opened before there was a path; the last attempt will do. */
	private earlyDtls: { datagram: Buffer; from: Place } | undefined;

	constructor(
		{ seed, ...trouble }: BadNetwork = {},
		private readonly addresses = LOOPBACK,
	) {
		this.inbound = new Network({ ...trouble, ...(seed !== undefined && { seed }) });
		this.outbound = new Network({ ...trouble, ...(seed !== undefined && { seed: seed + 1 }) });
	}

	/** Resolves with the port, the same at all addresses. */
	async open(): Promise<number> {
		for (let tried = 1; ; tried++) {
			try {
				return await this.openPort();
			} catch (error) {
				this.closeSockets();
				if (tried === MAX_PORTS_TRIED) throw error;
			}
		}
	}

	/** From here on only the other side of this name may choose the path. */
	expect(remoteUfrag: string): void {
		this.remoteUfrag = remoteUfrag;
		for (const { check, from } of this.early.splice(0)) this.consider(check, from);
	}

	send(datagram: Buffer): void {
		const { path } = this;
		if (!path) return;
		this.outbound.carry(datagram, () => this.sendTo(datagram, path));
	}

	close(): void {
		if (this.closed) return;
		this.closed = true;
		this.inbound.close();
		this.outbound.close();
		this.closeSockets();
	}

	private async openPort(): Promise<number> {
		const { ipv4, ipv6 } = this.addresses;
		const port = await this.listen(createSocket('udp4'), { port: 0, address: ipv4 });
		if (ipv6 === undefined) return port;
		const socket = createSocket({ type: 'udp6', ipv6Only: true });
		return await this.listen(socket, { port, address: ipv6 });
	}

	/** Gives the port. */
	private async listen(socket: Socket, where: { port: number; address: string }): Promise<number> {
		this.sockets.push(socket);
		await bind(socket, where);
		socket.on('message', (datagram, { address, port }: RemoteInfo) => {
			this.inbound.carry(datagram, () => this.receive(datagram, { socket, address, port }));
		});
		socket.on('error', () => this.close());
		return socket.address().port;
	}

	private closeSockets(): void {
		for (const socket of this.sockets.splice(0)) socket.close();
	}

	private sendTo(datagram: Buffer, { socket, address, port }: Place): void {
		if (!this.closed) socket.send(datagram, port, address, () => undefined);
	}

	private receive(datagram: Buffer, from: Place): void {
		if (this.closed || datagram.length === 0) return;
		if (isStun(datagram)) return this.receiveCheck(datagram, from);
		const { path } = this;
		if (!path) {
			if (isDtls(datagram)) this.earlyDtls = { datagram, from };
			return;
		}
		if (!isSame(path, from)) return;
		if (isDtls(datagram)) this.onDtls(datagram);
		else if (isMedia(datagram)) this.onMedia(datagram);
	}

	private receiveCheck(datagram: Buffer, from: Place): void {
		const check = readCheck(datagram);
		if (!check) return;
		const reply = (answer: Buffer) => this.outbound.carry(answer, () => this.sendTo(answer, from));
		if (!this.isForUs(check.username) || !check.isSignedWith(this.password)) {
			this.refusedChecks++;
			return;
		}
		if (!check.controlling) {
			this.refusedChecks++;
			reply(refuseRole(check, this.password));
			return;
		}
		reply(answerCheck(check, from, this.password));
		this.consider(check, from);
	}

	/** RFC 8445, section 7.3: checks may come before the answer does. */
	private isForUs(username: string | undefined): boolean {
		const wanted = `${this.ufrag}:`;
		return this.remoteUfrag === undefined
			? username?.startsWith(wanted) === true
			: username === wanted + this.remoteUfrag;
	}

	private consider(check: Check, from: Place): void {
		if (!check.nominates || !this.isForUs(check.username)) return;
		if (this.remoteUfrag === undefined) {
			this.early = [{ check, from }];
			return;
		}
		const isFirst = this.path === undefined;
		this.path = from;
		if (!isFirst) return;
		this.onPath();
		const { earlyDtls } = this;
		if (earlyDtls) this.receive(earlyDtls.datagram, earlyDtls.from);
	}
}

const isSame = (one: Place, other: Place) =>
	one.socket === other.socket && one.address === other.address && one.port === other.port;
