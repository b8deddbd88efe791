import { exampleFile } from '../examples';
import { PhoneStage } from './phoneStage';

/** In the example it is 40; a short time shows what happens at its end. */
export const LISTENING_SECONDS = 10;

/** The two workflows for teams instead of the one with links. */
export class TeamStage extends PhoneStage {
	listening!: string;

	override async startMeta(): Promise<void> {
		await this.startWhatsApp();
		this.workflow = await this.publish(
			exampleFile('browser-phone/browser-phone-team'),
			this.changes,
		);
		this.listening = await this.publish(exampleFile('browser-phone/browser-phone-team-listening'), {
			'seconds: 40': `seconds: ${LISTENING_SECONDS}`,
		});
	}

	/** "Execute workflow" beside "Create the table". */
	async createTable(): Promise<void> {
		const { api } = this.n8n;
		await api.request('POST', `/rest/workflows/${this.workflow}/run`, {
			workflowData: await api.workflow(this.workflow),
			triggerToStartFrom: { name: 'Set up once' },
		});
	}

	get teamUrl(): string {
		const page = this.pageUrl.replace('phone.html', 'team.html');
		return `${page}#n8n=${encodeURIComponent(`${this.n8n.url}/webhook`)}`;
	}
}
