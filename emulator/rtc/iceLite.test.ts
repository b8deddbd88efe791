import { createHmac } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { poll } from '../../test/support/processes';
import { findAddresses } from './addresses';
import { IceLite } from './iceLite';
import { answerCheck, isStun, readCheck } from './stun';

const hex = (digits: string) => Buffer.from(digits.replace(/\s/g, ''), 'hex');

/** The sample request of RFC 5769, section 2.1. */
const SAMPLE = hex(`
	00010058 2112a442 b7e7a701 bc34d686 fa87dfae
	80220010 5354554e 20746573 7420636c 69656e74
	00240004 6e0001ff
	80290008 932ff9b1 51263b36
	00060009 6576746a 3a683676 59202020
	00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
	80280004 e57a3bcf`);
const SAMPLE_PASSWORD = 'VOkJxbRl1RmTxUk/WvJxBt';

jest.setTimeout(180_000);

describe('reading a STUN check', () => {
	it('The reader accepts the sample of the standard', () => {
		const check = readCheck(SAMPLE)!;
		expect(check).toMatchObject({ username: 'evtj:h6vY', controlling: false, nominates: false });
		expect(check.isSignedWith(SAMPLE_PASSWORD)).toBe(true);
		expect(check.isSignedWith('VOkJxbRl1RmTxUk/WvJxBu')).toBe(false);
	});

	it('The answer to a check has the address of the sample, signed', () => {
		const from = { address: '192.0.2.1', port: 32_853 };
		const answer = answerCheck(readCheck(SAMPLE)!, from, SAMPLE_PASSWORD);
		expect(answer.subarray(0, 32)).toEqual(
			hex('0101002c 2112a442 b7e7a701 bc34d686 fa87dfae 00200008 0001a147 e112a643'),
		);
	});

	it('The answer to a check has an IPv6 address as in the other sample', () => {
		const from = { address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32_853 };
		const answer = answerCheck(readCheck(SAMPLE)!, from, SAMPLE_PASSWORD);
		expect(answer.subarray(20, 44)).toEqual(
			hex('00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9'),
		);
	});

	it.each([
		['::1', '00000000 00000000 00000000 00000001'],
		['fe80::1%eth0', 'fe800000 00000000 00000000 00000001'],
	])('The address %s is written in full', (address, bytes) => {
		const answer = answerCheck(readCheck(SAMPLE)!, { address, port: 1 }, SAMPLE_PASSWORD);
		const mask = Buffer.concat([hex('2112a442'), SAMPLE.subarray(8, 20)]);
		expect(answer.subarray(28, 44).map((byte, at) => byte ^ mask[at])).toEqual(hex(bytes));
	});

	it('The reader rejects whatever is damaged or cut off', () => {
		fc.assert(
			fc.property(fc.nat(SAMPLE.length - 1), fc.nat(7), (at, bit) => {
				const damaged = Buffer.from(SAMPLE);
				damaged[at] = damaged[at] ^ (1 << bit);
				expect(readCheck(damaged)).toBeUndefined();
				expect(readCheck(SAMPLE.subarray(0, at))).toBeUndefined();
			}),
		);
	});

	it('The reader survives any bytes', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
				const head = SAMPLE.subarray(0, 8);
				expect(readCheck(Buffer.from(bytes))).toBeUndefined();
				expect(readCheck(Buffer.concat([head, bytes]))).toBeUndefined();
			}),
		);
		expect(isStun(Buffer.alloc(0))).toBe(false);
	});
});

/** A check as the controlling side makes it. */
function makeCheck({
	username,
	password,
	role = 0x802a,
	nominates = true,
	priority = 100,
}: {
	username?: string;
	password: string;
	role?: number;
	nominates?: boolean;
	priority?: number;
}): Buffer {
	const attribute = (type: number, value: Buffer) => {
		const head = Buffer.alloc(4);
		head.writeUInt16BE(type, 0);
		head.writeUInt16BE(value.length, 2);
		return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
	};
	const withLength = (message: Buffer, more: number) => {
		const copy = Buffer.from(message);
		copy.writeUInt16BE(message.length - 20 + more, 2);
		return copy;
	};
	let message = Buffer.concat([
		hex('00010000 2112a442 000102030405060708090a0b'),
		...(username === undefined ? [] : [attribute(0x0006, Buffer.from(username))]),
		attribute(0x0024, Buffer.from([0, 0, 0, priority])),
		attribute(role, Buffer.alloc(8)),
		...(nominates ? [attribute(0x0025, Buffer.alloc(0))] : []),
	]);
	const hmac = createHmac('sha1', password).update(withLength(message, 24)).digest();
	message = withLength(Buffer.concat([message, attribute(0x0008, hmac)]), 8);
	const sum = Buffer.alloc(4);
	sum.writeUInt32BE((crc32(message) ^ 0x5354554e) >>> 0);
	return Buffer.concat([message, attribute(0x8028, sum)]);
}

describe('the ICE-lite agent', () => {
	let agent: IceLite;
	let port: number;
	let peer: Socket;
	let answers: Buffer[];

	beforeEach(async () => {
		agent = new IceLite();
		port = await agent.open();
		peer = createSocket('udp4');
		await new Promise<void>((resolve) => peer.bind(0, '127.0.0.1', resolve));
		answers = [];
		peer.on('message', (answer: Buffer) => answers.push(answer));
	});

	afterEach(() => {
		agent.close();
		peer.close();
	});

	const send = (datagram: Buffer) => peer.send(datagram, port, '127.0.0.1');
	const answered = async (count: number) =>
		await poll('answer', 60_000, async () => answers.length >= count || undefined, { interval: 5 });
	const good = () => ({ username: `${agent.ufrag}:peer`, password: agent.password });
	/** Sends something, and then a good check, so that the answer to the latter comes last. */
	const refusal = async (datagram: Buffer) => {
		send(datagram);
		send(makeCheck(good()));
		await answered(1);
		return answers.length === 1 ? undefined : answers[0];
	};

	it('The agent answers a good check before and after the other side is known', async () => {
		send(makeCheck(good()));
		await answered(1);
		agent.expect('peer');
		send(makeCheck(good()));
		await answered(2);
		expect(answers.map((answer) => answer.readUInt16BE(0))).toEqual([0x0101, 0x0101]);
		const mappedPort = answers[0].readUInt16BE(26) ^ 0x2112;
		expect(mappedPort).toBe(peer.address().port);
	});

	it.each([
		['with another password', () => makeCheck({ ...good(), password: 'another' })],
		['for another agent', () => makeCheck({ ...good(), username: 'another:peer' })],
		['without a name', () => makeCheck({ password: agent.password })],
		['of a stranger', () => makeCheck({ ...good(), username: `${agent.ufrag}:stranger` })],
		['that is no check', () => Buffer.from([0, 1, 2, 3])],
	])('The agent does not answer a check %s', async (_, check) => {
		agent.expect('peer');
		expect(await refusal(check())).toBeUndefined();
	});

	it('The agent insists on its role', async () => {
		agent.expect('peer');
		const refused = (await refusal(makeCheck({ ...good(), role: 0x8029 })))!;
		expect(refused.readUInt16BE(0)).toBe(0x0111);
		expect(refused.subarray(20, 28)).toEqual(hex('00090004 00000457'));
	});

	it('The agent uses the path that the other side chooses, and accepts media from no other', async () => {
		const onPath = jest.fn();
		const media: string[] = [];
		agent.onPath = onPath;
		agent.onMedia = (datagram) => media.push(datagram.toString('latin1', 1));
		send(Buffer.from('\x80too early', 'latin1'));
		send(makeCheck({ ...good(), nominates: false }));
		await answered(1);
		agent.expect('peer');
		expect(onPath).not.toHaveBeenCalled();

		send(makeCheck(good()));
		await answered(2);
		expect(onPath).toHaveBeenCalledTimes(1);
		const stranger = createSocket('udp4');
		stranger.send(Buffer.from('\x80of a stranger', 'latin1'), port, '127.0.0.1', () => {
			stranger.close();
			send(Buffer.from('\x80of the peer', 'latin1'));
		});
		await poll('media', 60_000, async () => media.length > 0 || undefined, { interval: 5 });
		expect(media).toEqual(['of the peer']);
		agent.send(Buffer.from('to the peer'));
		await answered(3);
		expect(answers[2].toString()).toBe('to the peer');
	});

	it('The agent accepts a path chosen before the other side was known, and a handshake too', async () => {
		const order: string[] = [];
		agent.onPath = () => order.push('path');
		// Handshake messages of two parts, as those of browsers are; the first attempt is incomplete.
		const part = (offset: number, word: string) => {
			const head = Buffer.alloc(25);
			head[0] = 22;
			head.writeUIntBE(offset, 19, 3);
			send(Buffer.concat([head, Buffer.from(word)]));
		};
		agent.onDtls = (datagram) => order.push(datagram.toString('latin1', 25));
		send(makeCheck(good()));
		part(0, 'lost');
		part(0, 'hel');
		part(3, 'lo');
		send(makeCheck(good()));
		await answered(2);
		expect(order).toEqual([]);
		agent.expect('peer');
		expect(order).toEqual(['path', 'hel', 'lo']);
	});

	it.each([
		['before the other side is known', [200, 100], false],
		['before the other side is known, the better one last', [100, 200], false],
		['after that', [200, 100], true],
		['after that, the better one last', [100, 200], true],
	])(
		'The agent takes the best of several paths that a browser nominates at once, %s',
		async (_, priorities, isKnown) => {
			const taken: string[] = [];
			agent.onDtls = (datagram) => taken.push(datagram.toString('latin1', 1));
			if (isKnown) agent.expect('peer');
			const peers = await Promise.all(
				priorities.map(async (priority) => {
					const socket = createSocket('udp4');
					await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
					const got: Buffer[] = [];
					socket.on('message', (datagram: Buffer) => got.push(datagram));
					return { priority, socket, got };
				}),
			);
			const until = async (condition: () => boolean) =>
				await poll('datagram', 60_000, async () => condition() || undefined, { interval: 5 });
			try {
				for (const { socket, priority, got } of peers) {
					socket.send(makeCheck({ ...good(), priority }), port, '127.0.0.1');
					await until(() => got.length === 1);
				}
				agent.expect('peer');
				// The handshake comes on the path that the browser thinks best, or on another that works.
				for (const { socket, priority } of peers) {
					socket.send(Buffer.from(`\x16${priority}`, 'latin1'), port, '127.0.0.1');
				}
				await until(() => taken.length === 2);
				agent.send(Buffer.from('to the best'));
				const best = peers.find(({ priority }) => priority === 200)!;
				await until(() => best.got.length === 2);
				expect(best.got[1].toString()).toBe('to the best');
			} finally {
				for (const { socket } of peers) socket.close();
			}
		},
	);

	it('The agent takes no path from a stranger who came first', async () => {
		const onPath = jest.fn();
		agent.onPath = onPath;
		send(makeCheck({ ...good(), username: `${agent.ufrag}:stranger` }));
		await answered(1);
		agent.expect('peer');
		expect(onPath).not.toHaveBeenCalled();
	});
});

it('The agent answers at each address of its network interface, on one port', async () => {
	const addresses = await findAddresses('127.0.0.1');
	const agent = new IceLite({}, addresses);
	const port = await agent.open();
	const wanted = [addresses.ipv4, ...(addresses.ipv6 === undefined ? [] : [addresses.ipv6])];
	try {
		for (const address of wanted) {
			const peer = createSocket(isIPv4(address) ? 'udp4' : 'udp6');
			const answer = new Promise<Buffer>((resolve) => peer.once('message', resolve));
			await new Promise<void>((resolve) => peer.bind(0, address, resolve));
			const username = `${agent.ufrag}:peer`;
			peer.send(makeCheck({ username, password: agent.password }), port, address);
			expect((await answer).readUInt16BE(0)).toBe(0x0101);
			agent.expect('peer');
			agent.send(Buffer.from('to the peer'));
			const [media] = (await once(peer, 'message')) as [Buffer];
			expect(media.toString()).toBe('to the peer');
			peer.close();
		}
	} finally {
		agent.close();
	}
});
