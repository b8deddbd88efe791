import { gzipSync } from 'node:zlib';
import type { AttackStage } from './attackStage';
import { SECRETS } from './attackStage';

type Forge = (stage: AttackStage, body: string) => Record<string, string | undefined>;

const header = (value: string | undefined) => ({ 'x-hub-signature-256': value });

/** Headers with which a body is not signed. */
export const FORGERIES: Array<[string, Forge]> = [
	['missing', () => header(undefined)],
	['empty', () => header('')],
	['only its prefix', () => header('sha256=')],
	['without its prefix', (stage, body) => header(stage.signature(body).slice('sha256='.length))],
	['sha1, rightly made', (stage, body) => header(stage.signature(body, SECRETS.appSecret, 'sha1'))],
	[
		'sha512, rightly made',
		(stage, body) => header(stage.signature(body, SECRETS.appSecret, 'sha512')),
	],
	['md5, rightly made', (stage, body) => header(stage.signature(body, SECRETS.appSecret, 'md5'))],
	[
		'sha1 under the name of sha256',
		(stage, body) =>
			header(stage.signature(body, SECRETS.appSecret, 'sha1').replace('sha1', 'sha256')),
	],
	[
		'sha512 under the name of sha256',
		(stage, body) =>
			header(stage.signature(body, SECRETS.appSecret, 'sha512').replace('sha512', 'sha256')),
	],
	['no algorithm', (stage, body) => header(stage.signature(body).replace('sha256', 'none'))],
	[
		'only in the older header X-Hub-Signature',
		(stage, body) => ({
			...header(undefined),
			'x-hub-signature': stage.signature(body, SECRETS.appSecret, 'sha1'),
		}),
	],
	['one digit short', (stage, body) => header(stage.signature(body).slice(0, -1))],
	['one digit long', (stage, body) => header(`${stage.signature(body)}0`)],
	['half as long', (stage, body) => header(stage.signature(body).slice(0, 7 + 32))],
	['10,000 digits long', () => header(`sha256=${'a'.repeat(10_000)}`)],
	['all zeros', () => header(`sha256=${'0'.repeat(64)}`)],
	[
		'with a letter that is no digit',
		(stage, body) => header(`${stage.signature(body).slice(0, -1)}g`),
	],
	[
		'with its first digit wrong',
		(stage, body) => header(stage.signature(body).replace(/=(.)/, (_, d) => `=${other(d)}`)),
	],
	[
		'with its last digit wrong',
		(stage, body) => header(stage.signature(body).replace(/.$/, (d) => other(d))),
	],
	[
		'in base64',
		(stage, body) =>
			header(
				`sha256=${Buffer.from(stage.signature(body).slice('sha256='.length), 'hex').toString('base64')}`,
			),
	],
	[
		"made with another app's secret",
		(stage, body) => header(stage.signature(body, '0123456789abcdef0123456789abcdef')),
	],
	['made with an empty secret', (stage, body) => header(stage.signature(body, ''))],
	[
		'made with the access token',
		(stage, body) => header(stage.signature(body, SECRETS.accessToken)),
	],
	[
		'made with the verify token',
		(stage, body) => header(stage.signature(body, SECRETS.verifyToken)),
	],
	[
		'made with the secret in capitals',
		(stage, body) => header(stage.signature(body, SECRETS.appSecret.toUpperCase())),
	],
	['valid for another body', (stage, body) => header(stage.signature(`${body} `))],
	['valid for an empty body', (stage) => header(stage.signature(''))],
	[
		'valid for the same JSON, written anew',
		(stage, body) => header(stage.signature(JSON.stringify(JSON.parse(body)))),
	],
	[
		'valid for the same JSON, indented',
		(stage, body) => header(stage.signature(JSON.stringify(JSON.parse(body), null, 2))),
	],
	[
		'twice in one header, the right one first',
		(stage, body) => header(`${stage.signature(body)}, sha256=${'0'.repeat(64)}`),
	],
	[
		'twice in one header, the right one last',
		(stage, body) => header(`sha256=${'0'.repeat(64)}, ${stage.signature(body)}`),
	],
	[
		'twice in one header, both right',
		(stage, body) => header(`${stage.signature(body)},${stage.signature(body)}`),
	],
	[
		'in a header of a similar name',
		(stage, body) => ({ ...header(undefined), 'x-hub-signature256': stage.signature(body) }),
	],
];

const other = (digit: string) => (digit === '0' ? '1' : '0');

/** A valid signature, and the wrong one, on the lines of a request. */
const LINES: Array<[string, (right: string) => string[]]> = [
	['both right', (right) => [right, right]],
	['the right one first', (right) => [right, `sha256=${'0'.repeat(64)}`]],
	['the right one last', (right) => [`sha256=${'0'.repeat(64)}`, right]],
	['an empty one first', (right) => ['', right]],
];

export function signatureAttacks(stage: () => AttackStage): void {
	/** A delivery that would be executed if it were signed; it must be refused without a word. */
	async function refused(send: (body: string) => Promise<{ status: number; body: string }>) {
		const body = stage().body(await stage().recording());
		await stage().survives(async () => {
			const served = stage().internet.served.length;
			expect(await send(body)).toMatchObject({ status: 401, body: '' });
			expect(stage().internet.served).toHaveLength(served);
		});
	}

	describe('forged signatures', () => {
		it.each(FORGERIES)('A delivery is rejected if its signature is %s', async (_, forge) => {
			await refused(async (body) => await stage().deliver(body, { headers: forge(stage(), body) }));
		});

		it.each(LINES)(
			'A delivery is rejected if its signature is on two lines, %s',
			async (_, lines) => {
				await refused(async (body) => {
					const signatures = lines(stage().signature(body));
					const statuses = await stage().raw(
						stage().head([
							'Content-Type: application/json',
							`Content-Length: ${Buffer.byteLength(body)}`,
							...signatures.map((signature) => `X-Hub-Signature-256: ${signature}`),
						]) + body,
					);
					expect(statuses).toHaveLength(1);
					return { status: statuses[0] ?? 0, body: '' };
				});
			},
		);

		it('A signature in the query and in the body is rejected', async () => {
			await refused(async (body) => {
				const signature = stage().signature(body);
				const url = `${stage().workflow.url}?x-hub-signature-256=${signature}`;
				return await stage().deliver(body, { url, headers: header(undefined) });
			});
		});

		it('A signature of the compressed body is rejected', async () => {
			await refused(async (body) => {
				const packed = gzipSync(body);
				return await stage().deliver(packed, { headers: { 'content-encoding': 'gzip' } });
			});
		});
	});

	it('The response is the same wherever a signature is wrong', async () => {
		const body = stage().body(await stage().recording());
		const right = stage().signature(body);
		const wrong = [
			right.replace(/=(.)/, (_, digit) => `=${other(digit)}`),
			right.replace(/.$/, other),
			`sha256=${'0'.repeat(64)}`,
			'',
			'x',
		];
		await stage().survives(async () => {
			const answers = [];
			for (const signature of wrong) {
				const answer = await stage().deliver(body, { headers: header(signature) });
				answers.push({ ...answer, headers: { ...answer.headers, date: undefined } });
			}
			expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
		});
	});

	it('Thirty unsigned requests do not grow the log, and ask Meta nothing', async () => {
		await stage().survives(async () => {
			const log = stage().n8n.log.text().length;
			for (let times = 0; times < 30; times++) {
				const { status } = await stage().send({ body: '{}' });
				expect(status).toBe(401);
			}
			expect(stage().n8n.log.text().slice(log)).toBe('');
		});
	});

	it('The log says once that the credential is broken, for twenty requests, signed or not', async () => {
		const broken = await stage().credentialFor({
			account: stage().emulator.account,
			baseUrl: 'no address',
		});
		const { url } = await stage().addWorkflow({
			credential: broken,
			parameters: { registration: 'manual', verifyToken: 'x' },
		});
		await stage().survives(async () => {
			const log = stage().n8n.log.text().length;
			for (let times = 0; times < 10; times++) {
				const forged = { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };
				const { status: ofForged } = await stage().send({ url, body: '{}', headers: forged });
				expect(ofForged).toBe(503);
				const { status } = await stage().deliver('{}', { url });
				expect(status).toBe(503);
			}
			const lines = stage().n8n.log.text().slice(log).trim().split('\n');
			expect(lines).toEqual([expect.stringContaining('is missing or invalid')]);
		});
	});
}
