import {
	generateKeyPairSync,
	randomBytes,
	sign,
	X509Certificate,
	type KeyObject,
} from 'node:crypto';
import { isIP } from 'node:net';

/** Key and certificate of a TLS server, as PEM. */
export interface Identity {
	key: string;
	cert: string;
}

/** A certificate authority of the tests: makes a certificate for any name that someone asks for. */
export class CertificateAuthority {
	private readonly keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

	private readonly leafKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

	private readonly identities = new Map<string, Identity>();

	/** PEM, for NODE_EXTRA_CA_CERTS. */
	readonly certificate = this.issue('Test authority', this.keys.publicKey, [
		extension('2.5.29.19', sequence(tagged(0x01, Buffer.from([0xff]))), true),
	]);

	/** What a server is that has these names or IP addresses. */
	identityOf(...names: string[]): Identity {
		const known = this.identities.get(names.join());
		if (known) return known;
		const identity = {
			key: this.leafKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
			cert: this.issue('Test host', this.leafKeys.publicKey, [
				extension('2.5.29.17', sequence(...names.map(alternativeName))),
			]),
		};
		this.identities.set(names.join(), identity);
		return identity;
	}

	/** RFC 5280, section 4.1. */
	private issue(subject: string, publicKey: KeyObject, extensions: Buffer[]): string {
		const algorithm = sequence(objectId('1.2.840.10045.4.3.2'));
		const toBeSigned = sequence(
			tagged(0xa0, integer(Buffer.from([2]))),
			integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
			algorithm,
			commonName('Test authority'),
			sequence(time(-24), time(24)),
			commonName(subject),
			publicKey.export({ type: 'spki', format: 'der' }),
			tagged(0xa3, sequence(...extensions)),
		);
		const signature = sign('sha256', toBeSigned, this.keys.privateKey);
		const bits = tagged(0x03, Buffer.concat([Buffer.from([0]), signature]));
		return new X509Certificate(sequence(toBeSigned, algorithm, bits)).toString();
	}
}

function tagged(tag: number, ...parts: Buffer[]): Buffer {
	const content = Buffer.concat(parts);
	const { length } = content;
	const head =
		length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
	return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

const sequence = (...parts: Buffer[]) => tagged(0x30, ...parts);

/** The first byte must be between 1 and 127. */
const integer = (bytes: Buffer) => tagged(0x02, bytes);

function objectId(dotted: string): Buffer {
	const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
	const bytes = [first * 40 + second];
	for (const arc of rest) {
		const groups = [arc & 0x7f];
		for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
		bytes.push(...groups);
	}
	return tagged(0x06, Buffer.from(bytes));
}

const commonName = (name: string) =>
	sequence(tagged(0x31, sequence(objectId('2.5.4.3'), tagged(0x0c, Buffer.from(name)))));

function time(hoursFromNow: number): Buffer {
	const date = new Date(Date.now() + hoursFromNow * 3_600_000).toISOString();
	return tagged(0x17, Buffer.from(`${date.slice(2, 19).replace(/[-T:]/g, '')}Z`));
}

const extension = (id: string, value: Buffer, critical = false) =>
	sequence(
		objectId(id),
		...(critical ? [tagged(0x01, Buffer.from([0xff]))] : []),
		tagged(0x04, value),
	);

function alternativeName(name: string): Buffer {
	if (isIP(name) === 4) return tagged(0x87, Buffer.from(name.split('.').map(Number)));
	// Of the addresses of version 6 only loopback is asked for.
	if (isIP(name) === 6) return tagged(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]));
	return tagged(0x82, Buffer.from(name));
}
