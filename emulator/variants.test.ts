import { NUMBER, PERSON } from '../test/support/constants';
import { graph } from '../test/support/graph';
import { Receiver } from '../test/support/receiver';
import { makeSdp, startEmulator, VARIANTS, type Emulator, type Variants } from './index';

const ANA = { from: PERSON, userId: 'US.13491208655302741918' };
const recording = { status: 'ENABLED', purpose: 'quality', announcement_language: 'en' };

type Value = Record<string, unknown>;

let emulator: Emulator;
let receiver: Receiver;

beforeEach(async () => {
	receiver = await new Receiver().start();
	emulator = await startEmulator({ recordingDelayMs: 0, redeliveryDelaysMs: [] });
	emulator.presetSubscription(receiver.url, ['calls', 'messages']);
});

afterEach(async () => {
	await emulator.stop();
	await receiver.stop();
});

/** The values of all changes, a list per delivery. */
async function deliveries(): Promise<Value[][]> {
	await emulator.whenIdle();
	return receiver.webhooks.map(({ raw }) => {
		const { entry } = JSON.parse(raw.toString()) as {
			entry: Array<{ changes: Array<{ value: Value }> }>;
		};
		return entry.flatMap(({ changes }) => changes.map(({ value }) => value));
	});
}
const values = async () => (await deliveries()).flat();
const first = (list: unknown) => (list as Value[] | undefined)?.[0] ?? {};
const choose = (variants: Partial<Variants>) => Object.assign(emulator.variants, variants);

async function businessCalls(): Promise<string> {
	const { body } = await graph(emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		to: ANA.from,
		action: 'connect',
		session: { sdp_type: 'offer', sdp: makeSdp('offer') },
		biz_opaque_callback_data: 'case 7',
		recording,
		transcription: recording,
	});
	return String(first(body.calls).id);
}

async function userCallIsAccepted(): Promise<string> {
	const { id } = emulator.userCalls();
	await graph(emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		call_id: id,
		action: 'accept',
		session: { sdp_type: 'answer', sdp: makeSdp('answer') },
		recording,
	});
	return id;
}

describe('the errors of a failed call', () => {
	const error = { code: 138021, message: 'Media receive timeout', details: 'No packets' };
	const { details, ...told } = error;
	const seen = { ...told, title: told.message, error_data: { details } };
	const documented = { ...told, href: expect.any(String) as string, error_data: { details } };

	it.each<[Variants['terminateErrors'], unknown, unknown]>([
		['both', [seen], [seen]],
		['value', undefined, [documented]],
		['call', [seen], undefined],
	])('Errors can be in the form %s', async (terminateErrors, inCall, beside) => {
		choose({ terminateErrors });
		const { id } = emulator.userCalls();
		emulator.hangUp(id, { error });
		const value = (await values()).at(-1) ?? {};
		expect(value.errors).toEqual(beside);
		expect(first(value.calls)).toMatchObject({ event: 'terminate', status: 'FAILED' });
		expect(first(value.calls).errors).toEqual(inCall);
	});

	it('Errors can have a title of their own', async () => {
		emulator.hangUp(emulator.userCalls().id, { error: { ...error, title: 'No media' } });
		expect((await values()).at(-1)?.errors).toMatchObject([{ title: 'No media' }]);
	});
});

describe("the person's user IDs", () => {
	/** Whether elements, and contacts, name the person: from one of every kind of update. */
	const named = async () => {
		const callId = await businessCalls();
		emulator.userPicksUp(callId);
		emulator.hangUp(callId);
		emulator.userCalls();
		emulator.userAnswersPermissionRequest({ accept: true });
		emulator.permissionRequestFails();
		emulator.deliver([await emulator.createVoicemail()]);
		return (await values()).map((value) => {
			const element = first(value.calls ?? value.statuses ?? value.messages);
			const names = Object.keys(element).filter((name) => /_(parent_)?user_id$/.test(name));
			return [names.length, Object.keys(first(value.contacts)).length] as const;
		});
	};

	it.each<[Variants['userIdsIn'], number, number]>([
		['both', 2, 4],
		['contacts', 0, 4],
		['elements', 2, 2],
	])('User IDs are in %s', async (userIdsIn, inElement, inContact) => {
		choose({ userIdsIn, fileEvents: 'detailed' });
		const found = await named();
		// Ringing, connect, accepted, terminate and two files; connect; three messages.
		expect(found).toHaveLength(10);
		expect(new Set(found.map(String))).toEqual(new Set([`${inElement},${inContact}`]));
	});

	it('User IDs stay in the event of a file, which has no contacts', async () => {
		choose({ userIdsIn: 'contacts' });
		const { event } = await emulator.createRecording();
		expect(event.from_user_id).toBe(ANA.userId);
	});

	it('User IDs come with the user name, and without a phone number that is hidden', async () => {
		const from = 'GB.94640118273650027741';
		emulator.userCalls({ from });
		await emulator.whenIdle();
		emulator.userAnswersPermissionRequest({ from, accept: true });
		const [connect = {}, reply = {}] = await values();
		const contact = { profile: { name: 'Chloé', username: 'chloe.calls' }, user_id: from };
		expect([connect.contacts, reply.contacts]).toEqual([[contact], [contact]]);
		expect(first(connect.calls)).not.toHaveProperty('from');
		expect(first(reply.messages)).not.toHaveProperty('from');
		expect(first(reply.messages).from_user_id).toBe(from);
	});
});

describe('numbers', () => {
	const wholeCall = async () => {
		const id = await userCallIsAccepted();
		emulator.hangUp(id, { durationSeconds: 5, error: { code: 138021, message: 'x' } });
		emulator.userAnswersPermissionRequest({ accept: true });
		emulator.deliver([await emulator.createVoicemail()]);
		return (await deliveries()).flat();
	};
	const leaves = (value: unknown): unknown[] =>
		typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value];

	it('All numbers can be text', async () => {
		choose({ numbersAs: 'text' });
		const sent = await wholeCall();
		expect(new Set(leaves(sent).map((leaf) => typeof leaf))).toEqual(new Set(['string']));
		expect(JSON.stringify(sent)).toContain('"duration":"5"');
		expect(JSON.stringify(sent)).toContain('"is_permanent":"false"');
	});

	it('Numbers can be times', async () => {
		choose({ numbersAs: 'numbers' });
		const text = JSON.stringify(await wholeCall());
		for (const name of ['timestamp', 'start_time', 'end_time', 'expiration_timestamp']) {
			expect(text).toMatch(new RegExp(`"${name}":\\d{10}\\b`));
			expect(text).not.toContain(`"${name}":"`);
		}
	});
});

describe('the events of files', () => {
	const files = async () => {
		const callId = await businessCalls();
		emulator.userPicksUp(callId);
		emulator.hangUp(callId);
		return (await values()).slice(-2);
	};

	it('An event of a file can have all that other events of the call have', async () => {
		choose({ fileEvents: 'detailed' });
		for (const value of await files()) {
			expect(first(value.calls)).toMatchObject({
				from: '442079460958',
				to: ANA.from,
				to_user_id: ANA.userId,
				direction: 'BUSINESS_INITIATED',
				biz_opaque_callback_data: 'case 7',
			});
			expect(value.contacts).toMatchObject([{ wa_id: ANA.from, user_id: ANA.userId }]);
		}
	});

	it('An event of a file can have it without a call', async () => {
		choose({ fileEvents: 'detailed' });
		const order = { direction: 'BUSINESS_INITIATED', bizOpaqueCallbackData: 'x' } as const;
		const { event, update } = await emulator.createRecording(order);
		expect(event).toMatchObject({ to: ANA.from, biz_opaque_callback_data: 'x' });
		expect(update.value.contacts).toHaveLength(1);
	});

	it.each([
		['call_transcription_available', 'call_transcript'],
		['call_transcription_available', 'call_transcription'],
		['call_transcript_available', 'call_transcript'],
	] as const)(
		'The event can name a transcript %s and %s',
		async (transcriptionEvent, transcriptKey) => {
			choose({ transcriptionEvent, transcriptKey });
			const { event, mediaId } = await emulator.createRecording({ transcript: true });
			expect(event).toMatchObject({
				event: transcriptionEvent,
				[transcriptKey]: { document: { id: mediaId } },
			});
			expect(Object.keys(event).filter((name) => name.startsWith('call_'))).toEqual([
				transcriptKey,
			]);
		},
	);

	it('A file can have another type', async () => {
		const { event, mediaId } = await emulator.createRecording({ type: 'video' });
		expect(event.call_recording).toMatchObject({ type: 'video', video: { id: mediaId } });
	});
});

it.each<[Variants['connectSdp'], boolean, boolean]>([
	['session', true, false],
	['connection', false, true],
	['both', true, true],
])(
	'The SDP answer of a call from the business can be in %s',
	async (connectSdp, session, connection) => {
		choose({ connectSdp });
		const callId = await businessCalls();
		emulator.userCalls({ from: '14085555678' });
		const connects = (await values()).map(({ calls }) => first(calls));
		const by = (direction: string) => connects.find((one) => one.direction === direction) ?? {};
		const ofUser = by('USER_INITIATED');
		const call = by('BUSINESS_INITIATED') as {
			session?: { sdp: string };
			connection?: { webrtc: { sdp: string } };
		};
		const sdp = emulator.call(callId)?.sdp;
		expect(call.session?.sdp).toBe(session ? sdp : undefined);
		if (connection) {
			expect(JSON.parse(call.connection?.webrtc.sdp ?? '')).toEqual({ sdp, type: 'answer' });
		} else {
			expect(call).not.toHaveProperty('connection');
		}
		expect(ofUser).toMatchObject({ session: { sdp_type: 'offer' } });
		expect(ofUser).not.toHaveProperty('connection');
	},
);

describe('events of a call at the same moment', () => {
	const declined = async (callUpdates: Variants['callUpdates']) => {
		choose({ callUpdates });
		emulator.userRejects(await businessCalls());
		return await deliveries();
	};

	it('The events can come separately', async () => {
		expect((await declined('separate')).map(({ length }) => length)).toEqual([1, 1, 1, 1]);
	});

	it('The events can come in one delivery', async () => {
		const [, declining = []] = await declined('oneDelivery');
		expect(declining.map((value) => Object.keys(value))).toMatchObject([
			expect.arrayContaining(['statuses']) as string[],
			expect.arrayContaining(['calls']) as string[],
		]);
	});

	it('The events can come in one change, which names the person once', async () => {
		const sent = await declined('oneChange');
		expect(sent.map(({ length }) => length)).toEqual([1, 1]);
		expect(sent[1]?.[0]).toMatchObject({
			statuses: [{ status: 'REJECTED' }],
			calls: [{ event: 'terminate' }],
			contacts: [{ wa_id: ANA.from }],
		});
	});
});

it('A terminate can say more than it normally does', async () => {
	const event = { status: ['Failed', 'Completed'], extra: 1 };
	emulator.hangUp(emulator.userCalls().id, { event, omit: ['direction'] });
	const terminate = first((await values()).at(-1)?.calls);
	expect(terminate).toMatchObject(event);
	expect(terminate).not.toHaveProperty('direction');
});

it('The emulator starts with the first value of each variant', () => {
	expect(emulator.variants).toEqual(
		Object.fromEntries(Object.entries(VARIANTS).map(([name, [value]]) => [name, value])),
	);
});
