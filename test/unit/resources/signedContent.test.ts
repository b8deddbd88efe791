import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { NodeOperationError, type IDataObject } from 'n8n-workflow';

import { signedContent } from '../../../nodes/WhatsAppBusinessCalling/resources/delivery/signedContent';
import { ACCOUNT, APP_SECRET, fakeExecution } from '../fakes';

const signatureOf = (body: Buffer) =>
	`sha256=${createHmac('sha256', APP_SECRET).update(body).digest('hex')}`;

const FORMS = ['binary', 'text', 'base64'] as const;

type Form = (typeof FORMS)[number];

/** Reads a delivery whose body comes in a form. */
async function content(form: Form, body: Buffer, more: IDataObject = {}) {
	const text = { binary: '', text: body.toString(), base64: body.toString('base64') }[form];
	const { context } = fakeExecution({
		bodyFrom: form,
		body: text,
		signature: signatureOf(body),
		...more,
	});
	Object.assign(context.helpers, {
		assertBinaryData: () => ({ data: body.toString('base64'), mimeType: 'application/json' }),
		getBinaryDataBuffer: async () => body,
	});
	return await signedContent({ context, account: ACCOUNT, itemIndex: 0 });
}

const deliveries = fc
	.record({ entry: fc.array(fc.jsonValue()), more: fc.jsonValue() })
	.map((json) => Buffer.from(JSON.stringify(json)));

it.each(FORMS)('Whatever was signed is read, as %s', async (form) => {
	await fc.assert(
		fc.asyncProperty(deliveries, async (body) => {
			// Long integers become text, see exactJson.test.ts.
			expect(await content(form, body)).toMatchObject({
				content: { entry: expect.any(Array) },
				isVerified: true,
			});
		}),
	);
});

it.each(FORMS)('A body in which one byte was changed is rejected, as %s', async (form) => {
	await fc.assert(
		fc.asyncProperty(
			deliveries,
			fc.nat(),
			fc.integer({ min: 1, max: 127 }),
			async (body, at, by) => {
				const changed = Buffer.from(body);
				changed[at % body.length] ^= by;
				// Not every change of bytes is one of the text: invalid UTF-8 is replaced.
				fc.pre(form !== 'text' || changed.toString() !== body.toString());
				const reading = content(form, changed, { signature: signatureOf(body) });
				await expect(reading).rejects.toMatchObject({ context: { reason: 'signatureInvalid' } });
			},
		),
	);
});

it('What was read without verification says so', async () => {
	const body = Buffer.from('{"entry":[]}');
	for (const signature of ['', signatureOf(body)]) {
		const read = await content('binary', body, { signature, verifySignature: false });
		expect(read.isVerified).toBe(false);
	}
});

it('Only errors for the operator are thrown, and nothing unsigned is accepted', async () => {
	const names = ['bodyFrom', 'body', 'signature', 'inputBinaryField'] as const;
	const values = fc.oneof(fc.jsonValue(), fc.constantFrom(...FORMS), fc.string());
	await fc.assert(
		fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), values), async (parameters) => {
			const { context } = fakeExecution(parameters as IDataObject);
			const reading = signedContent({ context, account: ACCOUNT, itemIndex: 0 });
			await expect(reading).rejects.toBeInstanceOf(NodeOperationError);
		}),
		{ numRuns: 500 },
	);
});
