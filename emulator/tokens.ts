import { createHmac, randomBytes } from 'node:crypto';
import type { Account } from './account';
import type { Clock } from './clock';
import { GraphError, invalidProof, proofMissing } from './errors';
import { parametersOf, type GraphRequest } from './graphRequest';
import type { EndpointKind } from './types';

type TokenKind = 'user' | 'app';

const MANAGEMENT = 'whatsapp_business_management';
const MESSAGING = 'whatsapp_business_messaging';

/** Meta, "Permissions" and the reference of each endpoint. */
const NEEDED_SCOPE: Partial<Record<EndpointKind, string>> = {
	calls: MESSAGING,
	callPermissions: MESSAGING,
	messages: MESSAGING,
	mediaInfo: MESSAGING,
	mediaUpload: MESSAGING,
	settings: MANAGEMENT,
	phoneNumber: MANAGEMENT,
	phoneNumbers: MANAGEMENT,
	account: MANAGEMENT,
	subscribedApps: MANAGEMENT,
};

/** Access tokens: the account's system user's, and those of the app. */
export class Tokens {
	private revoked = false;
	private readonly issued = new Set<string>();

	constructor(
		private readonly account: Account,
		private readonly clock: Clock,
	) {}

	revoke(): void {
		this.revoked = true;
	}

	restore(): void {
		this.revoked = false;
	}

	kindOf(token: string | undefined): TokenKind | undefined {
		const { accessToken, appId, appSecret } = this.account;
		if (token === undefined || token === '') return undefined;
		if (token === accessToken) return this.revoked || this.expired ? undefined : 'user';
		if (token === `${appId}|${appSecret}` || this.issued.has(token)) return 'app';
		return undefined;
	}

	/** Whether the access token's time is over. */
	get expired(): boolean {
		return (this.account.tokenExpiresAt ?? Infinity) <= this.clock.now();
	}

	/** The Graph API's own form of client credentials. */
	issue(params: Map<string, string>): string {
		for (const name of ['client_id', 'client_secret']) {
			if (!params.get(name)) {
				throw new GraphError(101, { message: `Missing ${name} parameter.` });
			}
		}
		if (params.get('client_id') !== this.account.appId) {
			throw new GraphError(101, {
				message: 'Error validating application. Cannot get application info.',
			});
		}
		if (params.get('client_secret') !== this.account.appSecret) {
			throw new GraphError(1, { status: 400, message: 'Error validating client secret.' });
		}
		if (params.get('grant_type') !== 'client_credentials') {
			throw new GraphError(100, {
				message: '(#100) The emulator knows only grant_type=client_credentials',
			});
		}
		const token = `${this.account.appId}|${randomBytes(20).toString('base64url')}`;
		this.issued.add(token);
		return token;
	}

	/** Whether there is any token, good or bad. */
	has(request: GraphRequest): boolean {
		return tokenOf(request) !== undefined;
	}

	/** Any valid token. */
	require(request: GraphRequest): TokenKind {
		const token = tokenOf(request);
		if (token === undefined) {
			throw new GraphError(190, { message: 'An access token is required.' });
		}
		const kind = this.kindOf(token);
		if (kind === undefined) throw new GraphError(190);
		this.checkProof(request, token);
		return kind;
	}

	/**
	 * Meta, "Secure Graph API calls": a proof that is sent has to be right, and apps may require one. The
	 * reports of a wrong one come from apps that require none, too.
	 */
	private checkProof(request: GraphRequest, token: string): void {
		const { appSecret, requiresAppSecret } = this.account;
		const given = parametersOf(request).get('appsecret_proof');
		if (given === undefined) {
			if (requiresAppSecret) throw proofMissing();
			return;
		}
		const right = createHmac('sha256', appSecret).update(token).digest('hex');
		if (given !== right) throw invalidProof();
	}

	requireUser(request: GraphRequest): void {
		if (this.require(request) === 'app') {
			throw new GraphError(200, {
				message: '(#200) This needs a token with permissions on the WhatsApp Business Account',
			});
		}
		const scope = NEEDED_SCOPE[request.kind];
		if (scope !== undefined && !this.account.tokenScopes.includes(scope)) {
			throw new GraphError(200, { message: `(#200) Requires ${scope} permission` });
		}
	}

	requireApp(request: GraphRequest): void {
		if (this.require(request) === 'user') throw new GraphError(15);
	}
}

/** The parameter wins over the header: clients in long use rely on it. */
const tokenOf = (request: GraphRequest) =>
	parametersOf(request).get('access_token') ?? bearerOf(request);

export function bearerOf({ headers }: GraphRequest): string | undefined {
	return /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
}
