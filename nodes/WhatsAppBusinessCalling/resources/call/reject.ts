import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation } from '../types';
import { callIdField, showForCall } from './fields';
import { sendToCall } from './send';

export const reject: Operation = {
	properties: [phoneNumberField(showForCall('reject')), callIdField(showForCall('reject'))],

	async execute(input) {
		return { json: await sendToCall(input, 'reject') };
	},
};
