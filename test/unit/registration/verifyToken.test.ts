import fc from 'fast-check';

import { deriveVerifyToken } from '../../../nodes/WhatsAppBusinessCalling/trigger/verifyToken';

describe('deriveVerifyToken', () => {
	const token = deriveVerifyToken('secret', 'workflow', 'node');

	it('gives the same token each time, in characters that a form takes unchanged', () => {
		expect(deriveVerifyToken('secret', 'workflow', 'node')).toBe(token);
		expect(token).toMatch(/^[0-9a-f]{64}$/);
	});

	it.each([
		['secret', 'another', 'workflow', 'node'],
		['workflow', 'secret', 'another', 'node'],
		['node', 'secret', 'workflow', 'another'],
	])('gives another one for another %s', (_, secret, workflow, node) => {
		expect(deriveVerifyToken(secret, workflow, node)).not.toBe(token);
	});

	it('keeps workflow and node apart, and never shows the secret', () => {
		const id = fc.string({ unit: fc.constantFrom(...'abc123-_'), maxLength: 36 });
		fc.assert(
			fc.property(
				fc.string({ minLength: 8 }),
				id,
				id,
				id,
				id,
				(secret, workflow, node, otherWorkflow, otherNode) => {
					const one = deriveVerifyToken(secret, workflow, node);
					const two = deriveVerifyToken(secret, otherWorkflow, otherNode);
					const same = workflow === otherWorkflow && node === otherNode;
					return (one === two) === same && !one.includes(secret);
				},
			),
			{ numRuns: 2000 },
		);
	});
});
