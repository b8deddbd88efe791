import type { Account, PhoneNumber } from './account';
import { callAnalytics } from './callAnalytics';
import { isUserId, parseCallRequest } from './callRequest';
import type { Calls } from './calls';
import type { Clock } from './clock';
import { GraphError, invalidParameter, unknownObject, unknownPath } from './errors';
import { isJson, isVersion, parametersOf, type GraphRequest } from './graphRequest';
import type { Media, MediaStore } from './media';
import type { CallSettings } from './callSettings';
import type { Messages } from './messages';
import type { Permissions } from './permissions';
import type { Subscriptions } from './subscriptions';
import { bearerOf, type Tokens } from './tokens';
import type { EndpointKind, Settings } from './types';
import { receiveUpload } from './upload';

export interface GraphContext {
	account: Account;
	clock: Clock;
	tokens: Tokens;
	media: MediaStore;
	subscriptions: Subscriptions;
	calls: Calls;
	permissions: Permissions;
	messages: Messages;
	callSettings: CallSettings;
	settings: Settings;
	baseUrl: () => string;
}

export interface GraphAnswer {
	body: unknown;
	/** Done once the answer is out. */
	afterwards?: () => void;
}

type Handler = (request: GraphRequest, context: GraphContext) => GraphAnswer | Promise<GraphAnswer>;
type Methods = Partial<Record<string, Handler>>;

const SUCCESS: GraphAnswer = { body: { success: true } };

const handlers: Record<Exclude<EndpointKind, 'media' | 'unknown'>, Methods> = {
	calls: { POST: postCall },
	callPermissions: { GET: getPermissions },
	messages: { POST: postMessage },
	settings: { GET: getSettings, POST: postSettings },
	phoneNumber: { GET: getPhoneNumber, POST: postPhoneNumber },
	phoneNumbers: { GET: listPhoneNumbers },
	account: { GET: getAccount },
	subscribedApps: { GET: listApps, POST: subscribeApp, DELETE: unsubscribeApp },
	app: { GET: getApp },
	subscriptions: { GET: listSubscriptions, POST: subscribe, DELETE: unsubscribe },
	oauth: { GET: issueToken, POST: issueToken },
	debugToken: { GET: debugToken },
	me: { GET: getMe },
	mediaInfo: { GET: getMedia, DELETE: deleteMedia },
	mediaUpload: { POST: postMedia },
};

export async function answerGraph(
	request: GraphRequest,
	context: GraphContext,
): Promise<GraphAnswer> {
	const { kind, method, path, version } = request;
	// What is no version is taken for an object: the rest of the path is what is unknown.
	if (!isVersion(version)) throw unknownPath(path.slice(`/${version}`.length));
	const components = path.slice(`/${request.objectId}`.length);
	if (kind === 'unknown' && request.objectId.startsWith('v') && components !== '') {
		throw unknownPath(components);
	}
	if (kind === 'me' && !context.tokens.has(request)) throw noCurrentUser();
	if (kind !== 'oauth') context.tokens.require(request);
	if (kind === 'unknown' || kind === 'media') throw unknownObject(method, request.objectId);
	const handler = handlers[kind][method];
	if (!handler) {
		throw new GraphError(100, { message: `Unsupported ${method.toLowerCase()} request.` });
	}
	return await handler(request, context);
}

// Calls

function postCall(
	request: GraphRequest,
	{ tokens, account, calls, settings }: GraphContext,
): GraphAnswer {
	tokens.requireUser(request);
	const number = numberOf(request, account);
	const call = parseCallRequest(jsonOf(request), settings.variants);
	if (!number.callingEnabled) {
		throw new GraphError(138000, { details: 'Calling is not enabled on this phone number' });
	}
	if (number.sipEnabled) {
		throw new GraphError(131055, {
			details: 'SIP is enabled on this phone number: the Graph API cannot be used for calls',
		});
	}
	if (call.action === 'connect') {
		const placed = calls.connect(number, call);
		return {
			body: { messaging_product: 'whatsapp', calls: [{ id: placed.call.id }] },
			afterwards: placed.ring,
		};
	}
	const known = calls.all.get(call.callId);
	if (!known || known.phoneNumberId !== number.id) {
		throw invalidParameter('call_id: there is no such call of this phone number');
	}
	const success = { messaging_product: 'whatsapp', success: true };
	switch (call.action) {
		case 'pre_accept':
			calls.preAccept(known, call);
			return { body: success };
		case 'accept':
			calls.accept(known, call);
			return { body: success };
		case 'reject':
			return { body: success, afterwards: calls.reject(known) };
		case 'terminate':
			return { body: success, afterwards: calls.terminate(known) };
	}
}

function getPermissions(request: GraphRequest, context: GraphContext): GraphAnswer {
	context.tokens.requireUser(request);
	const number = numberOf(request, context.account);
	const waId = request.query.get('user_wa_id');
	const recipient = request.query.get('recipient');
	if (waId === null && recipient === null) {
		throw new GraphError(100, { message: '(#100) The parameter user_wa_id is required.' });
	}
	if (waId !== null && !/^\d{5,15}$/.test(waId)) {
		throw invalidParameter('user_wa_id must be a phone number, digits only');
	}
	if (recipient !== null && !isUserId(recipient)) {
		throw invalidParameter('recipient is not a business-scoped user ID');
	}
	const user = context.calls.findUser(waId ?? recipient ?? '');
	return {
		body: context.permissions.describe(
			number,
			user,
			user ? context.calls.connectedToday(number.id, user) : 0,
		),
	};
}

function postMessage(request: GraphRequest, context: GraphContext): GraphAnswer {
	context.tokens.requireUser(request);
	return context.messages.send(numberOf(request, context.account), jsonOf(request));
}

// Phone numbers and the account

function getPhoneNumber(
	request: GraphRequest,
	{ tokens, account, subscriptions }: GraphContext,
): GraphAnswer {
	tokens.requireUser(request);
	const number = numberOf(request, account);
	const all = {
		...describeNumber(number, account),
		webhook_configuration: subscriptions.numberConfiguration(number.id),
	};
	return {
		body: select(all, request.query, [
			'verified_name',
			'display_phone_number',
			'quality_rating',
			'id',
		]),
	};
}

async function postPhoneNumber(
	request: GraphRequest,
	{ tokens, account, subscriptions }: GraphContext,
): Promise<GraphAnswer> {
	tokens.requireUser(request);
	const number = numberOf(request, account);
	const text = parametersOf(request).get('webhook_configuration');
	if (text === undefined) {
		throw new GraphError(100, {
			message: '(#100) The parameter webhook_configuration is required.',
		});
	}
	await subscriptions.configureNumber(number.id, parseJson(text, 'webhook_configuration'));
	return SUCCESS;
}

function listPhoneNumbers(
	request: GraphRequest,
	{ tokens, account, subscriptions, baseUrl }: GraphContext,
): GraphAnswer {
	tokens.requireUser(request);
	mustBe(request, account.businessAccountId);
	const { page, paging } = pageOf(request, baseUrl(), account.phoneNumbers, ({ id }) => id);
	const data = page.map((number) => {
		const webhook_configuration = subscriptions.numberConfiguration(number.id);
		return select({ ...describeNumber(number, account), webhook_configuration }, request.query, [
			'verified_name',
			'display_phone_number',
			'quality_rating',
			'id',
		]);
	});
	return { body: { data, ...paging } };
}

/** The part of a list that was asked for, and how it goes on (Meta, "Paginated results"). */
function pageOf<Row>(
	request: GraphRequest,
	baseUrl: string,
	rows: readonly Row[],
	idOf: (row: Row) => string,
) {
	const cursorOf = (row: Row) => Buffer.from(`cursor:${idOf(row)}`).toString('base64url');
	const limit = Number(request.query.get('limit') ?? 25);
	if (!Number.isInteger(limit) || limit < 1) throw invalidParameter('limit must be positive');
	const after = request.query.get('after');
	const start = after === null ? 0 : rows.findIndex((row) => cursorOf(row) === after) + 1;
	if (after !== null && start === 0) throw invalidParameter('after is not a cursor');
	const page = rows.slice(start, start + limit);
	const [first, last] = [page[0], page.at(-1)];
	if (first === undefined || last === undefined) return { page };
	const next = new URL(`${baseUrl}${request.path}`);
	for (const [name, value] of request.query) {
		if (name !== 'access_token') next.searchParams.set(name, value);
	}
	next.searchParams.set('after', cursorOf(last));
	const more = start + limit < rows.length;
	const cursors = { before: cursorOf(first), after: cursorOf(last) };
	return { page, paging: { paging: { cursors, ...(more && { next: next.href }) } } };
}

/** What is undefined is known as a field, but has no value. */
function describeNumber(number: PhoneNumber, account: Account) {
	return {
		id: number.id,
		verified_name: number.verifiedName,
		display_phone_number: number.displayPhoneNumber,
		quality_rating: number.qualityRating,
		quality_score: { score: number.qualityRating },
		code_verification_status: 'VERIFIED',
		platform_type: 'CLOUD_API',
		host_platform: 'CLOUD_API',
		status: 'CONNECTED',
		account_mode: 'LIVE',
		name_status: 'APPROVED',
		new_name_status: 'NONE',
		new_display_name: undefined,
		throughput: { level: 'STANDARD' },
		whatsapp_business_manager_messaging_limit: number.messagingLimit,
		// Deprecated in favour of the one above.
		messaging_limit_tier: number.messagingLimit,
		health_status: healthOf(account, number),
		is_official_business_account: false,
		is_on_biz_app: false,
		is_pin_enabled: true,
		is_preverified_number: false,
		country_code: undefined,
		country_dial_code: undefined,
		conversational_automation: undefined,
		search_visibility: undefined,
		eligibility_for_api_business_global_search: 'NON_ELIGIBLE_UNDEFINED_COUNTRY',
		unified_cert_status: undefined,
		username: undefined,
		certificate: undefined,
		new_certificate: undefined,
		last_onboarded_time: '2026-01-05T09:00:00+0000',
	};
}

/** Meta, "Health status": of a number, or of the account. The whole is as bad as its worst part. */
function healthOf(account: Account, number?: PhoneNumber) {
	const sip = number && { can_receive_call_sip: number.sipEnabled ? 'AVAILABLE' : 'BLOCKED' };
	const part = (entity_type: string, id: string, can_send_message = 'AVAILABLE') => ({
		entity_type,
		id,
		can_send_message,
	});
	return {
		can_send_message: number?.canSendMessage ?? 'AVAILABLE',
		entities: [
			...(number ? [{ ...part('PHONE_NUMBER', number.id, number.canSendMessage), ...sip }] : []),
			part('WABA', account.businessAccountId),
			part('BUSINESS', BUSINESS_ID),
			{ ...part('APP', account.appId), ...sip },
		],
	};
}

function getAccount(request: GraphRequest, context: GraphContext): GraphAnswer {
	const { tokens, account, calls, settings } = context;
	tokens.requireUser(request);
	const analytics = fieldsOf(request.query).find((field) => /^call_analytics\b/.test(field));
	const all = {
		...(analytics !== undefined && {
			[analytics]: callAnalytics(
				analytics,
				[...calls.all.values()],
				account.phoneNumbers,
				settings.variants,
			),
		}),
		id: account.businessAccountId,
		name: account.businessAccountName,
		currency: 'EUR',
		timezone_id: '1',
		message_template_namespace: '5f0b2c7e_0d4a_4c1e_9a57_0e0000000001',
		primary_funding_id: account.primaryFundingId,
		account_review_status: 'APPROVED',
		business_verification_status: 'verified',
		country: 'GB',
		status: 'ACTIVE',
		ownership_type: 'SELF',
		is_enabled_for_insights: true,
		owner_business: { id: BUSINESS_ID, name: account.businessAccountName },
		owner_business_info: { id: BUSINESS_ID, name: account.businessAccountName },
		on_behalf_of_business_info: undefined,
		purchase_order_number: undefined,
		marketing_messages_lite_api_status: 'ELIGIBLE',
		health_status: healthOf(account),
		// Of the business, so the same for all its numbers.
		whatsapp_business_manager_messaging_limit: account.phoneNumbers[0]?.messagingLimit,
	};
	const body = select(all, request.query, ['id', 'name', 'currency', 'timezone_id']);
	if (analytics !== undefined) {
		body.call_analytics = body[analytics];
		delete body[analytics];
	}
	return { body };
}

function getSettings(request: GraphRequest, context: GraphContext): GraphAnswer {
	context.tokens.requireUser(request);
	const number = numberOf(request, context.account);
	const withCredentials = request.query.get('include_sip_credentials') === 'true';
	return { body: context.callSettings.describe(number, withCredentials) };
}

function postSettings(request: GraphRequest, context: GraphContext): GraphAnswer {
	context.tokens.requireUser(request);
	const number = numberOf(request, context.account);
	context.callSettings.change(number, jsonOf(request), context.subscriptions.hasField('calls'));
	return SUCCESS;
}

// Subscriptions

function listSubscriptions(request: GraphRequest, context: GraphContext): GraphAnswer {
	appEdge(request, context);
	return { body: context.subscriptions.listApp(request.version) };
}

async function subscribe(request: GraphRequest, context: GraphContext): Promise<GraphAnswer> {
	appEdge(request, context);
	await context.subscriptions.subscribeApp(parametersOf(request));
	return SUCCESS;
}

function unsubscribe(request: GraphRequest, context: GraphContext): GraphAnswer {
	appEdge(request, context);
	context.subscriptions.unsubscribeApp(parametersOf(request));
	return SUCCESS;
}

function appEdge(request: GraphRequest, { tokens, account }: GraphContext): void {
	mustBe(request, account.appId);
	tokens.requireApp(request);
}

function listApps(request: GraphRequest, context: GraphContext): GraphAnswer {
	accountEdge(request, context);
	const { page, paging } = pageOf(
		request,
		context.baseUrl(),
		context.subscriptions.listAccount(),
		(app) => app.whatsapp_business_api_data.id,
	);
	return { body: { data: page, ...paging } };
}

async function subscribeApp(request: GraphRequest, context: GraphContext): Promise<GraphAnswer> {
	accountEdge(request, context);
	await context.subscriptions.subscribeAccount(parametersOf(request));
	return SUCCESS;
}

function unsubscribeApp(request: GraphRequest, context: GraphContext): GraphAnswer {
	accountEdge(request, context);
	context.subscriptions.unsubscribeAccount();
	return SUCCESS;
}

function accountEdge(request: GraphRequest, { tokens, account }: GraphContext): void {
	tokens.requireUser(request);
	mustBe(request, account.businessAccountId);
}

// App and tokens

const BUSINESS_ID = '222000000000001';
const SYSTEM_USER_ID = '122000000000001';

const noCurrentUser = () =>
	new GraphError(2500, {
		message: 'An active access token must be used to query information about the current user.',
	});

/** Who the token is: without one, the way to ask whether a version exists. */
function getMe(request: GraphRequest, { tokens }: GraphContext): GraphAnswer {
	if (tokens.require(request) === 'app') throw noCurrentUser();
	const all = { id: SYSTEM_USER_ID, name: 'Emulated System User' };
	return { body: select(all, request.query, ['id', 'name']) };
}

function getApp(request: GraphRequest, { account }: GraphContext): GraphAnswer {
	const all = {
		id: account.appId,
		name: account.appName,
		link: `https://www.facebook.com/games/?app_id=${account.appId}`,
		category: 'Business and pages',
	};
	return { body: select(all, request.query, ['id', 'name', 'link', 'category']) };
}

function issueToken(request: GraphRequest, { tokens }: GraphContext): GraphAnswer {
	const token = tokens.issue(parametersOf(request));
	return { body: { access_token: token, token_type: 'bearer' } };
}

function debugToken(request: GraphRequest, { tokens, account }: GraphContext): GraphAnswer {
	const input = request.query.get('input_token');
	if (!input) {
		throw new GraphError(100, { message: '(#100) The parameter input_token is required.' });
	}
	const kind = tokens.kindOf(input);
	if (input === account.accessToken && tokens.expired) {
		return {
			body: {
				data: {
					app_id: account.appId,
					type: 'SYSTEM_USER',
					error: {
						code: 190,
						message: 'Error validating access token: Session has expired.',
						subcode: 463,
					},
					expires_at: Math.floor((account.tokenExpiresAt ?? 0) / 1000),
					is_valid: false,
					scopes: account.tokenScopes,
				},
			},
		};
	}
	if (kind === undefined) {
		return {
			body: {
				data: {
					error: { code: 190, message: 'Invalid OAuth access token.' },
					is_valid: false,
					scopes: [],
				},
			},
		};
	}
	const scopes = account.tokenScopes;
	return {
		body: {
			data: {
				app_id: account.appId,
				type: kind === 'user' ? 'SYSTEM_USER' : 'APP',
				application: account.appName,
				...(kind === 'user' && {
					expires_at: Math.floor((account.tokenExpiresAt ?? 0) / 1000),
					data_access_expires_at: 0,
				}),
				is_valid: true,
				scopes: kind === 'user' ? scopes : [],
				...(kind === 'user' && {
					granular_scopes: scopes.map((scope) => ({
						scope,
						target_ids: [account.businessAccountId],
					})),
					user_id: SYSTEM_USER_ID,
				}),
			},
		},
	};
}

// Media

function getMedia(request: GraphRequest, context: GraphContext): GraphAnswer {
	const media = mediaOf(request, context);
	const { fileSizeAs } = context.settings.variants;
	return {
		body: {
			messaging_product: 'whatsapp',
			url: context.media.newUrl(media, context.baseUrl()),
			mime_type: media.mimeType,
			sha256: media.sha256Hex,
			file_size: fileSizeAs === 'number' ? media.announcedSize : String(media.announcedSize),
			id: media.id,
		},
	};
}

function deleteMedia(request: GraphRequest, context: GraphContext): GraphAnswer {
	context.media.delete(mediaOf(request, context).id);
	return SUCCESS;
}

async function postMedia(request: GraphRequest, context: GraphContext): Promise<GraphAnswer> {
	context.tokens.requireUser(request);
	const number = numberOf(request, context.account);
	const { id } = await receiveUpload(request, number, context.media);
	return { body: { id } };
}

function mediaOf(request: GraphRequest, { tokens, media }: GraphContext): Media {
	tokens.requireUser(request);
	const found = media.get(request.objectId);
	const owner = request.query.get('phone_number_id');
	if (!found || (owner !== null && owner !== found.phoneNumberId)) {
		throw unknownObject(request.method, request.objectId);
	}
	return found;
}

/** The media host: no Graph envelope here, only a status. */
export function findDownload(
	request: GraphRequest,
	{ tokens, media }: GraphContext,
): { status: number; reason: string } | Media {
	if (request.method !== 'GET') return { status: 405, reason: 'Only GET' };
	if (request.path !== '/whatsapp_business/attachments/') {
		return { status: 404, reason: 'Not found' };
	}
	if (!request.headers['user-agent']) return { status: 400, reason: 'User-Agent is missing' };
	if (tokens.kindOf(bearerOf(request)) !== 'user') {
		return { status: 401, reason: 'Authentication is missing or wrong' };
	}
	return media.byUrl(request.query) ?? { status: 404, reason: 'Expired or gone' };
}

// Shared

function numberOf(request: GraphRequest, account: Account): PhoneNumber {
	const number = account.phoneNumbers.find(({ id }) => id === request.objectId);
	if (!number) throw unknownObject(request.method, request.objectId);
	return number;
}

function mustBe(request: GraphRequest, id: string): void {
	if (request.objectId !== id) throw unknownObject(request.method, request.objectId);
}

function jsonOf(request: GraphRequest): unknown {
	if (!isJson(request.headers['content-type'] ?? '')) {
		throw invalidParameter('Content-Type must be application/json');
	}
	if (request.badJson) throw invalidParameter('The request body is not valid JSON');
	return request.body;
}

function parseJson(text: string, name: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		throw invalidParameter(`${name} is not JSON`);
	}
}

/** Names, separated by commas outside the brackets of their filters. */
function fieldsOf(query: URLSearchParams): string[] {
	return (query.get('fields') ?? '').split(/,(?![^(]*\))/).map((field) => field.trim());
}

/** The Graph API's `fields`: `id` is always there, an unknown name is an error. */
function select(
	object: Record<string, unknown>,
	query: URLSearchParams,
	defaults: string[],
): Record<string, unknown> {
	const wanted = query.has('fields') ? fieldsOf(query) : defaults;
	const selected: Record<string, unknown> = {};
	for (const name of wanted) {
		if (!(name in object)) {
			throw new GraphError(100, {
				message: `(#100) Tried accessing nonexisting field (${name})`,
			});
		}
		// What is not set is left out, as null and empty things are.
		if (object[name] !== undefined) selected[name] = object[name];
	}
	selected.id = object.id;
	return selected;
}
