import type { StoredCredential, WorkflowDefinition, WorkflowNode } from '../../test/support/n8n';
import {
	ACTION_TYPE,
	chain,
	node,
	TRIGGER_TYPE,
	using,
	webhookNode,
} from '../../test/support/workflow';
import type { EmulatorFacts } from './emulatorProcess';

const FLOOR_PACKAGE = 'n8n-nodes-benchmark-floor';
const FILE = 'recording';

export interface Credentials {
	ours: StoredCredential;
	bearer: StoredCredential;
	hmac: StoredCredential;
}

/** Triggers that share the address of `oursMetadata`. */
export const SHARED = [1, 2, 3, 4] as const;

type Shared = (typeof SHARED)[number];

export type Variant =
	| 'ours'
	| 'oursMetadata'
	| 'oursUnsaved'
	| 'oursOneNumber'
	| `sharing${Shared}`
	| `sharingOthers${Shared}`
	| 'ownWebhook'
	| 'handBuilt'
	| 'floor'
	| 'floorRefusal'
	| 'floorEcho'
	| 'floorDownload'
	| 'bareWebhook';

type Definition = Pick<WorkflowDefinition, 'nodes' | 'connections' | 'settings'>;

/** Everything that is compared, as workflows of one n8n. */
export function workflows(
	credentials: Credentials,
	{ accessToken, phoneNumberIds: [phoneNumberId] }: EmulatorFacts,
): Record<Variant, Definition> {
	const ours = (more: Record<string, unknown>, settings?: Record<string, unknown>) =>
		single(trigger(TRIGGER_TYPE, more, credentials.ours), settings);
	const floor = (name: string, parameters?: Record<string, unknown>) =>
		single(trigger(`${FLOOR_PACKAGE}.benchmark${name}Trigger`, parameters));
	const manual = {
		registration: 'manual',
		verifyToken: 'bench',
		// A slow machine must not make deliveries come twice.
		options: { timeBudget: 60 },
	};
	const shared = (name: string, more: Record<string, unknown>) =>
		Object.fromEntries(SHARED.map((number) => [`${name}${number}`, ours(more)]));
	const withoutFile = { ...manual, downloadFile: false };
	return {
		ours: ours(manual),
		/** As in queue mode: the item without its file. */
		oursMetadata: ours(withoutFile),
		/** The same, and n8n keeps nothing of it: to fill the ledger. */
		oursUnsaved: ours(withoutFile, { saveDataSuccessExecution: 'none' }),
		...(shared('sharing', withoutFile) as Record<`sharing${Shared}`, Definition>),
		/** With another event, which none of the deliveries holds. */
		...(shared('sharingOthers', { ...withoutFile, events: ['terminate'] }) as Record<
			`sharingOthers${Shared}`,
			Definition
		>),
		oursOneNumber: ours({ ...manual, phoneNumberIds: [phoneNumberId] }),
		ownWebhook: ownWebhook(credentials),
		handBuilt: handBuilt(credentials),
		floor: floor('Floor'),
		floorRefusal: floor('Refusal'),
		floorEcho: floor('Echo'),
		floorDownload: floor('Download', { token: accessToken }),
		bareWebhook: single(bareWebhook({})),
	};
}

const single = (node: WorkflowNode, settings: Record<string, unknown> = {}): Definition => ({
	nodes: [node],
	connections: {},
	settings,
});

function trigger(
	type: string,
	parameters?: Record<string, unknown>,
	credential?: StoredCredential,
): WorkflowNode {
	const credentials = credential && { credentials: using(credential) };
	return webhookNode('Trigger', type, 1.1, parameters, credentials);
}

function bareWebhook(options: Record<string, unknown>): WorkflowNode {
	const webhookId = crypto.randomUUID();
	const parameters = { httpMethod: 'POST', path: webhookId, options };
	return node('Webhook', 'n8n-nodes-base.webhook', 2.1, parameters, { webhookId });
}

/** n8n's Webhook node and Delivery > Read. As the hand-built workflow, it answers at once. */
function ownWebhook(credentials: Credentials): Definition {
	const steps: WorkflowNode[] = [
		bareWebhook({ rawBody: true }),
		{
			...node('Read', ACTION_TYPE, 1, { resource: 'delivery', operation: 'read' }),
			credentials: using(credentials.ours),
			retryOnFail: true,
		},
	];
	return { nodes: steps, connections: chain(steps) };
}

/**
 * What a careful operator builds of n8n's own nodes, each in its newest version: the signature is
 * checked over the raw body, each call is an item, its file is downloaded with the token in a
 * credential, and hashed again where it was stored. It answers at once, as the Webhook node does unless told, so it
 * never waits for the download, and takes one change a delivery.
 */
function handBuilt(credentials: Credentials): Definition {
	const steps: WorkflowNode[] = [
		bareWebhook({ rawBody: true }),
		{
			...node('Signature', 'n8n-nodes-base.crypto', 2, {
				action: 'hmac',
				binaryData: true,
				type: 'SHA256',
				dataPropertyName: 'signature',
			}),
			credentials: using(credentials.hmac, 'crypto'),
		},
		ifEqual(
			'From Meta',
			'=sha256={{ $json.signature }}',
			"={{ $json.headers['x-hub-signature-256'] }}",
		),
		node('Each Call', 'n8n-nodes-base.splitOut', 1, {
			fieldToSplitOut: 'body.entry[0].changes[0].value.calls',
			options: {},
		}),
		{
			...node('Download', 'n8n-nodes-base.httpRequest', 4.5, {
				url: '={{ $json.call_recording.audio.url }}',
				authentication: 'genericCredentialType',
				genericAuthType: 'httpBearerAuth',
				options: { response: { response: { responseFormat: 'file', outputPropertyName: FILE } } },
			}),
			credentials: using(credentials.bearer, 'httpBearerAuth'),
			retryOnFail: true,
		},
		node('Hash', 'n8n-nodes-base.crypto', 2, {
			action: 'hash',
			binaryData: true,
			binaryPropertyName: FILE,
			type: 'SHA256',
			dataPropertyName: 'sha256',
			encoding: 'base64',
		}),
		ifEqual('Unchanged', '={{ $json.sha256 }}', '={{ $json.call_recording.audio.sha256 }}'),
	];
	return { nodes: steps, connections: chain(steps) };
}

function ifEqual(name: string, leftValue: string, rightValue: string): WorkflowNode {
	return node(name, 'n8n-nodes-base.if', 2.3, {
		conditions: {
			combinator: 'and',
			options: { caseSensitive: true, leftValue: '', typeValidation: 'strict', version: 3 },
			conditions: [
				{
					id: crypto.randomUUID(),
					leftValue,
					rightValue,
					operator: { type: 'string', operation: 'equals' },
				},
			],
		},
		options: {},
	});
}
