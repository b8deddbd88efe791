import { phoneNumberField } from '../fields';
import type { Operation } from '../types';
import { readAnnouncement } from './announcement';
import { callIdField, sdpField, showForCall } from './fields';
import { readCallbackData, readSession, sendToCall } from './send';

export const accept: Operation = {
	properties: [
		phoneNumberField(showForCall('accept')),
		callIdField(showForCall('accept')),
		sdpField('answer', showForCall('accept')),
	],

	async execute(input) {
		const announcement = readAnnouncement(input);
		const outcome = await sendToCall(input, 'accept', {
			session: readSession(input, 'answer'),
			...announcement.body,
			...readCallbackData(input),
		});
		return {
			json: {
				...outcome,
				recording: announcement.body.recording ?? null,
				transcription: announcement.body.transcription ?? null,
				announcement: announcement.text,
			},
		};
	},
};
