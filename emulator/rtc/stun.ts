import { createHmac, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { crc32 } from 'node:zlib';

/** A connectivity check of the other side: a STUN binding request (RFC 8489, RFC 8445). */
export interface Check {
	transaction: Buffer;
	/** Undefined where it has none. */
	username: string | undefined;
	/** The other side is in charge of choosing the path; it must be, because WhatsApp is ICE-lite. */
	controlling: boolean;
	/** Of the candidate that the check comes from. */
	priority: number;
	/** The other side has chosen this path, or would take it if there is no better one. */
	nominates: boolean;
	/** Whether it was made with this password. */
	isSignedWith(password: string): boolean;
}

const MAGIC_COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const FINGERPRINT_XOR = 0x5354554e;

const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const XOR_MAPPED_ADDRESS = 0x0020;
const PRIORITY = 0x0024;
const USE_CANDIDATE = 0x0025;
const FINGERPRINT = 0x8028;
const ICE_CONTROLLING = 0x802a;

interface Attribute {
	type: number;
	value: Buffer;
	/** Where the attribute begins. */
	at: number;
}

export const isStun = (datagram: Buffer): boolean => datagram.length > 0 && datagram[0] < 4;

/** Undefined where the datagram is no binding request, or is damaged. */
export function readCheck(datagram: Buffer): Check | undefined {
	if (datagram.length < HEADER_BYTES || datagram.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
	if (datagram.readUInt16BE(0) !== BINDING_REQUEST) return undefined;
	if (datagram.readUInt16BE(2) !== datagram.length - HEADER_BYTES) return undefined;
	const attributes = attributesOf(datagram);
	if (!attributes || !hasRightFingerprint(datagram, attributes)) return undefined;
	const find = (wanted: number) => attributes.find(({ type }) => type === wanted);
	return {
		transaction: datagram.subarray(8, HEADER_BYTES),
		username: find(USERNAME)?.value.toString(),
		controlling: find(ICE_CONTROLLING) !== undefined,
		priority: numberIn(find(PRIORITY)?.value),
		nominates: find(USE_CANDIDATE) !== undefined,
		isSignedWith: (password) => {
			const integrity = find(MESSAGE_INTEGRITY);
			if (integrity?.value.length !== 20) return false;
			return timingSafeEqual(integrity.value, sign(datagram, integrity.at, password));
		},
	};
}

const numberIn = (value: Buffer | undefined) => (value?.length === 4 ? value.readUInt32BE(0) : 0);

function attributesOf(datagram: Buffer): Attribute[] | undefined {
	const attributes: Attribute[] = [];
	for (let at = HEADER_BYTES; at < datagram.length; ) {
		if (at + 4 > datagram.length) return undefined;
		const length = datagram.readUInt16BE(at + 2);
		const value = datagram.subarray(at + 4, at + 4 + length);
		if (value.length !== length) return undefined;
		attributes.push({ type: datagram.readUInt16BE(at), value, at });
		at += 4 + Math.ceil(length / 4) * 4;
	}
	return attributes;
}

/** ICE wants one in every check, as the last attribute. */
function hasRightFingerprint(datagram: Buffer, attributes: Attribute[]): boolean {
	const last = attributes.at(-1);
	if (last?.type !== FINGERPRINT || last.value.length !== 4) return false;
	return last.value.readUInt32BE(0) === checksum(datagram.subarray(0, last.at));
}

const checksum = (bytes: Buffer) => (crc32(bytes) ^ FINGERPRINT_XOR) >>> 0;

/** Over the message up to the attribute, as if the message ended with it. */
function sign(message: Buffer, at: number, password: string): Buffer {
	const signed = Buffer.from(message.subarray(0, at));
	signed.writeUInt16BE(at + 24 - HEADER_BYTES, 2);
	return createHmac('sha1', password).update(signed).digest();
}

function attribute(type: number, value: Buffer): Buffer {
	const head = Buffer.alloc(4);
	head.writeUInt16BE(type, 0);
	head.writeUInt16BE(value.length, 2);
	return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

function message(
	type: number,
	transaction: Buffer,
	attributes: Buffer[],
	password: string,
): Buffer {
	const head = Buffer.alloc(8);
	head.writeUInt16BE(type, 0);
	head.writeUInt32BE(MAGIC_COOKIE, 4);
	const unsigned = Buffer.concat([head, transaction, ...attributes]);
	const integrity = sign(unsigned, unsigned.length, password);
	const bytes = Buffer.concat([unsigned, attribute(MESSAGE_INTEGRITY, integrity)]);
	bytes.writeUInt16BE(bytes.length + 8 - HEADER_BYTES, 2);
	const sum = Buffer.alloc(4);
	sum.writeUInt32BE(checksum(bytes));
	return Buffer.concat([bytes, attribute(FINGERPRINT, sum)]);
}

/** RFC 8489, section 14.2. */
function xorMapped({ address, port }: { address: string; port: number }, transaction: Buffer) {
	const head = Buffer.alloc(4);
	head[1] = isIPv4(address) ? 1 : 2;
	head.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
	const mask = Buffer.alloc(4);
	mask.writeUInt32BE(MAGIC_COOKIE);
	const masks = Buffer.concat([mask, transaction]);
	return Buffer.concat([head, bytesOf(address).map((byte, at) => byte ^ masks[at])]);
}

/** 4 or 16 bytes. */
function bytesOf(address: string): Buffer {
	if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
	// As groups of hexadecimal digits, and without the interface of a link-local address.
	const { hostname } = new URL(`http://[${address.split('%', 1)[0]}]`);
	const [start = '', end = ''] = hostname.slice(1, -1).split('::');
	const groups = (text: string) => (text === '' ? [] : text.split(':'));
	const missing = 8 - groups(start).length - groups(end).length;
	const all = [...groups(start), ...Array<string>(missing).fill('0'), ...groups(end)];
	return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** The answer to a check: the address that it came from. */
export function answerCheck(
	check: Check,
	from: { address: string; port: number },
	password: string,
): Buffer {
	const attributes = [attribute(XOR_MAPPED_ADDRESS, xorMapped(from, check.transaction))];
	return message(BINDING_SUCCESS, check.transaction, attributes, password);
}

/** The refusal of a check whose sender takes the role that is ours: role conflict, 487. */
export function refuseRole(check: Check, password: string): Buffer {
	const value = Buffer.from([0, 0, 4, 87]);
	return message(BINDING_ERROR, check.transaction, [attribute(ERROR_CODE, value)], password);
}
