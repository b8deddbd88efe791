import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { newIcePassword, newIceUfrag } from '../sdp';
import { isDtls, isMedia, Network, type BadNetwork } from './network';
import { answerCheck, isStun, readCheck, refuseRole, type Check } from './stun';

export const HOST = '127.0.0.1';

/**
 * WhatsApp's end of the path: an ICE-lite agent (RFC 8445, section 2.5) with one socket, which checks
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
	private readonly socket: Socket = createSocket('udp4');
	private readonly inbound: Network;
	private readonly outbound: Network;
	private closed = false;
	private remoteUfrag: string | undefined;
	private path: { address: string; port: number } | undefined;
	/** Nominated before the other side's description was known. */
	private early: Array<{ check: Check; from: RemoteInfo }> = [];
	/** The handshake was opened before there was a path; the last attempt will do. */
	private earlyDtls: { datagram: Buffer; from: RemoteInfo } | undefined;

	constructor({ seed, ...trouble }: BadNetwork = {}) {
		this.inbound = new Network({ ...trouble, ...(seed !== undefined && { seed }) });
		this.outbound = new Network({ ...trouble, ...(seed !== undefined && { seed: seed + 1 }) });
		this.socket.on('message', (datagram, from) => {
			this.inbound.carry(datagram, () => this.receive(datagram, from));
		});
		this.socket.on('error', () => this.close());
	}

	/** Resolves with the port. */
	async open(): Promise<number> {
		await new Promise<void>((resolve, reject) => {
			this.socket.once('error', reject);
			this.socket.bind(0, HOST, resolve);
		});
		return (this.socket.address() as AddressInfo).port;
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
		try {
			this.socket.close();
		} catch {
			// It was never bound.
		}
	}

	private sendTo(datagram: Buffer, { address, port }: { address: string; port: number }): void {
		if (!this.closed) this.socket.send(datagram, port, address, () => undefined);
	}

	private receive(datagram: Buffer, from: RemoteInfo): void {
		if (this.closed || datagram.length === 0) return;
		if (isStun(datagram)) return this.receiveCheck(datagram, from);
		const { path } = this;
		if (!path) {
			if (isDtls(datagram)) this.earlyDtls = { datagram, from };
			return;
		}
		if (path.address !== from.address || path.port !== from.port) return;
		if (isDtls(datagram)) this.onDtls(datagram);
		else if (isMedia(datagram)) this.onMedia(datagram);
	}

	private receiveCheck(datagram: Buffer, from: RemoteInfo): void {
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

	private consider(check: Check, from: RemoteInfo): void {
		if (!check.nominates || !this.isForUs(check.username)) return;
		if (this.remoteUfrag === undefined) {
			this.early = [{ check, from }];
			return;
		}
		const isFirst = this.path === undefined;
		this.path = { address: from.address, port: from.port };
		if (!isFirst) return;
		this.onPath();
		const { earlyDtls } = this;
		if (earlyDtls) this.receive(earlyDtls.datagram, earlyDtls.from);
	}
}
