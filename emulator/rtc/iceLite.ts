import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { CANDIDATE_PRIORITY, newIcePassword, newIceUfrag } from '../sdp';
import { bind, type MediaAddresses } from './addresses';
import { isDtls, isMedia, Network, type BadNetwork } from './network';
import { answerCheck, isStun, readCheck, refuseRole, type Check } from './stun';

const LOOPBACK: MediaAddresses = { ipv4: '127.0.0.1', ipv6: undefined };
/** The same port is wanted in both families, and another program may have it in one. */
const MAX_PORTS_TRIED = 20;

/** So many ways a peer may take, and parts its first word may have. */
const MAX_PATHS = 50;
const MAX_PARTS = 10;

/** Where a datagram comes from or goes to. */
interface Place {
	socket: Socket;
	address: string;
	port: number;
}

interface Path extends Place {
	/** As both sides count it. */
	priority: bigint;
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
	private hasBegun = false;
	private remoteUfrag: string | undefined;
	/** All that the other side has chosen or would take, the best first: browsers offer several at once. */
	private paths: Path[] = [];
	private sockets: Socket[] = [];
	/** Nominated before the other side's description was known. */
	private early: Array<{ check: Check; from: Place }> = [];
	/** The handshake was opened before there was a path; the last attempt will do, which may be in parts. */
	private earlyDtls: Array<{ datagram: Buffer; from: Place }> = [];

	constructor(
		{ seed, ...conditions }: BadNetwork = {},
		private readonly addresses = LOOPBACK,
	) {
		this.inbound = new Network({ ...conditions, ...(seed !== undefined && { seed }) });
		this.outbound = new Network({ ...conditions, ...(seed !== undefined && { seed: seed + 1 }) });
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
		for (const { check, from } of this.early.splice(0)) this.note(check, from);
		this.begin();
	}

	send(datagram: Buffer): void {
		const [path] = this.paths;
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
		if (this.paths.length === 0) {
			if (isDtls(datagram)) this.keepForLater(datagram, from);
			return;
		}
		if (!this.paths.some((path) => isSame(path, from))) return;
		if (isDtls(datagram)) this.onDtls(datagram);
		else if (isMedia(datagram)) this.onMedia(datagram);
	}

	private keepForLater(datagram: Buffer, from: Place): void {
		// RFC 6347, section 4.2.2: where in the message this part of it begins.
		const isStart = datagram.length < 22 || datagram.readUIntBE(19, 3) === 0;
		this.earlyDtls = [...(isStart ? [] : this.earlyDtls), { datagram, from }].slice(-MAX_PARTS);
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
		if (!check.nominates) return;
		if (this.remoteUfrag === undefined) {
			this.early = [...this.early, { check, from }].slice(-MAX_PATHS);
			return;
		}
		this.note(check, from);
		this.begin();
	}

	/** RFC 8445, section 7.3: checks may come before the answer does. */
	private isForUs(username: string | undefined): boolean {
		const wanted = `${this.ufrag}:`;
		return this.remoteUfrag === undefined
			? username?.startsWith(wanted) === true
			: username === wanted + this.remoteUfrag;
	}

	/**
	 * RFC 8445, section 8.1.1, and RFC 5245 for the side that nominates all that work: the best is taken. Audio
	 * may come on each of them (section 12.1).
	 */
	private note({ username, priority: remote }: Check, from: Place): void {
		if (!this.isForUs(username)) return;
		const local = CANDIDATE_PRIORITY[isIPv4(from.address) ? 'ipv4' : 'ipv6'];
		const path = { ...from, priority: pairPriority(remote, local) };
		const others = this.paths.filter((other) => !isSame(other, from));
		this.paths = [...others, path]
			.sort((one, other) => (one.priority < other.priority ? 1 : -1))
			.slice(0, MAX_PATHS);
	}

	private begin(): void {
		if (this.paths.length === 0 || this.hasBegun) return;
		this.hasBegun = true;
		this.onPath();
		for (const { datagram, from } of this.earlyDtls.splice(0)) this.receive(datagram, from);
	}
}

const isSame = (one: Place, other: Place) =>
	one.socket === other.socket && one.address === other.address && one.port === other.port;

/** RFC 8445, section 6.1.2.3; the other side controls. */
function pairPriority(controlling: number, controlled: number): bigint {
	const [lower, higher] = [Math.min(controlling, controlled), Math.max(controlling, controlled)];
	return 2n ** 32n * BigInt(lower) + 2n * BigInt(higher) + (controlling > controlled ? 1n : 0n);
}
