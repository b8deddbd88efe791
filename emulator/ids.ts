import { randomBytes, randomInt } from 'node:crypto';

const used = new Set<string>();

function unique(make: () => string): string {
	for (;;) {
		const id = make();
		if (!used.has(id)) {
			used.add(id);
			return id;
		}
	}
}

function digits(prefix: string, length: number): string {
	let id = prefix;
	while (id.length < length) id += randomInt(10);
	return id;
}

export const newMediaId = () => unique(() => digits('10', 16));
export const newAttachmentId = () => unique(() => digits('133', 17));
export const newMessageId = (waId: string) => `wamid.${messagePayload(waId)}`;
export const newFbtraceId = () => `A${randomBytes(17).toString('base64url').slice(0, 22)}`;
export const newChallenge = () => String(randomInt(100_000_000, 2_000_000_000));
export const newUrlHash = () => `ARE${randomBytes(24).toString('base64url')}`;

/** The user's number is inside a call ID, as in Meta's own samples (`wacid.HBgL...`). */
export const newCallId = (waId: string) => `wacid.${messagePayload(waId)}`;

function messagePayload(waId: string): string {
	const number = Buffer.from(waId, 'ascii');
	return unique(() =>
		Buffer.concat([
			Buffer.from([0x1c, 0x18, number.length]),
			number,
			Buffer.from([0x15, 0x02, 0x00, 0x12, 0x18, 0x20]),
			Buffer.from(randomBytes(16).toString('hex').toUpperCase(), 'ascii'),
			Buffer.from([0x1c, 0x00]),
		]).toString('base64'),
	);
}
