import { NodeOperationError, type INode } from 'n8n-workflow';

import { failureDescription, failureMessages, failureTitle } from '../graph/nodeApiError';
import type { GraphFailure } from '../graph/types';
import { longestAddress } from './members';
import type { Address, Conflict } from './plan';
import { phoneNumberOf, type Target } from './record';
import { holderUrl } from './sharedAddress';

/** What an operator calls the target of an address. */
function labelOf(target: Target, businessAccountId: string): string {
	if (target === 'app') return 'The Meta app';
	if (target === 'businessAccount') return `The WhatsApp Business account ${businessAccountId}`;
	return `The phone number ${phoneNumberOf(target)}`;
}

function holderOf({ holder, url: address }: Address): string {
	const url = holderUrl(address);
	if (holder === 'this') return 'the published version of this trigger';
	if (holder === 'instance') return `a trigger of this package in another n8n: ${url}`;
	if (holder === 'other') return `another URL: ${url}`;
	// Its URL is a UUID, which names no workflow: `whereOf` has it.
	return 'another workflow in this n8n';
}

/** For the details: how to find a workflow that a message only calls another one. */
function whereOf({ holder, url: address }: Address): string {
	if (holder === 'instance' || holder === 'other') return '';
	return `The trigger of that workflow has the URL ${holderUrl(address)}: compare it with Webhook URLs at the top of your trigger panels. `;
}

function firstRemedy({ holder }: Address): string {
	if (holder === 'trigger') {
		return 'Unpublish that workflow, or use one trigger for all events.';
	}
	if (holder === 'workflow') {
		return 'Unpublish that workflow, or set the option "If Another Webhook Exists" to "Take Over and Forward".';
	}
	return 'Set the option "If Another Webhook Exists" to "Take Over and Forward", or use a second Meta app.';
}

function roomFor(target: Target): string {
	return target === 'app'
		? 'Use one trigger for several events, or a second Meta app.'
		: 'Set Registration to App for these workflows, which has room for more, or use one trigger for several events.';
}

const WAYS_OUT =
	"An app, an account and a number each have one webhook URL at Meta, so this trigger does not overwrite it. Ways out: unpublish the workflow, or turn off the system, behind that URL; or set the option If Another Webhook Exists to Take Over and Forward, so that the other one keeps receiving what is not about calls; or register on another level (Registration: Business Account or Phone Number); or use a second Meta app for calls; or remove the URL in Meta's app dashboard (WhatsApp > Configuration > Webhook).";

const LEVELS =
	"An account can have a webhook URL of its own (Registration: Business Account), and Meta uses it instead of the app's. Workflows of one account share a URL if they have the same Registration.";

/**
 * The error for a conflict. n8n shows only the message when a workflow is published, so it says what is
 * wrong and what to do first.
 */
export function conflictError(
	node: INode,
	conflict: Conflict,
	businessAccountId: string,
	refusal: string | null = null,
): NodeOperationError {
	const { message, description } = conflictText(conflict, businessAccountId);
	const why =
		refusal === null
			? ''
			: `Several workflows could share the webhook URL, but Meta did not keep a URL with their list (${refusal}). `;
	return new NodeOperationError(node, message, { description: `${why}${description}` });
}

function conflictText(conflict: Conflict, businessAccountId: string) {
	switch (conflict.reason) {
		case 'taken': {
			const { target, address } = conflict;
			return {
				message: `${labelOf(target, businessAccountId)} already sends its webhooks to ${holderOf(address)}. ${firstRemedy(address)}`,
				description: `${whereOf(address)}${WAYS_OUT}`,
			};
		}
		case 'otherLevel': {
			const { target, address } = conflict;
			return target === 'app'
				? {
						message: `Another workflow in this n8n, with Registration set to App, gets the events of the WhatsApp Business account ${businessAccountId}, and would get none of them any more. Choose the same Registration in both.`,
						description: LEVELS,
					}
				: {
						message: `The WhatsApp Business account ${businessAccountId} sends its webhooks to ${holderOf(address)}, so the app's webhook URL gets none of its events. Set Registration to Business Account.`,
						description: `${whereOf(address)}${LEVELS}`,
					};
		}
		case 'notListable':
			return {
				message: conflict.isTest
					? `${labelOf(conflict.target, businessAccountId)} already sends its webhooks to ${holderOf(conflict.address)}. Unpublish that workflow while you test this one.`
					: `${labelOf(conflict.target, businessAccountId)} already sends its webhooks to ${holderOf(conflict.address)}, and this trigger's webhook ID is not one that n8n creates. Delete the trigger node and add it again.`,
				description: conflict.isTest
					? "The test URL of this trigger cannot be listed next to the other workflow: n8n's endpoints for webhooks and tests have other names than webhook and webhook-test, or the trigger's webhook ID is not one that n8n creates (then delete the trigger node and add it again)."
					: 'Workflows share a webhook URL by their webhook IDs. The new node gets one of the right form, and with it a new URL.',
			};
		case 'tooLong':
			return {
				message: `${labelOf(conflict.target, businessAccountId)} already sends its webhooks to ${holderOf(conflict.address)}, and one more workflow does not fit into that URL. ${roomFor(conflict.target)}`,
				description: `Meta allows ${longestAddress(conflict.target)} characters for this URL, which names all workflows that share it; with this one there would be ${conflict.count}. Ways out: use one trigger for several events, and an If or Switch node after it; use a second Meta app; or give n8n a shorter URL (N8N_WEBHOOK_URL).`,
			};
		case 'wrongToken':
			return {
				message: `The verify token of the other webhook is missing, or that webhook did not accept it: ${conflict.address.url}. Enter it in the option "Other Webhook Verify Token".`,
				description:
					'Its verify token is needed to put it back when this workflow is unpublished, so nothing was changed. For n8n\'s own WhatsApp Trigger it is the ID of that node: copy the node, paste it into a text editor and take the value of "id". The other workflow must be published, and this n8n must be able to reach the URL.',
			};
		case 'fieldsMissing': {
			const fields = conflict.fields.join(' and ');
			return {
				message: `The Meta app is not subscribed to ${fields}. Turn on the field ${fields} in Meta's app dashboard (WhatsApp > Configuration > Webhook fields).`,
				description: `A webhook URL of the account or of a number gets only what the app is subscribed to, and the app's webhook belongs to ${holderOf(conflict.address)}. Then publish the workflow again.`,
			};
		}
		case 'severalReceivers':
			return {
				message: `The chosen phone numbers send their webhooks to different URLs: ${conflict.urls.join(', ')}. Use a separate trigger for the numbers of each URL.`,
				description: 'A trigger can forward to one other webhook.',
			};
		case 'receiverUnknown':
			return {
				message:
					'This trigger holds the webhook URL of the Meta app, but n8n has lost the URL of the other webhook that it forwards to. Enter it in the option "Other Webhook URL".',
				description:
					'n8n keeps that URL with the workflow; an import or a restored database can lose it. Until the workflow is published again, deliveries for the other webhook are not acknowledged, and Meta repeats them.',
			};
	}
}

/** Meta's code for an address that it could not verify. */
export const NOT_VERIFIED = 2200;

/**
 * The error for a failed request, with its remedy in the message. Not a NodeApiError: of that, n8n 1 shows
 * only the description.
 */
export function registrationError(
	node: INode,
	failure: GraphFailure,
	url = '',
): NodeOperationError {
	const message =
		failure.code === NOT_VERIFIED
			? `Meta could not verify the webhook URL ${url}. Make it reachable from the internet over https with a valid certificate (N8N_WEBHOOK_URL, earlier WEBHOOK_URL).`
			: `${failureTitle(failure)}. ${failureDescription(failure)}`;
	const description = failureMessages(failure).join('\n');
	return new NodeOperationError(node, message, { description });
}

/** An activation that has to wait too long for another one. */
export function busyError(node: INode): NodeOperationError {
	return new NodeOperationError(
		node,
		'Another trigger of this Meta app is still being registered. Publish this workflow again in a minute.',
		{
			description:
				'The triggers of an app are registered one at a time, so that they do not overwrite each other at Meta.',
		},
	);
}

/** Meta has confirmed the address, and does not show it. */
export function notKeptError(node: INode): NodeOperationError {
	return new NodeOperationError(
		node,
		'Meta confirmed the webhook URL but does not show it. Publish the workflow again.',
		{
			description:
				"Another system may have removed it in the same moment, or someone in Meta's app dashboard (WhatsApp > Configuration).",
		},
	);
}

/** Meta has confirmed the fields, and does not show them. */
export function fieldsNotKeptError(node: INode, fields: string): NodeOperationError {
	return new NodeOperationError(
		node,
		`Meta confirmed the webhook URL but does not show the field ${fields}, without which it sends no events. Publish the workflow again. If that fails too, set Registration to Manual.`,
		{
			description: `With Manual, you turn on the field ${fields} yourself in Meta's app dashboard (WhatsApp > Configuration > Webhook fields), where you see whether Meta offers it for your app.`,
		},
	);
}
