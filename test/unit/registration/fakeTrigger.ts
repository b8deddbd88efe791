import type { IHookFunctions, IWebhookFunctions } from 'n8n-workflow';

import type { Trigger } from '../../../nodes/WhatsAppBusinessCalling/registration/ownership';
import type { RegistrationRecord } from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import { ACCOUNT } from '../fakes';

/** A trigger that is being registered, with the context of `fakeWebhook`. */
export const triggerOf = (
	context: IWebhookFunctions,
	url: string,
	more: Partial<Trigger> = {},
): Trigger => ({
	...{ context: context as unknown as IHookFunctions, account: ACCOUNT, url },
	...{ isTest: url.includes('-test/'), isActivating: true },
	...{ otherVerifyToken: '', tokens: new Map(), ...more },
});

/** The record of such a trigger in production, with nothing to undo. */
export const recordAt = (
	url: string,
	more: Partial<RegistrationRecord> = {},
): RegistrationRecord => ({
	...{ instanceId: 'instance-1', workflowId: 'workflow-1', url, isTest: false },
	...{ appId: ACCOUNT.appId, businessAccountId: ACCOUNT.businessAccountId },
	...{ undo: [], alsoReceives: [], ...more },
});
