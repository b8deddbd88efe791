import type { IDataObject, IHookFunctions, IWebhookFunctions } from 'n8n-workflow';

import {
	bequeath,
	dropRecord,
	isRememberedElsewhere,
	keepRecord,
	parseRecord,
	previousReceiver,
	rememberedRecord,
	type RegistrationRecord,
	type Step,
} from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import { ACCOUNT, fakeWebhook } from '../fakes';
import { recordAt } from './fakeTrigger';

const PRODUCTION = 'https://n8n.example/webhook/id/webhook';
const TEST = 'https://n8n.example/webhook-test/id/webhook';
const FOREIGN = 'https://crm.example/whatsapp';
const OTHER = 'https://desk.example/whatsapp';

const recordOf = (more: Partial<RegistrationRecord> = {}) =>
	recordAt(PRODUCTION, { alsoReceives: [FOREIGN], ...more });

/** A trigger with its static data. */
function triggerWith(data: IDataObject, parameters: IDataObject = {}, workflowId = 'workflow-1') {
	const { context } = fakeWebhook(parameters);
	Object.assign(context, {
		getMode: () => 'trigger',
		getWorkflow: () => ({ id: workflowId }),
		getNodeWebhookUrl: (name: string) => (name === 'default' ? PRODUCTION : undefined),
		getWorkflowStaticData: (type: string) => (type === 'node' ? data : {}),
	});
	const hooks = context as unknown as IHookFunctions;
	return { context: context as unknown as IWebhookFunctions, hooks };
}

describe('the record in static data', () => {
	const STEPS: Step[] = [
		{ do: 'pointApp', url: FOREIGN, fields: ['calls'] },
		{ do: 'removeFields', fields: ['calls'] },
		{ do: 'joinAccount' },
		{ do: 'leaveAccount' },
		{ do: 'pointOverride', target: 'businessAccount', url: null },
		{ do: 'pointOverride', target: 'phoneNumber 106540352242922', url: FOREIGN },
		{ do: 'leaveAddress', target: 'app' },
		{ do: 'leaveAddress', target: 'phoneNumber 106540352242922' },
	];

	it('It is read as it was kept', () => {
		const data: IDataObject = {};
		const { hooks } = triggerWith(data);
		keepRecord(hooks, ACCOUNT, recordOf({ undo: STEPS }));
		expect(parseRecord(structuredClone(data))).toEqual(recordOf({ undo: STEPS }));
		dropRecord(hooks, PRODUCTION);
		expect(data).toEqual({});
	});

	it.each<[string, unknown]>([
		['nothing', undefined],
		['a step of another version', { do: 'pointPhone' }],
		['a target of another kind', { do: 'leaveAddress', target: 'phone 1' }],
		['a target without an ID', { do: 'leaveAddress', target: 'phoneNumber ' }],
		['a target with something before it', { do: 'leaveAddress', target: 'the phoneNumber 1' }],
		['a target with a path', { do: 'leaveAddress', target: 'phoneNumber 1/calls' }],
		['a target that is no text', { do: 'leaveAddress', target: 1 }],
		['the app as an override', { do: 'pointOverride', target: 'app', url: null }],
	])('One with %s counts as none', (_, step) => {
		const undo = step === undefined ? undefined : [step];
		expect(parseRecord({ registration: { ...recordOf(), undo } as IDataObject })).toBeNull();
	});
});

describe('what this process knows', () => {
	it('Another workflow has registered a URL, and this one has not', () => {
		const { hooks } = triggerWith({});
		const { hooks: other } = triggerWith({}, {}, 'workflow-2');
		expect(isRememberedElsewhere(other, PRODUCTION)).toBe(false);
		keepRecord(hooks, ACCOUNT, recordOf());
		expect(isRememberedElsewhere(hooks, PRODUCTION)).toBe(false);
		expect(isRememberedElsewhere(other, PRODUCTION)).toBe(true);
		expect(isRememberedElsewhere(other, TEST)).toBe(false);
		dropRecord(hooks, PRODUCTION);
		expect(isRememberedElsewhere(other, PRODUCTION)).toBe(false);
	});

	it('What is left to undo goes to the trigger at the URL alone', () => {
		const { hooks } = triggerWith({});
		keepRecord(hooks, ACCOUNT, recordOf({ undo: [{ do: 'joinAccount' }] }));
		bequeath(TEST, [{ do: 'leaveAccount' }]);
		expect(rememberedRecord(hooks, PRODUCTION)?.record.undo).toEqual([{ do: 'joinAccount' }]);
		bequeath(PRODUCTION, [{ do: 'leaveAccount' }]);
		expect(rememberedRecord(hooks, PRODUCTION)?.record.undo).toEqual([
			{ do: 'joinAccount' },
			{ do: 'leaveAccount' },
		]);
		dropRecord(hooks, PRODUCTION);
		expect(rememberedRecord(hooks, PRODUCTION)).toBeNull();
	});
});

describe('the webhook that was there before', () => {
	const OPTION = { options: { otherWebhookUrl: ` ${OTHER} ` } };

	it.each<[string, Partial<RegistrationRecord> | null, IDataObject, string | null | undefined]>([
		['that of the record', {}, OPTION, FOREIGN],
		['that of no one, as the record says', { alsoReceives: [] }, OPTION, null],
		['that of the option, without a record', null, OPTION, OTHER],
		['not known, without a record', null, {}, undefined],
		['not known, with an empty option', null, { options: { otherWebhookUrl: ' ' } }, undefined],
		['not known, with the record of a test', { isTest: true }, {}, undefined],
		['not known, with the record of another n8n', { instanceId: 'instance-2' }, {}, undefined],
		['not known, with the record of another workflow', { workflowId: 'w' }, {}, undefined],
		['not known, with the record of another app', { appId: '1' }, {}, undefined],
		['not known, with the record of another account', { businessAccountId: '1' }, {}, undefined],
	])('It is %s', (_, record, parameters, expected) => {
		const data =
			record === null ? {} : { registration: recordOf(record) as unknown as IDataObject };
		const { context } = triggerWith(data, parameters);
		expect(previousReceiver(context, ACCOUNT)).toBe(expected);
	});

	it('It is known before n8n has saved the record', () => {
		const { context, hooks } = triggerWith({});
		keepRecord(hooks, ACCOUNT, recordOf());
		const unsaved = triggerWith({}).context;
		expect(previousReceiver(unsaved, ACCOUNT)).toBe(FOREIGN);
		dropRecord(hooks, PRODUCTION);
		expect(previousReceiver(context, ACCOUNT)).toBeUndefined();
	});
});
