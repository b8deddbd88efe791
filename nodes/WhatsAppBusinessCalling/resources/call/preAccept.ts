import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation } from '../types';
import { audioNotice, callIdField, sdpField, showForCall } from './fields';
import { sendToCall, sessionParameter } from './send';

export const preAccept: Operation = {
	properties: [
		audioNotice(showForCall('preAccept')),
		phoneNumberField(showForCall('preAccept')),
		callIdField(showForCall('preAccept')),
		sdpField('answer', showForCall('preAccept')),
	],

	async execute(input) {
		return {
			json: await sendToCall(input, 'pre_accept', { session: sessionParameter(input, 'answer') }),
		};
	},
};
