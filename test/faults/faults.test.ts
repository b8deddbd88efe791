import { findSecrets } from '../support/secrets';
import { describeDeliveries } from './deliveries';
import { describeConnections, describeDownloads } from './downloads';
import { describeKills } from './kills';
import { FaultStage } from './faultStage';
import { describeSurroundings } from './surroundings';
import { Tally } from './tally';

jest.setTimeout(180_000);

const tally = new Tally();
let one: FaultStage;
/** Is killed, and works as n8n does by default; the other with the engine that costs less time. */
let killed: FaultStage;

beforeAll(async () => {
	[one, killed] = await Promise.all([
		FaultStage.start(tally, { N8N_EXPRESSION_ENGINE: 'legacy' }),
		FaultStage.start(tally),
	]);
}, 300_000);

afterAll(async () => {
	await one?.stop();
	await killed?.stop();
});

describeDownloads(() => one);
describeDeliveries(() => one);
describeSurroundings(() => one);
describeConnections(() => killed, ', default engine');
describeKills(() => killed);

it('Nothing is lost, duplicate or left behind in all cases together', async () => {
	const figures = await tally.figures();
	process.stdout.write(`\n${tally.report(figures)}\n`);
	expect(figures).toMatchObject({ lost: [], duplicated: [], duplicatedInStore: [], filesLeft: [] });
});

it('Nothing that n8n keeps or logs contains the token or the app secret in all cases together', async () => {
	for (const { n8n, secrets } of [one, killed]) {
		const { found, files, values } = await findSecrets(n8n.userFolder, secrets);
		expect(found).toEqual([]);
		expect(files).toBeGreaterThan(20);
		expect(values).toBeGreaterThan(1_000);
	}
});
