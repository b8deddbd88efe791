import {
	digitsOf,
	phoneOf,
	type Account,
	type MessageTemplate,
	type PhoneNumber,
	type WhatsAppUser,
} from './account';
import type { Call, Calls } from './calls';
import type { Clock } from './clock';
import { GraphError, invalidParameter } from './errors';
import { newMessageId } from './ids';
import { parseMessage, type MessageContent } from './messageRequest';
import { knownError, type Payloads } from './payloads';
import type { Permissions } from './permissions';
import type { Webhooks } from './webhooks';

interface SentMessage {
	id: string;
	phoneNumberId: string;
	user: WhatsAppUser;
	content: MessageContent;
	/** Unix milliseconds. */
	sentAt: number;
}

type TemplateMessage = Extract<MessageContent, { kind: 'template' }>;

const MINUTE_MS = 60_000;

/** Messages of the business that have to do with calls, and what people do with them. */
export class Messages {
	private readonly sent: SentMessage[] = [];

	constructor(
		private readonly account: Account,
		private readonly clock: Clock,
		private readonly webhooks: Webhooks,
		private readonly payloads: Payloads,
		private readonly calls: Calls,
		private readonly permissions: Permissions,
	) {}

	/** `POST /<PHONE_NUMBER_ID>/messages`. */
	send(number: PhoneNumber, body: unknown): { body: unknown; afterwards?: () => void } {
		const { to, recipient, content } = parseMessage(body);
		const input = to ?? recipient ?? '';
		const user = this.calls.findUser(input);
		if (!user) throw new GraphError(131030, { details: 'The recipient is not on WhatsApp' });
		const id = newMessageId(user.waId);
		const template = content.kind === 'template' ? this.templateOf(content) : undefined;
		const asksForCalls = content.kind === 'permissionRequest' || template?.asksForCalls === true;
		if ((asksForCalls || content.kind === 'callButton') && !number.callingEnabled) {
			throw new GraphError(138000, { details: 'Calling is not enabled on this phone number' });
		}
		if (asksForCalls) {
			this.permissions.request(number, user, id);
		}
		const inTime = template !== undefined || (user.windowClosesAt ?? Infinity) > this.clock.now();
		if (inTime) {
			const sentAt = this.clock.now();
			this.sent.push({ id, phoneNumberId: number.id, user, content, sentAt });
		}
		return {
			body: {
				messaging_product: 'whatsapp',
				contacts: [
					{
						input,
						...(to === undefined ? phoneOf('wa_id', user) : { wa_id: user.waId }),
						user_id: user.userId,
					},
				],
				messages: [{ id }],
			},
			// Meta takes the message, and says later that it was too late for it.
			...(!inTime && { afterwards: () => this.fail(number, user, id) }),
		};
	}

	/** The user taps a call button: the newest one, or that of a message. */
	tapCallButton(messageId?: string): Call {
		const message = this.sent.findLast(
			({ id, content }) =>
				content.kind === 'callButton' && (messageId === undefined || id === messageId),
		);
		if (message?.content.kind !== 'callButton') throw new Error('There is no such call button');
		const { content, phoneNumberId, sentAt, user } = message;
		if (sentAt + content.ttlMinutes * MINUTE_MS <= this.clock.now()) {
			throw new Error('The call button has expired');
		}
		return this.calls.userCalls({
			phoneNumberId,
			from: user.userId,
			...(content.payload !== undefined && { ctaPayload: content.payload }),
		});
	}

	/** A user opens a call link on a phone (Meta, "Call button messages and deep links"). */
	openCallLink(link: string, from?: string): Call {
		const url = URL.canParse(link) ? new URL(link) : undefined;
		const digits = /^\/call\/(\d{5,15})$/.exec(url?.pathname ?? '')?.[1];
		const names = [...(url?.searchParams.keys() ?? [])];
		if (
			url?.protocol !== 'https:' ||
			url.host !== 'wa.me' ||
			digits === undefined ||
			names.some((name) => name !== 'biz_payload') ||
			names.length > 1
		) {
			throw new Error(`Not a call link: ${link}`);
		}
		const number = this.account.phoneNumbers.find(
			({ displayPhoneNumber }) => digitsOf(displayPhoneNumber) === digits,
		);
		if (!number) throw new Error(`${digits} is not a number of this account`);
		const deeplinkPayload = url.searchParams.get('biz_payload');
		return this.calls.userCalls({
			phoneNumberId: number.id,
			from,
			...(deeplinkPayload !== null && { deeplinkPayload }),
		});
	}

	/** The template of a message, if its parameters fit. */
	private templateOf(content: TemplateMessage): MessageTemplate {
		const template = this.account.templates.find(
			({ name, language }) => name === content.name && language === content.language,
		);
		if (!template) {
			throw new GraphError(132001, {
				details: `template name (${content.name}) does not exist in ${content.language}`,
			});
		}
		if (template.status === 'PAUSED') throw new GraphError(132015);
		if (template.status === 'DISABLED') throw new GraphError(132016);
		for (const part of ['header', 'body'] as const) {
			const [wanted, given] = [template[part], content[part]];
			if (wanted.length !== given.length) {
				throw new GraphError(132000, {
					details: `${part}: number of localizable_params (${given.length}) does not match the expected number of params (${wanted.length})`,
				});
			}
			if (wanted.every((name) => /^\d+$/.test(name))) continue;
			const names = given.map(({ name }) => name);
			if (names.includes(undefined)) {
				throw invalidParameter(`${part}: Parameter name is missing or empty`);
			}
			if (wanted.some((name) => !names.includes(name))) throw new GraphError(132012);
		}
		return template;
	}

	private fail(number: PhoneNumber, user: WhatsAppUser, id: string): void {
		const value = this.payloads.failedMessage(user, id, knownError(131047));
		this.webhooks.deliver([{ phoneNumberId: number.id, field: 'messages', value }]);
	}
}
