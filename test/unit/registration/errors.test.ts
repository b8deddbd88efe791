import { ERROR_CATALOGUE } from '../../../nodes/WhatsAppBusinessCalling/graph/errorCatalogue';
import {
	failureFromResponse,
	failureFromThrown,
	unreadableResponse,
} from '../../../nodes/WhatsAppBusinessCalling/graph/failure';
import { parseAccount } from '../../../nodes/WhatsAppBusinessCalling/graph/account';
import type { GraphFailure } from '../../../nodes/WhatsAppBusinessCalling/graph/types';
import {
	busyError,
	conflictError,
	fieldsNotKeptError,
	notKeptError,
	registrationError,
} from '../../../nodes/WhatsAppBusinessCalling/registration/errors';
import type { Address, Conflict } from '../../../nodes/WhatsAppBusinessCalling/registration/plan';
import { CREDENTIAL, NODE, WEBHOOK_URL } from '../fakes';

const UUID = '7b1c3c1e-1111-4222-8333-5c1b0a6f7e21';

const address = (holder: Address['holder']): Address => ({
	url: `https://n8n.example/webhook/${UUID}/webhook`,
	holder,
	isRestorable: false,
	members: [],
	other: null,
	isAuthentic: false,
});

const HOLDERS: Array<Address['holder']> = ['workflow', 'trigger', 'instance', 'other'];

const CONFLICTS: Conflict[] = [
	...HOLDERS.flatMap((holder): Conflict[] => [
		{ reason: 'taken', target: 'app', address: address(holder) },
		{ reason: 'taken', target: 'businessAccount', address: address(holder) },
		{ reason: 'taken', target: 'phoneNumber 106', address: address(holder) },
		{ reason: 'notListable', target: 'app', address: address(holder), isTest: true },
		{ reason: 'notListable', target: 'app', address: address(holder), isTest: false },
		{ reason: 'tooLong', target: 'app', address: address(holder), count: 2100 },
		{ reason: 'tooLong', target: 'phoneNumber 106', address: address(holder), count: 250 },
		{ reason: 'wrongToken', address: address(holder) },
		{ reason: 'fieldsMissing', fields: ['calls', 'messages'], address: address(holder) },
	]),
	{ reason: 'severalReceivers', urls: ['https://a.example/x', 'https://b.example/y'] },
	{ reason: 'receiverUnknown' },
];

const answered = (code: number): GraphFailure =>
	failureFromResponse(400, { error: { message: 'said', code } });

const FAILURES: GraphFailure[] = [
	...ERROR_CATALOGUE.flatMap(({ codes }) => codes.flat()).map(answered),
	answered(7),
	failureFromResponse(502, '<html>'),
	failureFromResponse(404, '<html>'),
	failureFromThrown({ code: 'ENOTFOUND' }, 'graph.facebook.com'),
	unreadableResponse('odd'),
	{ ...answered(100), subcode: 33 },
	{ ...answered(190), refused: 'app' },
	{ ...answered(100), refused: 'appSecret' },
];

/** A sentence, or the part behind a colon, that begins with what to do. */
const INSTRUCTION =
	/(?:^|[.:)] )(?:or |Otherwise, )?(?:Add|Answer|Ask|Call|Check|Choose|Copy|Correct|Delete|Enter|Follow|Generate|Give|Make|Move|Pass|Publish|Raise|See|Set|Take|Try|Turn|Unpublish|Use|Wait|invite|start)\b/;

const errors: Array<[string, Error]> = [
	...CONFLICTS.map((conflict): [string, Error] => [
		JSON.stringify(conflict),
		conflictError(NODE, conflict, '102290129340398'),
	]),
	...FAILURES.map((failure): [string, Error] => [
		`a failed request: ${failure.code} ${failure.kind} ${failure.refused}`,
		registrationError(NODE, failure, WEBHOOK_URL),
	]),
	['too many at once', busyError(NODE)],
	['an address that Meta does not keep', notKeptError(NODE)],
	['a field that Meta does not keep', fieldsNotKeptError(NODE, 'calls')],
	...['accessToken', 'apiVersion', 'appId', 'appSecret', 'baseUrl', 'businessAccountId'].map(
		(field): [string, Error] => {
			try {
				parseAccount(NODE, { ...CREDENTIAL, [field]: '' });
			} catch (error) {
				return [`the credential without ${field}`, error as Error];
			}
			throw new Error('It was accepted');
		},
	),
];

describe('the message of a publishing error, which is all that n8n shows', () => {
	it.each(errors)('The message has an instruction: %s', (_, { message }) => {
		expect(message).toMatch(INSTRUCTION);
		expect(message).toMatch(/\.$|Details: said$/);
		expect(message.length).toBeLessThan(500);
	});

	// Of a failed request, the details are Meta's own words.
	it.each(errors.filter(([title]) => !title.startsWith('a failed request')))(
		'The details say more: %s',
		(_, error) => {
			expect((error as Error & { description: string }).description).toMatch(
				/^(?:[A-Z]|n8n).{20,}\.$/,
			);
		},
	);

	it.each(errors)('The message does not only show a UUID: %s', (_, { message }) => {
		if (/another workflow in this n8n/.test(message)) expect(message).not.toContain(UUID);
	});

	it.each<[Address['holder'], RegExp]>([
		[
			'workflow',
			/another workflow in this n8n\. Unpublish that workflow, or set the option "If Another/,
		],
		['trigger', /another workflow in this n8n\. Unpublish that workflow, or use one trigger/],
		['instance', /another n8n: https:.*\. Set the option "If Another Webhook Exists"/],
		['other', /another URL: https:.*\. Set the option "If Another Webhook Exists"/],
	])('The message says who has the webhook, and what to do about that: %s', (holder, message) => {
		const conflict: Conflict = { reason: 'taken', target: 'app', address: address(holder) };
		const error = conflictError(NODE, conflict, '1');
		expect(error.message).toMatch(message);
		expect(error.description).toContain('Ways out');
		// To find the workflow, its URL is in the details.
		const isHere = holder === 'workflow' || holder === 'trigger';
		expect(String(error.description).startsWith('The trigger of that workflow')).toBe(isHere);
		expect(String(error.description).includes(UUID)).toBe(isHere);
	});

	it('The published version of the same trigger is no other workflow', () => {
		const conflict = { reason: 'taken', target: 'app', address: address('this') } as const;
		expect(conflictError(NODE, conflict, '1').message).toMatch(
			/^The Meta app already sends its webhooks to the published version of this trigger\./,
		);
	});

	it('The details begin with the reason why the workflows cannot share the URL', () => {
		const conflict = { reason: 'taken', target: 'app', address: address('other') } as const;
		const [plain, refused] = [null, 'it said no'].map(
			(refusal) => conflictError(NODE, conflict, '1', refusal).description,
		);
		expect(refused).toBe(
			`Several workflows could share the webhook URL, but Meta did not keep a URL with their list (it said no). ${plain}`,
		);
		expect(plain).toMatch(/^An app, an account and a number each have one webhook URL/);
	});

	it('The message tells a wrong app secret from a wrong token', () => {
		const { message } = registrationError(NODE, { ...answered(190), refused: 'app' }, WEBHOOK_URL);
		expect(message).toMatch(/^Meta did not accept the App ID and App Secret\. Copy both/);
		expect(message).not.toMatch(/new token|Generate/);
	});
});
