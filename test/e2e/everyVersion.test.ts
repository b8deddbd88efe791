import { findSecrets } from '../support/secrets';
import { startStage, type Stage } from '../support/stage';
import { describeEveryVersion } from './everyVersion';

jest.setTimeout(180_000);

let stage: Stage;

beforeAll(async () => {
	stage = await startStage();
});

afterAll(async () => await stage?.stop());

// test/compat runs the same in older versions.
describeEveryVersion(
	() => stage,
	(_capability, title, work) => it(title, work),
);

it('Token and app secret are not in what n8n stores and logs', async () => {
	const { accessToken, appSecret } = stage.emulator.account;
	const secrets = { accessToken, appSecret };
	const { found, files, values } = await findSecrets(stage.n8n.userFolder, secrets);
	expect(found).toEqual([]);
	expect(files).toBeGreaterThan(3);
	expect(values).toBeGreaterThan(100);
});
