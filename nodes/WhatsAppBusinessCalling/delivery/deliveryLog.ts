import type { Logger } from 'n8n-workflow';

/** Lines that one delivery may add to the log of n8n, whatever it holds; then one says that there was more. */
const MAX_LINES = 20;

/** What is said of one delivery in the log of n8n. */
export class DeliveryLog {
	private lines = 0;

	constructor(
		private readonly logger: Logger,
		private readonly nodeName = 'WhatsApp Business Calling Trigger',
	) {}

	warn(text: string): void {
		this.add('warn', text);
	}

	error(text: string): void {
		this.add('error', text);
	}

	private add(level: 'warn' | 'error', text: string): void {
		this.lines++;
		if (this.lines > MAX_LINES + 1) return;
		const said =
			this.lines > MAX_LINES ? 'further log lines for this delivery were suppressed' : text;
		this.logger[level](`${this.nodeName}: ${said}`);
	}
}
