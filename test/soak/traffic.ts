import { randomUUID } from 'node:crypto';
import {
	createSyntheticMedia,
	makeSdp,
	type CreatedRecording,
	type DeliverOptions,
	type Emulator,
	type MediaContent,
	type WebhookUpdate,
} from '../../emulator';
import type { Random } from './random';

/** What an operator's storage must have been given once: under which name, and with which bytes. */
export interface ExpectedItem {
	key: string;
	/** Null for an event that has no file. */
	sha256Hex: string | null;
}

export interface PlannedDelivery {
	kind: Kind;
	updates: WebhookUpdate[];
	options: DeliverOptions & { url: string };
	/** Whether Meta sends it, and must be answered 200 in the end; otherwise it must never be. */
	genuine: boolean;
	/** Items that come out of it for the first time; none where it is a copy. */
	items: ExpectedItem[];
}

/**
 * The mix, as how many of 30 deliveries are of a kind. Ten of them bring a new recording. A pair is two
 * deliveries of the same thing at the same moment.
 */
const MIX = {
	recording: 8,
	recordingsAmongOthers: 1,
	pair: 1,
	laterCopy: 2,
	eventWithoutFile: 5,
	eventNotChosen: 4,
	otherNumber: 3,
	otherField: 2,
	forged: 3,
};

export type Kind = keyof typeof MIX;

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

/** `Traffic.next()` gives more than one delivery for a pair. */
export const DELIVERIES_PER_ARRIVAL =
	(sum(Object.values(MIX)) + MIX.pair) / sum(Object.values(MIX));

const SMALLEST_BYTES = 100_000;
const LARGEST_BYTES = 16_000_000;
const SIZES = 40;
/** A copy is of one of so many deliveries before it. */
const REMEMBERED = 100;

/** Sizes at equal ratios, as of many short calls and a few long ones. */
const sizes = () =>
	Array.from({ length: SIZES }, (_, step) =>
		Math.round(SMALLEST_BYTES * (LARGEST_BYTES / SMALLEST_BYTES) ** (step / (SIZES - 1))),
	);

/**
 * Makes one delivery after the other. Kinds and sizes come in shuffled rounds, so that every stretch of
 * the run is alike, and the same seed makes the same traffic.
 */
export class Traffic {
	private readonly kinds: Iterator<Kind, never>;

	private readonly contents: Iterator<MediaContent, never>;

	private readonly recent: PlannedDelivery[] = [];

	private constructor(
		private readonly emulator: Emulator,
		/** Of the workflows that share the traffic. */
		private readonly urls: [string, ...string[]],
		private readonly random: Random,
		contents: MediaContent[],
	) {
		const kinds = Object.entries(MIX) as Array<[Kind, number]>;
		this.kinds = rounds(
			kinds.flatMap(([kind, count]) => Array<Kind>(count).fill(kind)),
			random,
		);
		this.contents = rounds(contents, random);
	}

	/** The files are hashed here, and not in the middle of the run. */
	static async create(
		emulator: Emulator,
		urls: [string, ...string[]],
		random: Random,
	): Promise<Traffic> {
		const contents: MediaContent[] = [];
		for (const [seed, sizeBytes] of sizes().entries()) {
			contents.push(await createSyntheticMedia({ sizeBytes, seed }));
		}
		return new Traffic(emulator, urls, random, contents);
	}

	/** What arrives next: one delivery, or two at the same moment. */
	async next(): Promise<PlannedDelivery[]> {
		const kind = this.kinds.next().value;
		if (kind === 'laterCopy') return [this.copyOf(this.random.pick(this.recent), kind)];
		const planned = await this.plan(kind);
		if (planned.items.length > 0) {
			this.recent.push(planned);
			if (this.recent.length > REMEMBERED) this.recent.shift();
		}
		return kind === 'pair' ? [planned, this.copyOf(planned, kind)] : [planned];
	}

	private copyOf(original: PlannedDelivery | undefined, kind: Kind): PlannedDelivery {
		// Only the very first deliveries have nothing before them.
		if (original === undefined) return this.delivery(kind, [this.messageUpdate()]);
		return { ...original, kind, items: [] };
	}

	private async plan(kind: Exclude<Kind, 'laterCopy'>): Promise<PlannedDelivery> {
		switch (kind) {
			case 'recording':
			case 'pair': {
				const recording = await this.recording();
				return this.delivery(kind, [recording.update], { items: [itemOf(recording)] });
			}
			case 'recordingsAmongOthers': {
				const recordings = [await this.recording(), await this.recording()];
				const ended = this.endedCall();
				const updates = [
					this.ringingUpdate(),
					recordings[0].update,
					this.messageUpdate(),
					ended.update,
					recordings[1].update,
				];
				return this.delivery(kind, updates, {
					items: [...recordings.map(itemOf), ended.item],
					options: { layout: this.random.pick(['changes', 'merged', 'entries'] as const) },
				});
			}
			case 'eventWithoutFile': {
				const { update, item } = this.endedCall();
				return this.delivery(kind, [update], { items: [item] });
			}
			case 'eventNotChosen':
				return this.delivery(kind, [
					this.random.next() < 0.5 ? this.ringingUpdate() : this.connectUpdate(),
				]);
			case 'otherNumber':
				return this.delivery(kind, [(await this.recording(1)).update]);
			case 'otherField':
				return this.delivery(kind, [this.messageUpdate()]);
			case 'forged':
				return this.delivery(kind, [(await this.recording()).update], {
					genuine: false,
					options: {
						signature: this.random.pick(['wrong', 'missing', `sha256=${'0'.repeat(64)}`]),
						redeliver: false,
					},
				});
		}
	}

	private delivery(
		kind: Kind,
		updates: WebhookUpdate[],
		more: {
			items?: ExpectedItem[];
			genuine?: boolean;
			options?: DeliverOptions;
		} = {},
	): PlannedDelivery {
		return {
			kind,
			updates,
			options: { ...more.options, url: this.random.pick(this.urls) },
			genuine: more.genuine ?? true,
			items: more.items ?? [],
		};
	}

	private async recording(number = 0): Promise<CreatedRecording> {
		return await this.emulator.createRecording({
			phoneNumberId: this.emulator.account.phoneNumbers[number].id,
			content: this.contents.next().value,
		});
	}

	/** A terminate event: for an operator an item without a file. */
	private endedCall(): { update: WebhookUpdate; item: ExpectedItem } {
		const call = this.call();
		const now = Number(call.timestamp);
		const update = this.update('calls', {
			calls: [
				{
					...call,
					event: 'terminate',
					status: 'COMPLETED',
					start_time: String(now - 60),
					end_time: String(now),
					duration: 60,
				},
			],
		});
		return { update, item: { key: call.id, sha256Hex: null } };
	}

	private connectUpdate(): WebhookUpdate {
		const session = { sdp_type: 'offer', sdp: makeSdp('offer') };
		return this.update('calls', { calls: [{ ...this.call(), event: 'connect', session }] });
	}

	private ringingUpdate(): WebhookUpdate {
		const { id, timestamp, from } = this.call();
		return this.update('calls', {
			statuses: [{ id, timestamp, type: 'call', status: 'RINGING', recipient_id: from }],
		});
	}

	private messageUpdate(): WebhookUpdate {
		const { timestamp, from } = this.call();
		const id = `wamid.${randomUUID()}`;
		return this.update('messages', {
			messages: [{ id, from, timestamp, type: 'text', text: { body: 'Is anybody there?' } }],
		});
	}

	private call() {
		const { account, clock } = this.emulator;
		return {
			id: `wacid.${randomUUID()}`,
			from: account.users[0].waId,
			from_user_id: account.users[0].userId,
			to: account.phoneNumbers[0].displayPhoneNumber.replace(/\D/g, ''),
			direction: 'USER_INITIATED',
			timestamp: clock.timestamp(),
		};
	}

	private update(field: string, value: Record<string, unknown>): WebhookUpdate {
		const [user] = this.emulator.account.users;
		const contacts = [{ profile: { name: user.name }, wa_id: user.waId, user_id: user.userId }];
		const [{ id: phoneNumberId }] = this.emulator.account.phoneNumbers;
		return { phoneNumberId, field, value: { contacts, ...value } };
	}
}

const itemOf = ({ mediaId, media }: CreatedRecording): ExpectedItem => ({
	key: mediaId,
	sha256Hex: media.content.sha256Hex,
});

/** All of a list in a random order, then all of it again in another one, without end. */
function* rounds<T>(list: T[], random: Random): Generator<T, never> {
	for (;;) yield* random.shuffled(list);
}
