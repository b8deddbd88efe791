import type { IExecuteFunctions } from 'n8n-workflow';

import { withoutSlash } from '../../registration/sharedAddress';
import { showHint } from '../shared/hint';
import { phoneNumberIdParameter, textParameter } from '../shared/parameters';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationOutput } from '../types';
import { ask } from './answers';
import { credentialChecks } from './checkCredential';
import { numberChecks } from './checkNumber';
import { askTrigger, webhookChecks } from './checkWebhook';
import { notChecked, Reasons, type Finding } from './findings';

const displayOptions = { show: { resource: ['setup'], operation: ['check'] } };

/** What needs attention comes first. */
const ORDER: Array<Finding['status']> = ['needs attention', 'not checked', 'ok'];

/**
 * Looks at everything that has to be right for events to arrive. One item per check; a failed one
 * does not keep the others from being made; nothing is changed.
 */
export const check: Operation = {
	properties: [
		phoneNumberField(displayOptions),
		{
			displayName: 'Production URL of the Trigger',
			name: 'triggerUrl',
			type: 'string',
			default: '',
			placeholder: 'e.g. https://n8n.example.com/webhook/.../webhook',
			hint: 'Open the trigger, then Webhook URLs > Production URL. If empty, it is not checked whether calls reach that workflow.',
			description: 'URL to which Meta must send the events',
			displayOptions,
		},
	],

	async execute(input) {
		const phoneNumberId = phoneNumberIdParameter(input);
		const url = withoutSlash(textParameter(input, 'triggerUrl'));
		const answers = await ask(input, phoneNumberId, url);
		const trigger = await askTrigger(input, answers, url);
		const checks = [
			...credentialChecks(answers),
			...numberChecks(answers, phoneNumberId),
			...webhookChecks(answers, trigger),
		];
		const reasons = new Reasons();
		const items = checks.map(({ id, name, judge }) => ({
			json: { name, ...safely(() => judge(reasons, name)), id },
		}));
		const sorted = ORDER.flatMap((wanted) => items.filter(({ json }) => json.status === wanted));
		showVerdict(input.context, sorted);
		return sorted;
	},
};

/** A check that cannot be made says so, and the others are made. */
function safely(judge: () => Finding): Finding {
	try {
		return judge();
	} catch {
		return notChecked("Meta's response cannot be read", 'Run the check again.');
	}
}

function showVerdict(context: IExecuteFunctions, items: OperationOutput[]): void {
	const named = (status: Finding['status']) =>
		items.filter(({ json }) => json.status === status).map(({ json }) => json.name);
	const [failed, open] = [named('needs attention'), named('not checked')];
	const summary =
		failed.length > 0
			? `${failed.length} of ${items.length} checks need attention: ${failed.join(', ')}`
			: `${items.length - open.length} of ${items.length} checks passed`;
	const rest = failed.length === 0 && open.length > 0 ? `; not checked: ${open.join(', ')}` : '';
	showHint(context, failed.length > 0 ? 'warning' : 'info', `${summary}${rest}.`);
}
