import type { IDataObject } from 'n8n-workflow';

import { errorEntry } from '../../graph/errorCatalogue';
import { failureHint, failureTitle } from '../../graph/nodeApiError';
import type { GraphFailure, Result } from '../../graph/types';

/** What was found out about one thing. Texts are empty where there is nothing to say: n8n shows null in red. */
export interface Finding extends IDataObject {
	status: 'ok' | 'needs attention' | 'not checked';
	whatToDo: string;
	found: string;
}

export const good = (found: string, whatToDo = ''): Finding => ({ status: 'ok', whatToDo, found });

export const bad = (found: string, whatToDo: string): Finding => ({
	status: 'needs attention',
	whatToDo,
	found,
});

export const notChecked = (found: string, whatToDo = ''): Finding => ({
	status: 'not checked',
	whatToDo,
	found,
});

/** Reasons why something could not be looked at: each fails one check, and the others refer to it. */
export class Reasons {
	private readonly told = new Map<string, string>();

	look<T>(name: string, result: Result<T>, judge: (value: T) => Finding): Finding {
		if (result.ok) return judge(result.value);
		const { failure } = result;
		const reason = reasonOf(failure);
		const teller = this.told.get(reason);
		const title = failureTitle(failure);
		if (teller !== undefined && teller !== name) {
			return notChecked(`Same cause as ${teller}: ${title}`, `See ${teller}.`);
		}
		this.tell(reason, name);
		return bad(`${title}: ${failure.details ?? failure.message}`, failureHint(failure));
	}

	/** Another check has found out the reason already. */
	tell(reason: string, name: string): void {
		this.told.set(reason, name);
	}
}

export const BAD_TOKEN = 'token';
export const NO_PERMISSION = 'permission';
export const NO_VERSION = 'version';
export const BAD_SECRET = 'secret';

/** The rows of the catalogue with these codes. */
const [TOKEN_REFUSED, PERMISSION_MISSING] = [190, 10].map(errorEntry);

/** Failures with the same reason need the same remedy. */
export function reasonOf({ kind, code, message, refused }: GraphFailure): string {
	if (kind !== 'http') return kind;
	if (refused !== null) return BAD_SECRET;
	if (code === null) return 'http';
	const entry = errorEntry(code);
	if (entry === TOKEN_REFUSED) return BAD_TOKEN;
	if (entry === PERMISSION_MISSING) return NO_PERMISSION;
	return code === 2500 ? NO_VERSION : `${code} ${message}`;
}
