import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import {
	CipherContext,
	DtlsClient,
	DtlsServer,
	HashAlgorithm,
	keyLength,
	NamedCurveAlgorithm,
	ProtectionProfileAeadAes128Gcm,
	ProtectionProfileAes128CmHmacSha1_80,
	RtpHeader,
	RtpPacket,
	saltLength,
	SignatureAlgorithm,
	SrtpSession,
	type Transport,
} from 'werift';
import type { BusinessDescription } from '../businessSdp';
import type { DtlsSetup } from '../sdp';
import type { IceLite } from './iceLite';

export interface Certificate {
	certPem: string;
	keyPem: string;
	/** SHA-256, as it stands in an SDP. */
	fingerprint: string;
}

export interface ReceivedRtp {
	payloadType: number;
	ssrc: number;
	timestamp: number;
	payload: Buffer;
}

const SIGNATURE = { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 };
const SRTP_PROFILES = [ProtectionProfileAeadAes128Gcm, ProtectionProfileAes128CmHmacSha1_80];

/** An SDP answer with `actpass` (which Meta may send) leaves it to the business to begin. */
const WAIT_FOR_HANDSHAKE_MS = 1_000;

function fingerprintOf(certificate: Buffer): string {
	const digits = createHash('sha256').update(certificate).digest('hex').toUpperCase();
	return (digits.match(/../g) ?? []).join(':');
}

/** DTLS-SRTP (RFC 5764) over a path: encrypted audio, after each side has shown its certificate. */
export class SecureMedia {
	/** Both handshake and fingerprint were good. */
	onConnected: () => void = () => {};
	/** The other side is not who its SDP says, or the handshake went wrong. */
	onFailed: (reason: string) => void = () => {};
	onRtp: (packet: ReceivedRtp) => void = () => {};
	/** Datagrams that could not be decrypted. */
	undecipherable = 0;
	/** Undefined until it is known who opens the handshake. */
	private dtls: DtlsClient | DtlsServer | undefined;
	private waiting: NodeJS.Timeout | undefined;
	private readonly transport: Transport;
	/** Datagrams of the handshake so far. */
	private readonly handshake = { sent: new Set<string>(), received: new Set<string>() };
	private session: SrtpSession | undefined;

	/** One for each call, as WhatsApp's peers have. */
	static async makeCertificate(): Promise<Certificate> {
		const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(
			SIGNATURE,
			NamedCurveAlgorithm.secp256r1_23,
		);
		const bytes = Buffer.from(certPem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
		return { certPem, keyPem, fingerprint: fingerprintOf(bytes) };
	}

	/** @param setup our role; `actpass` waits a moment for the other side to begin (RFC 8842) */
	constructor(
		private readonly path: IceLite,
		private readonly certificate: Certificate,
		private readonly remote: BusinessDescription,
		private readonly setup: DtlsSetup,
	) {
		this.transport = this.handshakeTransport();
		path.onDtls = (datagram) => {
			if (!isFirst(datagram, this.handshake.received)) return;
			if (isClientHello(datagram) && this.setup !== 'active') this.beServer();
			this.transport.onData(datagram, [remote.mid, 0]);
		};
		path.onMedia = (datagram) => this.receive(datagram);
	}

	/** To be called when there is a path. */
	start(): void {
		if (this.setup === 'active') this.beClient();
		if (this.setup === 'actpass' && !this.dtls) {
			this.waiting = setTimeout(() => this.beClient(), WAIT_FOR_HANDSHAKE_MS);
		}
	}

	send(header: ConstructorParameters<typeof RtpHeader>[0], payload: Buffer): void {
		if (!this.session) return;
		this.path.send(this.session.encrypt(payload, new RtpHeader(header)));
	}

	close(): void {
		this.session = undefined;
		this.leaveRole();
		this.path.onDtls = () => {};
		this.path.onMedia = () => {};
	}

	private beClient(): void {
		const client = new DtlsClient(this.dtlsOptions());
		this.use(client);
		client.connect().catch((error: unknown) => this.onFailed(String(error)));
	}

	/** Also where we have begun ourselves, because the other side seemed to wait. */
	private beServer(): void {
		if (this.dtls instanceof DtlsServer) return;
		this.use(new DtlsServer({ ...this.dtlsOptions(), certificateRequest: true }));
	}

	private use(dtls: DtlsClient | DtlsServer): void {
		this.leaveRole();
		this.dtls = dtls;
		dtls.onConnect.once(() => this.connected(dtls));
		dtls.onError.once((error: Error) => this.onFailed(String(error)));
	}

	private leaveRole(): void {
		clearTimeout(this.waiting);
		// Ends its repetitions.
		if (this.dtls) this.dtls.dtls.flight = Infinity;
	}

	private dtlsOptions() {
		return {
			cert: this.certificate.certPem,
			key: this.certificate.keyPem,
			signatureHash: SIGNATURE,
			transport: this.transport,
			srtpProfiles: SRTP_PROFILES,
			extendedMasterSecret: true,
		};
	}

	/**
	 * Leaves out what a slow machine sends twice: werift derives other keys when a part of the handshake
	 * comes again, and on loopback nothing is lost. Only the first words are repeated until the other side
	 * listens.
	 */
	private handshakeTransport(): Transport {
		const { sent, received } = this.handshake;
		return {
			type: 'udp',
			address: {} as AddressInfo,
			closed: false,
			onData: () => {},
			send: async (datagram) => {
				if (isFirst(datagram, sent) || received.size === 0) this.path.send(datagram);
			},
			close: async () => {},
		};
	}

	private connected(dtls: DtlsClient | DtlsServer): void {
		if (this.session || dtls !== this.dtls) return;
		const { remoteCertificate, srtp } = dtls;
		if (!remoteCertificate) return this.onFailed('The other side has shown no certificate');
		if (fingerprintOf(remoteCertificate) !== this.remote.fingerprint) {
			return this.onFailed('The certificate is not the one of the SDP');
		}
		const profile = srtp.srtpProfile;
		if (profile === undefined) return this.onFailed('There is no common SRTP profile');
		const keys = dtls.extractSessionKeys(keyLength(profile), saltLength(profile));
		this.session = new SrtpSession({
			profile,
			keys: {
				localMasterKey: keys.localKey,
				localMasterSalt: keys.localSalt,
				remoteMasterKey: keys.remoteKey,
				remoteMasterSalt: keys.remoteSalt,
			},
		});
		this.onConnected();
	}

	private receive(datagram: Buffer): void {
		if (!this.session || isRtcp(datagram)) return;
		try {
			const { header, payload } = RtpPacket.deSerialize(this.session.decrypt(datagram));
			const { payloadType, ssrc, timestamp } = header;
			this.onRtp({ payloadType, ssrc, timestamp, payload });
		} catch {
			this.undecipherable++;
		}
	}
}

/** RFC 6347, section 4.3: content type handshake, and the type of its first message. */
const isClientHello = (datagram: Buffer) => datagram[0] === 22 && datagram[13] === 1;

/** RFC 5761: RTCP has its packet types where RTP has marker and payload type. */
const isRtcp = (datagram: Buffer) => datagram[1] >= 192 && datagram[1] <= 223;

/** Remembers the datagram. */
function isFirst(datagram: Buffer, seen: Set<string>): boolean {
	const text = datagram.toString('latin1');
	const first = !seen.has(text);
	seen.add(text);
	return first;
}
