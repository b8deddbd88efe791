import fc from 'fast-check';

import { multipartForm } from '../../../nodes/WhatsAppBusinessCalling/http/multipart';

it('a form is what the standard form reader of Node.js reads', async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.uint8Array({ maxLength: 200 }),
			fc.stringMatching(/^[a-z/]{0,9}$/),
			async (bytes, type) => {
				const form = multipartForm(
					{ messaging_product: 'whatsapp', type },
					{ fileName: 'a.ogg', mimeType: 'audio/ogg', bytes: Buffer.from(bytes) },
				);
				const headers = { 'content-type': form.contentType };
				const read = await new Response(new Uint8Array(form.bytes), { headers }).formData();
				const file = read.get('file') as File;
				expect([...read.keys()]).toEqual(['messaging_product', 'type', 'file']);
				expect(read.get('type')).toBe(type);
				expect([file.name, file.type]).toEqual(['a.ogg', 'audio/ogg']);
				expect(Buffer.from(await file.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
			},
		),
		{ numRuns: 50 },
	);
});
