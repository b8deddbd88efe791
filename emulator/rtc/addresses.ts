import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Where the media of all calls comes from and goes to. */
export interface MediaAddresses {
	ipv4: string;
	/** Undefined where the network interface of the other has none. */
	ipv6: string | undefined;
}

/** Throws where this is not an address of this machine that calls can use. */
export async function findAddresses(ipv4: string): Promise<MediaAddresses> {
	const interfaces = Object.values(networkInterfaces()).map((addresses = []) => addresses);
	const canBeUsed = isIPv4(ipv4) && !isForMany(ipv4) && (await canListenAt(ipv4));
	if (!canBeUsed) {
		const known = interfaces.flat().filter(({ family }) => family === 'IPv4');
		throw new Error(
			`The media address ${ipv4} is not an IPv4 address of this machine. Use one of these: ${known.map(({ address }) => address).join(', ')}`,
		);
	}
	const neighbours = interfaces.find((all) => all.some(({ address }) => address === ipv4));
	// Link-local addresses (those with a scope) need the name of the interface, which an SDP cannot have.
	const ipv6 = neighbours?.find((one) => one.family === 'IPv6' && one.scopeid === 0)?.address;
	return { ipv4, ipv6 };
}

/** Any address, or multicast: a program can listen there, and nobody can be sent there. */
const isForMany = (ipv4: string) => /^(0|22[4-9]|2[3-5]\d)\./.test(ipv4);

async function canListenAt(address: string): Promise<boolean> {
	const socket = createSocket('udp4');
	try {
		await bind(socket, { port: 0, address });
		return true;
	} catch {
		return false;
	} finally {
		socket.close();
	}
}

/** Rejects where that is not possible. */
export async function bind(
	socket: Socket,
	where: { port: number; address: string },
): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		socket.once('error', reject);
		socket.bind(where, () => {
			socket.off('error', reject);
			resolve();
		});
	});
}
