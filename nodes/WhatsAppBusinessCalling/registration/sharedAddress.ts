import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'crypto';
import { z } from 'zod';

/**
 * One webhook address at Meta for several triggers of one n8n.
 *
 * Meta has one address for an app, an account or a number. The address is that of one trigger, the holder;
 * its query lists the others, the siblings. So the list is where every process of n8n sees it, with each
 * delivery, and there is nothing in n8n that could be lost or be out of date:
 *
 * `https://n8n.example/webhook/<holder's webhook ID>/webhook?also=<list>[&other=<sealed>]`
 *
 * `also` is base64url of 11 bytes of authentication code, 1 byte of flags, and 18 bytes for each sibling: its
 * webhook ID (16), and the events that it chose (2). So four siblings fit into the 200 characters that Meta
 * allows for the address of an account or a number, if the holder's own URL has up to 82.
 */
export interface SharedAddress {
	/** The holder's production or test URL. */
	url: string;
	siblings: Sibling[];
	/**
	 * Whether the holder takes the app off its account, if it is the account's last trigger to leave, because
	 * another trigger has left that to it.
	 */
	leavesAccount: boolean;
	/** Whether its own record says so; null where the one who wrote the list did not know that. */
	isKnownToLeave: boolean | null;
	/** The webhook that was there before the triggers, which gets what is not about calls. */
	other: OtherWebhook | null;
}

/** A trigger that gets a copy of what arrives at another trigger's address. */
export interface Sibling {
	webhookId: string;
	/** Whether it only listens for a test event. */
	isTest: boolean;
	/** Names of the events that it chose. */
	events: string[];
	/** As that of the holder: triggers of one app may be of different accounts. */
	leavesAccount?: true;
}

const otherWebhookSchema = z.object({
	url: z.string(),
	/** With which Meta can be pointed to it again; empty if it only gets its share, and is not put back. */
	verifyToken: z.string(),
	/** Fields of the app's webhook that it does not need. */
	addedFields: z.array(z.string()),
});

export type OtherWebhook = z.infer<typeof otherWebhookSchema>;

/** Meta's limit for the address of an account or a number ("Create a webhook endpoint", "Override"). */
export const LONGEST_OVERRIDE = 200;

/** Enough for about 70 siblings; no source names a limit for the address of an app. */
export const LONGEST_APP_ADDRESS = 2_000;

/**
 * The position of an event is its bit in an address that is registered at Meta, maybe by an earlier version
 * of the package: add at the end, never change the order. At most 14.
 */
export const EVENT_BITS = [
	'connect',
	'call_created',
	'status',
	'terminate',
	'call_recording_available',
	'call_transcription_available',
	'call_permission_reply',
	'other',
	'voicemail',
];

const TEST_BIT = 15;
const LEAVES_ACCOUNT_BIT = 14;
const LEAVES_ACCOUNT = 1;
const RECORD_STAYS = 2;
const RECORD_LEAVES = 4;

const CODE_BYTES = 11;
const HEADER_BYTES = CODE_BYTES + 1;
const SIBLING_BYTES = 18;
const UUID_BYTES = 16;

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The query, as `formatSharedAddress` writes it. Anything else belongs to another system's URL. */
const SHARED_PATTERN = /^([^?#]+)\?also=([\w-]*)(?:&other=([\w-]*))?$/;

/**
 * An address of this n8n as this package writes it. Meta may give it back in another form of the same URL: another
 * case of the host, without the standard port, with a slash at the end, with escaped characters, with the query in
 * another order or with more in it. The addresses of other systems are returned as they are.
 *
 * @param own URL of a trigger of this n8n
 * @example
 * asWritten('https://n8n.example/webhook/5d9e/webhook/', 'https://N8N.example:443/webhook/81c0/webhook')
 * // 'https://N8N.example:443/webhook/5d9e/webhook'
 */
export function asWritten(address: string, own: string): string {
	if (!URL.canParse(address) || !URL.canParse(own)) return address;
	const [base, start] = [baseOf(own), baseOf(normalUrl(own))];
	const url = normalUrl(address);
	const path = url.startsWith(start) ? url.slice(start.length) : '';
	const { searchParams, search, hash: fragment } = new URL(address);
	const isOurQuery = search === '' || searchParams.has('also');
	if (!/^(?:\/[^/]+){2}\/webhook$/.test(path) || !isOurQuery || fragment !== '') return address;
	const [also, other] = ['also', 'other'].map((name) => searchParams.get(name));
	const list = also === null ? '' : `?also=${also}`;
	return `${base}${path}${list}${other === null ? '' : `&other=${other}`}`;
}

/** A URL of a trigger without its last three parts: see `siblingUrl`. */
const baseOf = (url: string) => url.replace(/(?:\/[^/]+){3}$/, '');

/** Origin and path, in the form in which equivalent ones are equal (RFC 3986, section 6.2.2). */
function normalUrl(address: string): string {
	const [, written = ''] = /^[^/]*\/\/[^/?#]*([^?#]*)/.exec(address) ?? [];
	const path = written.replace(/%[0-7][\dA-F]/gi, (escape) => {
		const character = decodeURIComponent(escape);
		return /[\w.~-]/.test(character) ? character : escape;
	});
	return withoutSlash(new URL(address).origin + path);
}

export const withoutSlash = (address: string) => address.replace(/\/+$/, '');

/** An address without the list of siblings: the URL of its holder. */
export function holderUrl(address: string): string {
	return SHARED_PATTERN.exec(address)?.[1] ?? address;
}

/**
 * Reads an address.
 *
 * @returns null if it has a list that was not written with this app secret: by another system, or before the
 * secret was changed
 */
export function readSharedAddress(address: string, appSecret: string): SharedAddress | null {
	const parts = partsOf(address);
	if (parts === null) return { url: address, ...NO_LIST, other: null };
	const { url, bytes, content, sealed } = parts;
	if (content === null || appSecret === '' || address.length > LONGEST_APP_ADDRESS) return null;
	const expected = authenticationCode(appSecret, url, content, sealed);
	if (!timingSafeEqual(bytes.subarray(0, CODE_BYTES), expected)) return null;
	const other = sealed === '' ? null : unseal(appSecret, url, sealed);
	return { url, ...readContent(content), other };
}

/**
 * Reads an address whose list cannot be verified: only for asking those in it whether they belong there.
 * The other webhook cannot be read.
 */
export function readUnverifiedAddress(address: string): SharedAddress {
	const { url = address, content = null } = partsOf(address) ?? {};
	const isReadable = content !== null && address.length <= LONGEST_APP_ADDRESS;
	const read = isReadable ? readContent(content) : NO_LIST;
	return { url, ...read, other: null };
}

type List = Pick<SharedAddress, 'siblings' | 'leavesAccount' | 'isKnownToLeave'>;

const NO_LIST: List = { siblings: [], leavesAccount: false, isKnownToLeave: null };

function flagsOf({ leavesAccount, isKnownToLeave }: SharedAddress): number {
	const known = isKnownToLeave ? RECORD_LEAVES : RECORD_STAYS;
	return (leavesAccount ? LEAVES_ACCOUNT : 0) | (isKnownToLeave === null ? 0 : known);
}

/** @returns null for an address without a list; `content` is null where its list is not complete */
function partsOf(address: string) {
	const found = SHARED_PATTERN.exec(address);
	if (found === null) return null;
	const [, url, also, sealed = ''] = found;
	const bytes = Buffer.from(also, 'base64url');
	const isComplete =
		bytes.length >= HEADER_BYTES && (bytes.length - HEADER_BYTES) % SIBLING_BYTES === 0;
	return { url, bytes, content: isComplete ? bytes.subarray(CODE_BYTES) : null, sealed };
}

function readContent(content: Buffer): List {
	const siblings: Sibling[] = [];
	for (let at = 1; at < content.length; at += SIBLING_BYTES) {
		siblings.push(readSibling(content.subarray(at, at + SIBLING_BYTES)));
	}
	const [flags] = content;
	const isKnown = (flags & (RECORD_STAYS | RECORD_LEAVES)) !== 0;
	return {
		siblings,
		leavesAccount: (flags & LEAVES_ACCOUNT) !== 0,
		isKnownToLeave: isKnown ? (flags & RECORD_LEAVES) !== 0 : null,
	};
}

/**
 * The address by which a request arrived: the URL of this trigger, with the list as it came.
 *
 * @returns null where n8n gives no URL, or the list has not the form of one
 */
export function addressOfRequest(
	url: string | undefined,
	{ also, other }: Record<string, unknown>,
): string | null {
	if (!url || (also === undefined && other === undefined)) return url || null;
	// Anyone can ask, and n8n makes an object of a query such as `also[toString]=x`.
	if (typeof also !== 'string' || (other !== undefined && typeof other !== 'string')) return null;
	const address = `${url}?also=${also}${other === undefined ? '' : `&other=${other}`}`;
	return SHARED_PATTERN.test(address) ? address : null;
}

/** Writes an address; without siblings and without anything to remember it is the holder's URL. */
export function formatSharedAddress(shared: SharedAddress, appSecret: string): string {
	const { url, siblings, leavesAccount, other } = shared;
	if (siblings.length === 0 && !leavesAccount && other === null) return url;
	const content = Buffer.concat([Buffer.from([flagsOf(shared)]), ...siblings.map(siblingBytes)]);
	const sealed = other === null ? '' : seal(appSecret, url, other);
	const code = authenticationCode(appSecret, url, content, sealed);
	const also = Buffer.concat([code, content]).toString('base64url');
	return `${url}?also=${also}${sealed && `&other=${sealed}`}`;
}

/**
 * The URL of a sibling, which differs from the holder's only in the webhook ID and in whether it is a test:
 * `<base>/<webhook or webhook-test>/<webhook ID>/webhook`.
 *
 * @returns null where the holder's URL has not that form
 */
export function siblingUrl(holder: string, { webhookId, isTest }: Sibling): string | null {
	const found = /^(.+\/[^/]+?)(?:-test)?\/[^/]+\/webhook$/.exec(holderUrl(holder));
	return found && `${found[1]}${isTest ? '-test' : ''}/${webhookId}/webhook`;
}

/**
 * The entry of a trigger in the list at another one's address.
 *
 * @returns null if there can be none: n8n gives triggers UUIDs, but a workflow from elsewhere may hold
 * other texts; and the names of n8n's endpoints can be configured
 */
export function siblingOf(
	holder: string,
	trigger: { url: string } & Omit<Sibling, 'webhookId'>,
): Sibling | null {
	const { url, isTest, events, leavesAccount } = trigger;
	const webhookId = url.split('/').at(-2) ?? '';
	const sibling: Sibling = {
		webhookId,
		isTest,
		events: inBitOrder(events),
		...(leavesAccount && { leavesAccount }),
	};
	const isWritable =
		readSibling(siblingBytes(sibling)).webhookId === webhookId &&
		siblingUrl(holder, sibling) === url;
	return isWritable ? sibling : null;
}

function inBitOrder(events: string[]): string[] {
	return EVENT_BITS.filter((name) => events.includes(name));
}

function siblingBytes({ webhookId, isTest, events, leavesAccount }: Sibling): Buffer {
	const bytes = Buffer.alloc(SIBLING_BYTES);
	bytes.write(webhookId.replaceAll('-', ''), 'hex');
	const bits = events.reduce((sum, name) => sum | (1 << EVENT_BITS.indexOf(name)), 0);
	const flags = (isTest ? 1 << TEST_BIT : 0) | (leavesAccount ? 1 << LEAVES_ACCOUNT_BIT : 0);
	bytes.writeUInt16BE(bits | flags, UUID_BYTES);
	return bytes;
}

function readSibling(bytes: Buffer): Sibling {
	const hex = bytes.toString('hex', 0, UUID_BYTES);
	const bits = bytes.readUInt16BE(UUID_BYTES);
	return {
		webhookId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
		isTest: (bits & (1 << TEST_BIT)) !== 0,
		events: EVENT_BITS.filter((_, bit) => (bits & (1 << bit)) !== 0),
		...((bits & (1 << LEAVES_ACCOUNT_BIT)) !== 0 && { leavesAccount: true }),
	};
}

/** The list counts only at the address for which it was written. */
function authenticationCode(
	appSecret: string,
	url: string,
	content: Buffer,
	sealed: string,
): Buffer {
	return createHmac('sha256', appSecret)
		.update(['shared webhook address', url, content.toString('hex'), sealed].join('\n'))
		.digest()
		.subarray(0, CODE_BYTES);
}

/** Addresses are in access logs; the verify token of another system must not be. */
function seal(appSecret: string, url: string, other: OtherWebhook): string {
	const iv = randomBytes(IV_BYTES);
	const cipher = createCipheriv('aes-256-gcm', sealKey(appSecret), iv).setAAD(Buffer.from(url));
	const text = Buffer.concat([cipher.update(JSON.stringify(other), 'utf8'), cipher.final()]);
	return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url');
}

function unseal(appSecret: string, url: string, sealed: string): OtherWebhook | null {
	const bytes = Buffer.from(sealed, 'base64url');
	try {
		const decipher = createDecipheriv(
			'aes-256-gcm',
			sealKey(appSecret),
			bytes.subarray(0, IV_BYTES),
			{ authTagLength: TAG_BYTES },
		)
			.setAAD(Buffer.from(url))
			.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
		const text = Buffer.concat([
			decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)),
			decipher.final(),
		]);
		return otherWebhookSchema.parse(JSON.parse(text.toString('utf8')));
	} catch {
		return null;
	}
}

const sealKey = (appSecret: string) =>
	createHmac('sha256', appSecret).update('other webhook').digest();
