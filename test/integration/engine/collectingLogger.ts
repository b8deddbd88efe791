import { everythingIn } from './everythingIn';

/** Keeps what nodes log, so that tests can look for it, and for secrets in it. */
export class CollectingLogger {
	constructor(private readonly lines: string[]) {}

	scoped(): this {
		return this;
	}

	error(message: string, metadata?: unknown): void {
		this.lines.push(`error ${message} ${printed(metadata)}`);
	}

	warn(message: string, metadata?: unknown): void {
		this.lines.push(`warn ${message} ${printed(metadata)}`);
	}

	info(message: string, metadata?: unknown): void {
		this.lines.push(`info ${message} ${printed(metadata)}`);
	}

	debug(message: string, metadata?: unknown): void {
		this.lines.push(`debug ${message} ${printed(metadata)}`);
	}
}

const printed = (metadata: unknown) => (metadata === undefined ? '' : everythingIn(metadata));
