import { failureHint, failureTitle } from '../../graph/nodeApiError';
import { APP_NAME, asUser, isWithoutField, TOKEN_NAME, type Answers, type Check } from './answers';
import {
	bad,
	BAD_SECRET,
	BAD_TOKEN,
	good,
	NO_PERMISSION,
	NO_VERSION,
	notChecked,
	reasonOf,
} from './findings';

const NEEDED_PERMISSIONS = ['whatsapp_business_messaging', 'whatsapp_business_management'];

export function credentialChecks(answers: Answers): Check[] {
	const { version, token, app, business, payment } = answers;
	return [
		{
			id: 'apiVersion',
			name: 'API version',
			judge(reasons, name) {
				if (version.status === 'needs attention') reasons.tell(NO_VERSION, name);
				return version;
			},
		},
		{
			id: 'appSecret',
			name: APP_NAME,
			judge(reasons, name) {
				for (const result of [app, token, business]) {
					if (result.ok || result.failure.refused === null) continue;
					reasons.tell(BAD_SECRET, name);
					return bad(failureTitle(result.failure), failureHint(result.failure));
				}
				return token.ok || app.ok
					? good('accepted')
					: reasons.look(name, app, () => good('accepted'));
			},
		},
		{
			id: 'token',
			name: TOKEN_NAME,
			judge(reasons, name) {
				// Without the app nobody says until when it is valid, but the token's own requests tell whether it is.
				const isUnusable = !business.ok && reasonOf(business.failure) === BAD_TOKEN;
				if (!token.ok && isUnusable) return reasons.look(name, business, () => good(''));
				return reasons.look(name, token, (info) =>
					info.is_valid
						? good(validity(info.expires_at))
						: bad(
								info.error?.message ?? 'not valid',
								'Generate a new token of a system user in Meta Business Suite (Settings > Users > System users), and put it into the credential.',
							),
				);
			},
		},
		{
			id: 'tokenPermissions',
			name: 'Permissions of the token',
			judge: (reasons, name) =>
				reasons.look(name, token, (info) => {
					if (!info.is_valid)
						return notChecked('The access token is not valid', `See ${TOKEN_NAME}.`);
					const missing = NEEDED_PERMISSIONS.filter((needed) => !info.scopes.includes(needed));
					if (missing.length === 0) return good(NEEDED_PERMISSIONS.join(', '));
					reasons.tell(NO_PERMISSION, name);
					return bad(
						`missing: ${missing.join(', ')}`,
						'Generate the token again with these permissions, and put it into the credential.',
					);
				}),
		},
		{
			id: 'businessAccount',
			name: 'WhatsApp Business account',
			judge: asUser(answers, business, (name) => good(name ?? 'found')),
		},
		{
			id: 'paymentMethod',
			name: 'Payment method',
			judge: isWithoutField(payment)
				? () => notChecked('Meta does not show it', 'Look it up in Meta Business Suite > Billing.')
				: asUser(answers, payment, (fundingId) =>
						fundingId === null
							? bad(
									'The account has no payment method',
									'Add one in Meta Business Suite > Billing: without it, Meta rejects calls that you start and most messages. If a partner of Meta pays for the account, nothing is missing.',
								)
							: good('present'),
					),
		},
	];
}

/** @param expiresAt Unix seconds; 0 or null for a token that does not expire */
function validity(expiresAt: number | null): string {
	if (!expiresAt) return 'valid, does not expire';
	const date = new Date(expiresAt * 1000);
	return Number.isNaN(date.getTime())
		? 'valid; its end cannot be read'
		: `valid until ${date.toISOString()}`;
}
