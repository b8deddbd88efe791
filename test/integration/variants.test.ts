import type { IDataObject } from 'n8n-workflow';
import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { makeSdp } from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import { graph } from '../support/graph';
import { VARIANTS } from '../../emulator/variants';
import { useStage } from './engineStage';

const stage = useStage();

/** A call of the business with everything on, which fails after a while, and the items that it gives. */
async function itemsOfACall(
	variants: Partial<typeof stage.emulator.variants>,
): Promise<IDataObject[]> {
	Object.assign(stage.emulator.variants, variants);
	const trigger = stage.trigger({
		events: EVENT_TYPES.map(({ name }) => name).filter((name) => name !== 'other'),
	});
	stage.emulator.presetSubscription(trigger.url, ['calls', 'messages']);
	const announced = { status: 'ENABLED', purpose: 'quality', announcement_language: 'en' };
	const { body } = await graph(stage.emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		to: PERSON,
		action: 'connect',
		session: { sdp_type: 'offer', sdp: makeSdp('offer') },
		biz_opaque_callback_data: 'ticket-1',
		recording: announced,
		transcription: announced,
	});
	const [{ id }] = body.calls as Array<{ id: string }>;
	await stage.emulator.whenIdle();
	stage.emulator.userPicksUp(id);
	stage.emulator.hangUp(id, { durationSeconds: 5, error: { code: 138021, message: 'Timeout' } });
	stage.emulator.userAnswersPermissionRequest({ accept: true });
	await stage.emulator.whenIdle();
	return trigger.items.map(({ json }) => comparable(json));
}

/** What must be the same whatever form Meta chooses; IDs, times and SDP differ from call to call. */
function comparable(json: IDataObject): IDataObject {
	const { event, status, answered, durationSeconds, accepted, isPermanent, session } = json;
	const file = (json.recording ?? json.transcription) as IDataObject | undefined;
	return {
		...{ event, status, answered, durationSeconds, accepted, isPermanent },
		person: json.userId,
		errors: (json.errors as IDataObject[] | undefined)?.map(({ code }) => code),
		sdpType: (session as IDataObject | undefined)?.sdpType,
		verified: file?.verified,
		hasCall: json.callId !== null,
		hasTime: json.timestamp !== null,
		isWhole: json.rawEvent === undefined,
	};
}

const byEvent = (items: IDataObject[]) =>
	items.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

describe('every form in which Meta can write its events', () => {
	const variants = Object.entries(VARIANTS)
		// How strictly the business's SDP is judged changes no event.
		.filter(([name]) => !name.startsWith('sdp'))
		.flatMap(([name, values]) => values.slice(1).map((value) => [name, value] as const));

	it.each(variants)('The form %s: %s gives the same items', async (name, value) => {
		const expected = await itemsOfACall({});
		expect(new Set(expected.map(({ event }) => event)).size).toBe(6);
		expect(byEvent(await itemsOfACall({ [name]: value }))).toEqual(byEvent(expected));
	});
});
