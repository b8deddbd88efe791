import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { makeSdp } from '../emulator/sdp';

export interface MediaServer {
	/** Takes `{callId, sdp}` with an SDP offer, and returns `{sdp}` with the answer. */
	url: string;
	stop(): Promise<void>;
}

/**
 * Stands in for the WebRTC server or voice agent that an operator brings along: it answers the offer,
 * but no sound flows.
 */
export async function startMediaServer(): Promise<MediaServer> {
	const server = createServer((request, response) => {
		json(request).then(
			(body) => {
				const { sdp } = body as { sdp?: unknown };
				const isOffer = typeof sdp === 'string' && sdp.startsWith('v=0');
				response.writeHead(isOffer ? 200 : 400, { 'content-type': 'application/json' });
				response.end(
					JSON.stringify(isOffer ? { sdp: makeSdp('answer') } : { error: 'No SDP offer' }),
				);
			},
			() => response.writeHead(400).end(),
		);
	});
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(0, '127.0.0.1', resolve);
	});
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://127.0.0.1:${port}/answer`,
		async stop() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}
