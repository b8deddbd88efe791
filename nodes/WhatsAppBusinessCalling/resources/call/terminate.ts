import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation } from '../types';
import { callIdField, showForCall } from './fields';
import { sendToCall } from './send';

export const terminate: Operation = {
	properties: [phoneNumberField(showForCall('terminate')), callIdField(showForCall('terminate'))],

	async execute(input) {
		return { json: await sendToCall(input, 'terminate') };
	},
};
