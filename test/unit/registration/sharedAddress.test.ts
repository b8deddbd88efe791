import fc from 'fast-check';

import {
	asWritten,
	EVENT_BITS,
	formatSharedAddress,
	holderUrl,
	LONGEST_OVERRIDE,
	readSharedAddress,
	siblingOf,
	siblingUrl,
	type SharedAddress,
} from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { EVENT_TYPES } from '../../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { anyWebUrl } from '../../support/properties';

const HOLDER = 'https://n8n.example/webhook/8b0f9f0e-6a5c-4b7e-9a4e-0d3b7c1e2f3a/webhook';
const SECRET = 'app-secret';

const url = fc
	.tuple(anyWebUrl({ isBare: true }), fc.uuid(), fc.boolean())
	.map(([base, id, isTest]) => `${base}/webhook${isTest ? '-test' : ''}/${id}/webhook`);

const shared: fc.Arbitrary<SharedAddress> = fc.record({
	url,
	siblings: fc.array(
		fc.record(
			{
				webhookId: fc.uuid(),
				isTest: fc.boolean(),
				events: fc.subarray(EVENT_BITS),
				leavesAccount: fc.constant(true as const),
			},
			{ requiredKeys: ['webhookId', 'isTest', 'events'] },
		),
		{ maxLength: 8 },
	),
	leavesAccount: fc.boolean(),
	isKnownToLeave: fc.option(fc.boolean()),
	other: fc.option(
		fc.record({
			url: anyWebUrl(),
			verifyToken: fc.string({ maxLength: 64 }),
			addedFields: fc.subarray(['calls', 'messages']),
		}),
	),
});

describe('a shared address', () => {
	it('Each event of the trigger has one bit, below that of a test', () => {
		expect([...EVENT_BITS].sort()).toEqual(EVENT_TYPES.map(({ name }) => name).sort());
		expect(EVENT_BITS.length).toBeLessThanOrEqual(14);
	});

	it('The address is read as it was written, and its holder without the secret', () => {
		fc.assert(
			fc.property(shared, fc.string({ minLength: 1 }), (wanted, secret) => {
				const address = formatSharedAddress(wanted, secret);
				const isPlain = address === wanted.url;
				const isKnownToLeave = isPlain ? null : wanted.isKnownToLeave;
				expect(readSharedAddress(address, secret)).toEqual({ ...wanted, isKnownToLeave });
				expect(holderUrl(address)).toBe(wanted.url);
				expect(URL.canParse(address)).toBe(true);
			}),
		);
	});

	it('The address is recognized in every form of the same URL', () => {
		const forms: Array<(url: URL) => string> = [
			({ href }) => href,
			({ href, search }) => (search ? `${href}&` : href),
			({ href, search }) => (search ? href.replace('?', '?fbclid=1&') : href),
			({ origin, pathname, search }) => `${origin}${pathname}/${search}`,
			({ href, host }) => href.replace(host, host.toUpperCase()),
			({ href, host, port }) => (port ? href : href.replace(host, `${host}:443`)),
			({ origin, pathname, search }) => `${origin}${pathname.replaceAll('-', '%2D')}${search}`,
			({ origin, pathname, search }) => {
				const query = search.slice(1).split('&').reverse().join('&');
				return `${origin}${pathname}${query && `?${query.replaceAll('_', '%5f')}`}`;
			},
		];
		// n8n itself may be told its URL in an unusual form.
		const unusual = (address: string) =>
			forms[4](new URL(address)).replace(/(?<=\w)(?=\/)/, ':443');
		fc.assert(
			fc.property(shared, fc.constantFrom(...forms), (wanted, form) => {
				const base = new URL(wanted.url.replace(/^\w+:/, 'https:')).href;
				const address = formatSharedAddress({ ...wanted, url: base }, SECRET);
				expect(asWritten(form(new URL(address)), base)).toBe(address);
				const own = new URL(base).port ? base : unusual(base);
				expect(asWritten(form(new URL(base)), own)).toBe(own);
			}),
		);
	});

	it.each([
		'https://crm.example/Hook/',
		'https://other.example/webhook/5d9e/webhook/',
		'https://n8n.example/webhook/5d9e/webhook/?token=x',
		'https://n8n.example/webhook/5d9e/webhook/#also=x',
		'https://n8n.example/webhook/5d9e/webhook/?other=x',
		'https://n8n.example/webhook/orders/',
		'no URL',
	])('The address of another system stays as it is: %s', (address) => {
		expect(asWritten(address, HOLDER)).toBe(address);
	});

	it('The addresses that earlier versions of the package have registered at Meta are read', () => {
		const url = 'https://n8n.example/webhook/5d9e2f3c-0a1b-4c2d-8e3f-112233445566/webhook';
		const shared: SharedAddress = {
			url,
			siblings: [
				{
					webhookId: '81c00000-0000-4000-8000-000000000001',
					isTest: false,
					events: ['terminate', 'call_recording_available'],
				},
				{
					webhookId: '81c00000-0000-4000-8000-000000000002',
					isTest: true,
					events: ['connect'],
					leavesAccount: true,
				},
			],
			...{ leavesAccount: true, isKnownToLeave: false, other: null },
		};
		const list = '?also=mgVlOjxJw6mn71EDgcAAAAAAQACAAAAAAAAAAQAYgcAAAAAAQACAAAAAAAAAAsAB';
		expect(formatSharedAddress(shared, 'secret')).toBe(url + list);
		expect(readSharedAddress(url + list, 'secret')).toEqual(shared);

		const sealed =
			'?also=qh7PhmmSbs5ud5EA&other=YUO0FOVmZY1j1JxowLbB97VDkYTVHueTbZKOcD8rvI7kC-tQ8a4DqX2AmBsKOCi7R08kqSjhg8iPdImQZE-Qibkx2OVTBfGYyO5XXDWvY8iufdVKNfmIl0sNBCbi4AJwxwxg6avRNAtjEBvpC2MNZPBx2qo';
		expect(readSharedAddress(url + sealed, 'secret')?.other).toEqual({
			...{ url: 'https://crm.example/whatsapp', verifyToken: 'its token', addedFields: ['calls'] },
		});
	});

	it("The address is the holder's plain URL if there is nothing to remember", () => {
		const plain = {
			url: HOLDER,
			siblings: [],
			leavesAccount: false,
			isKnownToLeave: null,
			other: null,
		};
		expect(formatSharedAddress(plain, SECRET)).toBe(HOLDER);
	});

	it('The address cannot be changed, moved to another holder, or written without the secret', () => {
		fc.assert(
			fc.property(shared, fc.nat(), fc.constantFrom(...'AZaz09-_'), (wanted, at, letter) => {
				const address = formatSharedAddress({ ...wanted, leavesAccount: true }, SECRET);
				const position = wanted.url.length + 6 + (at % (address.length - wanted.url.length - 6));
				const changed = `${address.slice(0, position)}${letter}${address.slice(position + 1)}`;
				const query = address.slice(wanted.url.length);
				expect(readSharedAddress(address, `${SECRET}2`)).toBeNull();
				expect(readSharedAddress(`https://evil.example/webhook${query}`, SECRET)).toBeNull();
				const read = readSharedAddress(changed, SECRET);
				// A letter may stand for the same bits, and another parameter makes it another system's URL.
				expect(read === null || read.url === changed || changed === address).toBe(true);
			}),
		);
	});

	it.each([
		['no code', `${HOLDER}?also=`],
		['half of a sibling', `${HOLDER}?also=${Buffer.alloc(20).toString('base64url')}`],
		['a code of nothing', `${HOLDER}?also=${Buffer.alloc(12).toString('base64url')}`],
		['more than fits', `${HOLDER}?also=${'A'.repeat(100_000)}`],
	])('An address with %s is rejected', (_, address) => {
		expect(readSharedAddress(address, SECRET)).toBeNull();
		expect(readSharedAddress(address, '')).toBeNull();
	});

	it.each(['https://crm.example/hook?also=1&x=2', 'https://crm.example/hook?x=also', 'odd text'])(
		'The address of another system stays as it is: %s',
		(address) => {
			const plain = {
				url: address,
				siblings: [],
				leavesAccount: false,
				isKnownToLeave: null,
				other: null,
			};
			expect(readSharedAddress(address, SECRET)).toEqual(plain);
			expect(holderUrl(address)).toBe(address);
		},
	);

	it('The address does not show the verify token of the other webhook', () => {
		const other = { url: 'https://crm.example/', verifyToken: 'very-secret', addedFields: [] };
		const address = formatSharedAddress(
			{ url: HOLDER, siblings: [], leavesAccount: false, isKnownToLeave: null, other },
			SECRET,
		);
		expect(Buffer.from(address.split('other=')[1], 'base64url').includes('very-secret')).toBe(
			false,
		);
	});

	it('The address of an account has room for four siblings, with a holder of 82 characters', () => {
		const sibling = { webhookId: HOLDER.split('/')[4], isTest: false, events: EVENT_BITS };
		const address = formatSharedAddress(
			{
				url: HOLDER.padEnd(82, '/'),
				siblings: Array.from({ length: 4 }, () => sibling),
				leavesAccount: true,
				isKnownToLeave: true,
				other: null,
			},
			SECRET,
		);
		expect(address.length).toBe(LONGEST_OVERRIDE);
	});
});

describe('a sibling', () => {
	const ID = '11111111-2222-4333-8444-555555555555';
	const events = ['terminate', 'connect'];

	it.each([
		['https://n8n.example/webhook/x/webhook', 'https://n8n.example/webhook', false],
		['https://n8n.example/webhook/x/webhook', 'https://n8n.example/webhook-test', true],
		['https://n8n.example/webhook-test/x/webhook', 'https://n8n.example/webhook', false],
		['https://n8n.example/a/b/hooks/x/webhook', 'https://n8n.example/a/b/hooks-test', true],
		[`https://n8n.example/webhook/x/webhook?also=AAAA`, 'https://n8n.example/webhook', false],
	])('The URL of %s is below %s', (holder, base, isTest) => {
		const trigger = { url: `${base}/${ID}/webhook`, isTest, events };
		const sibling = siblingOf(holder, trigger);
		expect(sibling).toEqual({ webhookId: ID, isTest, events: ['connect', 'terminate'] });
		expect(sibling && siblingUrl(holder, sibling)).toBe(trigger.url);
	});

	it.each([
		['is at another origin', `https://other.example/webhook/${ID}/webhook`, false],
		['has no UUID', 'https://n8n.example/webhook/my-hook/webhook', false],
		[
			'has a UUID in capitals',
			`https://n8n.example/webhook/${ID.replace(/1/g, 'A')}/webhook`,
			false,
		],
		['has no webhook ID', 'https://n8n.example/webhook/42/trigger/webhook', false],
		['has a test endpoint of another name', `https://n8n.example/try/${ID}/webhook`, true],
	])('A sibling cannot be listed if it %s', (_, own, isTest) => {
		expect(siblingOf(HOLDER, { url: own, isTest, events })).toBeNull();
	});
});
