import type { IncomingMessage, ServerResponse } from 'node:http';
import { LocalServer } from './localServer';

/** A host that n8n must not send the access token to. It answers as if all were well. */
export class ForeignHost extends LocalServer {
	readonly requests: IncomingMessage[] = [];

	constructor(public content: string | Buffer = '{"id":"1","success":true}') {
		super();
	}

	/** The access tokens that it was sent; undefined for a request without one. */
	get tokens(): Array<string | undefined> {
		return this.requests.map(({ headers }) => headers.authorization);
	}

	protected override respond(request: IncomingMessage, response: ServerResponse): void {
		this.requests.push(request);
		request.resume();
		response.writeHead(200, { 'content-type': 'application/json' }).end(this.content);
	}
}
