import { NUMBER, SECOND_NUMBER } from '../support/constants';
import { useStage } from './engineStage';

const stage = useStage();

const triggerOf = (phoneNumberIds: unknown, more: object = {}) =>
	stage.engine.trigger(stage.credential, { phoneNumberIds: phoneNumberIds as string[], ...more });

describe('the numbers that a trigger is for', () => {
	it.each<[string, unknown]>([
		['an ID', [NUMBER]],
		['an ID as a number', Number(NUMBER)],
		['a display number', '+44 20 7946 0958'],
		['a display number in another notation', '0044 (20) 7946-0958'],
		['two of them', `${NUMBER}, +442079460958`],
		['none', []],
	])(
		'A number can be given as %s: its recordings start the workflow',
		async (_, phoneNumberIds) => {
			const trigger = triggerOf(phoneNumberIds);
			await trigger.activate();
			await stage.emulator.deliver([await stage.emulator.createRecording()]).answer;
			expect(trigger.items).toHaveLength(1);
			const other = await stage.emulator.createRecording({ phoneNumberId: SECOND_NUMBER });
			await stage.emulator.deliver([other]).answer;
			expect(trigger.items).toHaveLength(String(phoneNumberIds) === '' ? 2 : 1);
		},
	);

	it.each<[string, unknown, object]>([
		['an ID of another account', '106000000000999', {}],
		['a number of nobody', '+1 555 010 0001', {}],
		['a display number as a decimal', '442079460958.0', {}],
		['a word', 'main number', {}],
		['one of two', `${NUMBER}, 5`, {}],
		[
			'a number of nobody, with manual registration',
			'5',
			{ registration: 'manual', verifyToken: 'x' },
		],
	])(
		'A number must belong to the account: %s is an error, and nothing is registered',
		async (_, phoneNumberIds, more) => {
			const trigger = triggerOf(phoneNumberIds, more);
			await expect(trigger.activate()).rejects.toThrow(
				/is not a phone number of this WhatsApp Business account\. Choose another one/,
			);
			expect(stage.emulator.subscriptionState().app).toBeUndefined();
		},
	);

	it('The numbers stay as they are if Meta does not say which exist', async () => {
		stage.emulator.failNext('phoneNumbers', { status: 500 }, { times: 9 });
		await expect(triggerOf([NUMBER]).activate()).rejects.toThrow();
		expect(stage.emulator.subscriptionState().app).toBeUndefined();
	});
});
