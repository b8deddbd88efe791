import { join } from 'node:path';
import { filesBelow } from '../support/files';
import { findSecrets } from '../support/secrets';
import { answerAttacks } from './answers';
import { AttackStage, figures, SECRETS } from './attackStage';
import { bodyAttacks } from './bodies';
import { challengeAttacks } from './challenge';
import { deliveryAttacks } from './delivery';
import { httpAttacks } from './http';
import { mediaUrlAttacks } from './mediaUrls';
import { nameAttacks } from './names';
import { operationAttacks } from './operations';
import { sharedAddressAttacks } from './sharedAddress';
import { signatureAttacks } from './signature';

jest.setTimeout(180_000);

let opened: AttackStage | undefined;
let firstPid: number;

function stage(): AttackStage {
	if (!opened) throw new Error('n8n is not running');
	return opened;
}

// One n8n for all of them: what an attack has left behind, the next ones and the end would show.
beforeAll(async () => {
	opened = await AttackStage.start();
	firstPid = opened.n8n.pid();
});

afterAll(async () => {
	await opened?.stop();
	process.stdout.write(
		[
			`Attacks: ${figures.attacks}`,
			`executions wrongly started: ${figures.wronglyStarted}`,
			`requests at hosts that are not allowed: ${figures.requestsAtOtherHosts}`,
			`bytes of token, app secret and verify token in them: ${figures.bytesOfSecretsAtOtherHosts}`,
			`crashes: ${figures.crashes}`,
			`most growth of n8n's memory: ${figures.growthMB.body} MB by bodies of 16 MB, ${figures.growthMB.bomb} MB by bombs`,
		].join('; ') + '\n',
	);
});

describe('Signatures', () => signatureAttacks(stage));
describe('Challenges', () => challengeAttacks(stage));
describe('URLs with a list of triggers', () => sharedAddressAttacks(stage));
describe('Bodies', () => bodyAttacks(stage));
describe('URLs of files', () => mediaUrlAttacks(stage));
describe('IDs, names and types in events', () => nameAttacks(stage));
describe('IDs and texts passed to operations', () => operationAttacks(stage));
describe('Deliveries that another webhook has received', () => deliveryAttacks(stage));
describe('Responses of Meta', () => answerAttacks(stage));
describe('Broken HTTP', () => httpAttacks(stage));

describe('After all of them', () => {
	it('n8n is still the same process, and the traps are empty', () => {
		stage().expectNoHarm(firstPid);
		expect(figures).toMatchObject({
			wronglyStarted: 0,
			requestsAtOtherHosts: 0,
			bytesOfSecretsAtOtherHosts: 0,
			crashes: 0,
		});
	});

	it('The prototypes of n8n have no key that came from outside', async () => {
		expect(await stage().addedToPrototypes()).toEqual([]);
	});

	it('The database, the files and the log of n8n contain no secret, in any form', async () => {
		const { userFolder } = stage().n8n;
		const { accessToken, appSecret, verifyToken } = SECRETS;
		const derived = Object.fromEntries(
			stage().derivedTokens.map((token, n) => [`derived ${n}`, token]),
		);
		expect(Object.keys(derived)).not.toHaveLength(0);
		const secrets = { accessToken, appSecret, ...derived };
		const { found, files, values } = await findSecrets(userFolder, secrets);
		expect(found).toEqual([]);
		expect(files).toBeGreaterThan(100);
		expect(values).toBeGreaterThan(10_000);

		// One that the operator has chosen is a parameter of the node, and nowhere else.
		const chosen = await findSecrets(userFolder, { verifyToken });
		const places = new Set(chosen.found.map(({ where }) => where));
		expect([...places].filter((place) => !OF_WORKFLOWS.test(place))).toEqual([]);
		// So it was looked for in the right places.
		expect([...places]).toContain('workflow_entity.nodes');
	});

	it("n8n's storage has nothing of rejected files", async () => {
		const folder = join(stage().n8n.userFolder, '.n8n');
		const files = await filesBelow(folder);
		expect(files.filter((file) => file.includes('executions/temp/'))).toEqual([]);
	});
});

/** Where n8n keeps workflows, and with each execution the workflow as it was. */
const OF_WORKFLOWS =
	/^(workflow_\w+\.nodes|execution_data\.workflowData|\.n8n\/database\.sqlite(-wal)?)$/;
