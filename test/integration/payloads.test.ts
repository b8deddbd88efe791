import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IDataObject } from 'n8n-workflow';
import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { useStage } from './engineStage';

const stage = useStage();

const FOLDER = join(__dirname, '../fixtures/payloads');

/** What real logs, Meta's pages and the tests of other clients show, with other people's data replaced. */
interface Payload {
	about: string;
	field: string;
	value: IDataObject;
	/** Fields of the items that it gives, in their order. */
	items: IDataObject[];
	/** A part of a line that the log must have. */
	log?: string;
}

const payloads = readdirSync(FOLDER).map((name) => ({
	name: name.replace('.json', ''),
	...(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Payload),
}));

describe('payloads from the wire and from other clients', () => {
	it.each(payloads)('The payload $name gives its items', async ({ field, value, items, log }) => {
		const trigger = stage.trigger({
			events: EVENT_TYPES.map(({ name }) => name),
			downloadFile: false,
		});
		const { answer } = stage.emulator.deliver([], {
			url: trigger.url,
			rawBody: JSON.stringify({ entry: [{ id: '1', changes: [{ field, value }] }] }),
			redeliver: false,
		});
		expect((await answer).status).toBe(200);
		expect(trigger.items).toHaveLength(items.length);
		expect(trigger.items.map(({ json }) => json)).toMatchObject(items);
		if (log !== undefined) expect(stage.engine.logs.join('\n')).toContain(log);
	});
});
