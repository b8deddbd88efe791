import { gzipSync } from 'node:zlib';
import type { Arena } from './arena';
import { SECRETS } from './arena';

type Forge = (arena: Arena, body: string) => Record<string, string | undefined>;

const header = (value: string | undefined) => ({ 'x-hub-signature-256': value });

const FORGERIES: Array<[string, Forge]> = [
	['missing', () => header(undefined)],
	['empty', () => header('')],
	['only its prefix', () => header('sha256=')],
	['without its prefix', (arena, body) => header(arena.signature(body).slice('sha256='.length))],
	['sha1, rightly made', (arena, body) => header(arena.signature(body, SECRETS.appSecret, 'sha1'))],
	[
		'sha512, rightly made',
		(arena, body) => header(arena.signature(body, SECRETS.appSecret, 'sha512')),
	],
	['md5, rightly made', (arena, body) => header(arena.signature(body, SECRETS.appSecret, 'md5'))],
	[
		'sha1 under the name of sha256',
		(arena, body) =>
			header(arena.signature(body, SECRETS.appSecret, 'sha1').replace('sha1', 'sha256')),
	],
	[
		'sha512 under the name of sha256',
		(arena, body) =>
			header(arena.signature(body, SECRETS.appSecret, 'sha512').replace('sha512', 'sha256')),
	],
	['no algorithm', (arena, body) => header(arena.signature(body).replace('sha256', 'none'))],
	[
		'only in the older header X-Hub-Signature',
		(arena, body) => ({
			...header(undefined),
			'x-hub-signature': arena.signature(body, SECRETS.appSecret, 'sha1'),
		}),
	],
	['one digit short', (arena, body) => header(arena.signature(body).slice(0, -1))],
	['one digit long', (arena, body) => header(`${arena.signature(body)}0`)],
	['half as long', (arena, body) => header(arena.signature(body).slice(0, 7 + 32))],
	['10,000 digits long', () => header(`sha256=${'a'.repeat(10_000)}`)],
	['all zeros', () => header(`sha256=${'0'.repeat(64)}`)],
	[
		'with a letter that is no digit',
		(arena, body) => header(`${arena.signature(body).slice(0, -1)}g`),
	],
	[
		'with its first digit wrong',
		(arena, body) => header(arena.signature(body).replace(/=(.)/, (_, d) => `=${other(d)}`)),
	],
	[
		'with its last digit wrong',
		(arena, body) => header(arena.signature(body).replace(/.$/, (d) => other(d))),
	],
	[
		'in base64',
		(arena, body) =>
			header(
				`sha256=${Buffer.from(arena.signature(body).slice('sha256='.length), 'hex').toString('base64')}`,
			),
	],
	[
		"made with another app's secret",
		(arena, body) => header(arena.signature(body, '0123456789abcdef0123456789abcdef')),
	],
	['made with an empty secret', (arena, body) => header(arena.signature(body, ''))],
	[
		'made with the access token',
		(arena, body) => header(arena.signature(body, SECRETS.accessToken)),
	],
	[
		'made with the verify token',
		(arena, body) => header(arena.signature(body, SECRETS.verifyToken)),
	],
	[
		'made with the secret in capitals',
		(arena, body) => header(arena.signature(body, SECRETS.appSecret.toUpperCase())),
	],
	['valid for another body', (arena, body) => header(arena.signature(`${body} `))],
	['valid for an empty body', (arena) => header(arena.signature(''))],
	[
		'valid for the same JSON, written anew',
		(arena, body) => header(arena.signature(JSON.stringify(JSON.parse(body)))),
	],
	[
		'valid for the same JSON, indented',
		(arena, body) => header(arena.signature(JSON.stringify(JSON.parse(body), null, 2))),
	],
	[
		'twice in one header, the right one first',
		(arena, body) => header(`${arena.signature(body)}, sha256=${'0'.repeat(64)}`),
	],
	[
		'twice in one header, the right one last',
		(arena, body) => header(`sha256=${'0'.repeat(64)}, ${arena.signature(body)}`),
	],
	[
		'twice in one header, both right',
		(arena, body) => header(`${arena.signature(body)},${arena.signature(body)}`),
	],
	[
		'in a header of a similar name',
		(arena, body) => ({ ...header(undefined), 'x-hub-signature256': arena.signature(body) }),
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

export function signatureAttacks(arena: () => Arena): void {
	/** A delivery that would be executed if it were signed; it must be refused without a word. */
	async function refused(send: (body: string) => Promise<{ status: number; body: string }>) {
		const body = arena().body(await arena().recording());
		await arena().survives(async () => {
			const served = arena().internet.served.length;
			expect(await send(body)).toMatchObject({ status: 401, body: '' });
			expect(arena().internet.served).toHaveLength(served);
		});
	}

	describe('forged signatures', () => {
		it.each(FORGERIES)('A delivery is rejected if its signature is %s', async (_, forge) => {
			await refused(async (body) => await arena().deliver(body, { headers: forge(arena(), body) }));
		});

		it.each(LINES)(
			'A delivery is rejected if its signature is on two lines, %s',
			async (_, lines) => {
				await refused(async (body) => {
					const signatures = lines(arena().signature(body));
					const statuses = await arena().raw(
						arena().head([
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
				const signature = arena().signature(body);
				const url = `${arena().workflow.url}?x-hub-signature-256=${signature}`;
				return await arena().deliver(body, { url, headers: header(undefined) });
			});
		});

		it('A signature of the compressed body is rejected', async () => {
			await refused(async (body) => {
				const packed = gzipSync(body);
				return await arena().deliver(packed, { headers: { 'content-encoding': 'gzip' } });
			});
		});
	});

	it('The response is the same wherever a signature is wrong', async () => {
		const body = arena().body(await arena().recording());
		const right = arena().signature(body);
		const wrong = [
			right.replace(/=(.)/, (_, digit) => `=${other(digit)}`),
			right.replace(/.$/, other),
			`sha256=${'0'.repeat(64)}`,
			'',
			'x',
		];
		await arena().survives(async () => {
			const answers = [];
			for (const signature of wrong) {
				const answer = await arena().deliver(body, { headers: header(signature) });
				answers.push({ ...answer, headers: { ...answer.headers, date: undefined } });
			}
			expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
		});
	});

	it('Thirty unsigned requests do not grow the log, and ask Meta nothing', async () => {
		await arena().survives(async () => {
			const log = arena().n8n.log.text().length;
			for (let times = 0; times < 30; times++) {
				const { status } = await arena().send({ body: '{}' });
				expect(status).toBe(401);
			}
			expect(arena().n8n.log.text().slice(log)).toBe('');
		});
	});

	it('The log says once that the credential is broken, for twenty requests, signed or not', async () => {
		const { credentialFor, addWorkflow } = arena().stage;
		const broken = await credentialFor({
			account: arena().emulator.account,
			baseUrl: 'no address',
		} as Parameters<typeof credentialFor>[0]);
		const { url } = await addWorkflow({
			credential: broken,
			parameters: { registration: 'manual', verifyToken: 'x' },
		});
		await arena().survives(async () => {
			const log = arena().n8n.log.text().length;
			for (let times = 0; times < 10; times++) {
				const forged = { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };
				const { status: ofForged } = await arena().send({ url, body: '{}', headers: forged });
				expect(ofForged).toBe(503);
				const { status } = await arena().deliver('{}', { url });
				expect(status).toBe(503);
			}
			const lines = arena().n8n.log.text().slice(log).trim().split('\n');
			expect(lines).toEqual([expect.stringContaining('is missing or invalid')]);
		});
	});
}
