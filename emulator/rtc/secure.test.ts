import { sleep } from '../../test/support/processes';
import type { IceLite } from './iceLite';
import { SecureMedia } from './secure';

jest.setTimeout(60_000);

type Path = Pick<IceLite, 'send' | 'onDtls' | 'onMedia'>;

/** Two ends, each of which gets what the other sends. */
function makePaths(): [Path, Path] {
	const makePath = (): Path => ({ send: () => {}, onDtls: () => {}, onMedia: () => {} });
	const [one, other] = [makePath(), makePath()];
	one.send = (datagram) => setImmediate(() => other.onDtls(datagram));
	other.send = (datagram) => setImmediate(() => one.onDtls(datagram));
	return [one, other];
}

describe('an end whose SDP leaves the DTLS role open', () => {
	it.each([
		['begins at once', 'active', 0],
		// So late that our own first word has gone out.
		['begins late', 'active', 1_300],
		['waits', 'passive', 0],
	] as const)('The end connects to one that %s', async (_, role, delayMs) => {
		const [ours, theirs] = makePaths();
		const [own, other] = await Promise.all([
			SecureMedia.makeCertificate(),
			SecureMedia.makeCertificate(),
		]);
		const describe = ({ fingerprint }: { fingerprint: string }) => ({
			iceUfrag: 'made',
			opensDtls: undefined,
			mid: 'audio',
			opus: 111,
			telephoneEvent: undefined,
			warnings: [],
			fingerprint,
		});
		const media = new SecureMedia(ours as IceLite, own, describe(other), 'actpass');
		const business = new SecureMedia(theirs as IceLite, other, describe(own), role);
		const connected = Promise.all(
			[media, business].map(
				async (end) =>
					await new Promise<void>((resolve, reject) => {
						end.onConnected = resolve;
						end.onFailed = (reason) => reject(new Error(reason));
					}),
			),
		);
		connected.catch(() => undefined);
		try {
			media.start();
			await sleep(delayMs);
			business.start();
			await connected;
		} finally {
			media.close();
			business.close();
		}
	});
});
