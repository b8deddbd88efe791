import type { PackageDirectoryLoader } from 'n8n-core';
import {
	NodeHelpers,
	type ICredentialDataDecryptedObject,
	type ICredentialsHelper,
	type ICredentialType,
	type IHttpRequestOptions,
	type INodeCredentialsDetails,
	type IWorkflowExecuteAdditionalData,
} from 'n8n-workflow';
import type { CredentialFields } from '../../support/workflow';

/**
 * The only stand-in: in n8n its server decrypts credentials and applies the credential type's
 * `authenticate` to requests. Both are done here as there, but from memory.
 */
export class CredentialsHelper implements ICredentialsHelper {
	/** How often a credential was decrypted. */
	reads = 0;

	constructor(
		private readonly loader: PackageDirectoryLoader,
		private readonly stored: Map<string, CredentialFields>,
	) {}

	getParentTypes(): string[] {
		return [];
	}

	isCredentialUsableByNode(): boolean {
		return true;
	}

	async authenticate(
		credentials: ICredentialDataDecryptedObject,
		typeName: string,
		options: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> {
		const { authenticate } = this.type(typeName);
		if (typeof authenticate !== 'function') throw new Error('Only functions are known here');
		return await authenticate(credentials, options);
	}

	async preAuthentication(): Promise<undefined> {
		return undefined;
	}

	async runPreAuthentication(): Promise<undefined> {
		return undefined;
	}

	async getDecrypted(
		_additionalData: IWorkflowExecuteAdditionalData,
		{ id }: INodeCredentialsDetails,
		type: string,
	): Promise<ICredentialDataDecryptedObject> {
		this.reads++;
		const fields = this.stored.get(id ?? '');
		if (!fields) throw new Error(`Credential with ID "${id}" does not exist for type "${type}".`);
		const decrypted = NodeHelpers.getNodeParameters(
			this.getCredentialsProperties(type),
			fields,
			true,
			false,
			null,
			null,
		);
		return decrypted as ICredentialDataDecryptedObject;
	}

	getCredentialsProperties(type: string) {
		return this.type(type).properties;
	}

	async getCredentials(): Promise<never> {
		throw new Error('Not needed by nodes');
	}

	async updateCredentials(): Promise<void> {}

	async updateCredentialsOauthTokenData(): Promise<void> {}

	private type(name: string): ICredentialType {
		return this.loader.getCredential(name).type;
	}
}
