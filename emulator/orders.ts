import express, { type NextFunction, type Request, type Response } from 'express';
import { z } from 'zod';
import type { Emulator } from './emulator';
import type { CreatedRecording } from './calls';
import type { DeliverOptions, EndpointKind, Fault } from './types';
import { VARIANTS, type Variants } from './variants';

const userCall = z
	.object({
		phoneNumberId: z.string(),
		from: z.string(),
		deeplinkPayload: z.string(),
		ctaPayload: z.string(),
		sdp: z.string(),
		silentUntilHeard: z.boolean(),
		leavesVoicemail: z.boolean(),
	})
	.partial()
	.strict();

const mediaSource = {
	content: z.string().optional(),
	file: z.string().optional(),
	sizeBytes: z.number().int().nonnegative().optional(),
	seed: z.number().int().optional(),
};

const changes = {
	event: z.record(z.unknown()).optional(),
	omit: z.array(z.string()).optional(),
};

const webhookError = z
	.object({
		code: z.number(),
		message: z.string(),
		title: z.string().optional(),
		details: z.string().optional(),
	})
	.strict();

const hangUp = z
	.object({
		...changes,
		by: z.enum(['user', 'business']).optional(),
		durationSeconds: z.number().nonnegative().optional(),
		duringAnnouncement: z.boolean().optional(),
		recording: z.object(mediaSource).strict().optional(),
		error: webhookError.optional(),
	})
	.strict();

const deliverOptions = z
	.object({
		signature: z.string(),
		rawBody: z.string(),
		redeliver: z.boolean(),
		url: z.string(),
		timeoutMs: z.number(),
		layout: z.enum(['changes', 'merged', 'entries']),
		headers: z.record(z.string()),
	})
	.partial()
	.strict();

const person = { from: z.string().optional(), phoneNumberId: z.string().optional() };

const file = {
	...mediaSource,
	...changes,
	mimeType: z.string().optional(),
	mediaId: z.string().optional(),
	sha256Override: z.string().optional(),
	announcedSize: z.number().int().nonnegative().optional(),
	availableAfterMs: z.number().nonnegative().optional(),
	fileFields: z.record(z.unknown()).optional(),
	/** False: only make them. */
	deliver: z.union([z.boolean(), deliverOptions]).default(true),
};

const recording = z
	.object({
		...file,
		...person,
		callId: z.string().optional(),
		transcript: z.boolean().optional(),
		type: z.string().optional(),
		direction: z.enum(['USER_INITIATED', 'BUSINESS_INITIATED']).optional(),
		bizOpaqueCallbackData: z.string().optional(),
		/** So many recordings, in one delivery. */
		count: z.number().int().min(1).max(1000).default(1),
	})
	.strict();

const correction = z.object(file).omit({ mediaId: true }).strict();

const voicemail = z.object({ ...file, ...person, callId: z.string().optional() }).strict();

const delivery = z
	.object({
		updates: z.array(
			z
				.object({
					phoneNumberId: z.string(),
					field: z.string(),
					value: z.record(z.unknown()),
					businessAccountId: z.string().optional(),
				})
				.strict(),
		),
		options: deliverOptions.default({}),
	})
	.strict();

const KINDS = [
	'media',
	'mediaInfo',
	'mediaUpload',
	'calls',
	'callPermissions',
	'messages',
	'settings',
	'phoneNumber',
	'phoneNumbers',
	'account',
	'subscribedApps',
	'app',
	'subscriptions',
	'oauth',
	'debugToken',
	'me',
	'unknown',
] as const satisfies readonly EndpointKind[];

const faultOrder = z
	.object({
		kind: z.enum(KINDS),
		fault: z
			.object({
				delayMs: z.number(),
				status: z.number(),
				errorCode: z.number(),
				body: z.unknown(),
				headers: z.record(z.string()),
				reset: z.boolean(),
				hang: z.boolean(),
				redirectTo: z.string(),
				cutAfterBytes: z.number(),
				abruptly: z.boolean(),
				stallAfterBytes: z.number(),
				truncateTo: z.number(),
				contentLengthDelta: z.number(),
				chunked: z.boolean(),
				unframed: z.boolean(),
				bytesPerSecond: z.number(),
				wrongContent: z.boolean(),
				emptyBody: z.boolean(),
				contentType: z.string().nullable(),
				takesEffect: z.boolean(),
			})
			.partial()
			.strict() satisfies z.ZodType<Fault>,
		/** "forever" is for JSON, which has no Infinity. */
		times: z.union([z.number().int().positive(), z.literal('forever')]).default(1),
		after: z.number().int().nonnegative().optional(),
		mediaId: z.string().optional(),
		phoneNumberId: z.string().optional(),
		method: z.string().optional(),
		action: z.string().optional(),
	})
	.strict();

const clockOrder = z.object({ advanceMs: z.number(), set: z.number() }).partial().strict();

const permissionOrder = z
	.object({
		...person,
		accept: z.boolean(),
		permanent: z.boolean().optional(),
		message: z.record(z.unknown()).optional(),
		reply: z.record(z.unknown()).optional(),
		omit: z.array(z.string()).optional(),
	})
	.strict();

const permissionFailure = z
	.object({ ...person, error: webhookError.partial().optional() })
	.strict();

const tap = z.object({ messageId: z.string() }).partial().strict();
const openedLink = z.object({ link: z.string(), from: z.string().optional() }).strict();
const closedWindow = z.object({ from: z.string() }).strict();

/** Any of the variants, each with one of its values. */
export const variantsOrder = z
	.object(
		Object.fromEntries(Object.entries(VARIANTS).map(([name, values]) => [name, z.enum(values)])),
	)
	.partial()
	.strict() as unknown as z.ZodType<Partial<Variants>>;

const presetOrder = z
	.object({ callbackUrl: z.string().url(), fields: z.array(z.string()).optional() })
	.strict();

/** `?last=50`: the newest only, for those who look often. */
const newestOrder = z.object({ last: z.coerce.number().int().positive().optional() }).strict();

class NotThere extends Error {}

function found<T>(what: T | undefined, otherwise: string): T {
	if (what === undefined) throw new NotThere(otherwise);
	return what;
}

type Order = (req: Request, emulator: Emulator) => unknown;

/** The orders over HTTP: the same as the methods of `Emulator`, for curl and other processes. */
export function ordersRouter(emulator: Emulator): express.Router {
	const router = express.Router();
	router.use(express.json({ type: () => true, limit: '8mb' }));
	router.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
		res.status(400).json({ error: `The order is not understood: ${error.message}` });
	});

	const on = (method: 'get' | 'post' | 'delete', path: string, order: Order) =>
		router[method](path, async (req: Request, res: Response) => {
			try {
				res.json((await order(req, emulator)) ?? { ok: true });
			} catch (error) {
				if (error instanceof z.ZodError) {
					res.status(400).json({ error: 'The order is not understood', issues: error.issues });
				} else {
					const status = error instanceof NotThere ? 404 : 409;
					res
						.status(status)
						.json({ error: error instanceof Error ? error.message : String(error) });
				}
			}
		});
	/** `latest` spares a human the call ID, which may contain slashes. */
	const callId = ({ params }: Request) =>
		params.callId === 'latest' ? (emulator.calls.at(-1)?.id ?? '') : String(params.callId);
	const body = (req: Request): unknown => req.body ?? {};

	const newest = <T>(all: T[], { query }: Request): T[] => {
		const { last } = newestOrder.parse(query);
		return last === undefined ? all : all.slice(-last);
	};

	on('get', '/state', (req) => ({
		baseUrl: emulator.baseUrl,
		now: emulator.clock.now(),
		account: emulator.account,
		subscriptions: emulator.subscriptionState(),
		calls: newest(emulator.calls, req),
	}));
	on('get', '/requests', (req) => newest(emulator.requests, req));
	on('get', '/deliveries', (req) => newest(emulator.deliveries, req));
	on('get', '/calls', (req) => newest(emulator.calls, req));
	on('get', '/calls/:callId', (req) => found(emulator.call(callId(req)), 'No such call'));

	on('get', '/calls/:callId/media', (req) => {
		const why = 'This call has no media; npm run emulator -- --media gives it to all calls';
		return found(emulator.mediaOf(callId(req)), why).report();
	});

	on('post', '/calls', (req) => emulator.userCalls(userCall.parse(body(req))));
	on('post', '/calls/:callId/hang-up', (req) =>
		emulator.hangUp(callId(req), hangUp.parse(body(req))),
	);
	on('post', '/calls/:callId/pick-up', (req) => emulator.userPicksUp(callId(req)));
	on('post', '/calls/:callId/reject', (req) => emulator.userRejects(callId(req)));
	on('post', '/permission-answers', async (req) => {
		const handle = emulator.userAnswersPermissionRequest(permissionOrder.parse(body(req)));
		return { deliveryId: handle.id, answer: await handle.answer };
	});
	on('post', '/permission-failures', async (req) => {
		const handle = emulator.permissionRequestFails(permissionFailure.parse(body(req)));
		return { deliveryId: handle.id, answer: await handle.answer };
	});

	on('post', '/call-buttons/tap', (req) =>
		emulator.userTapsCallButton(tap.parse(body(req)).messageId),
	);
	on('post', '/call-links/open', (req) => {
		const { link, from } = openedLink.parse(body(req));
		return emulator.userOpensCallLink(link, from);
	});
	on('post', '/close-window', (req) => emulator.closeWindow(closedWindow.parse(body(req)).from));

	/** The files that were made, after their delivery. */
	const announce = async (created: CreatedRecording[], deliver: boolean | DeliverOptions) => {
		const recordings = created.map(({ mediaId, callId: id, event, update, media }) => ({
			mediaId,
			callId: id,
			sha256: media.content.sha256Hex,
			sizeBytes: media.content.sizeBytes,
			event,
			update,
		}));
		if (deliver === false) return { recordings };
		const handle = emulator.deliver(created, deliver === true ? {} : deliver);
		return { recordings, deliveryId: handle.id, answer: await handle.answer };
	};
	on('post', '/recordings', async (req) => {
		const { count, deliver, ...order } = recording.parse(body(req));
		const created = await Promise.all(
			Array.from({ length: count }, () => emulator.createRecording(order)),
		);
		return await announce(created, deliver);
	});
	on('post', '/recordings/:mediaId/corrections', async (req) => {
		const { deliver, ...order } = correction.parse(body(req));
		return await announce(
			[await emulator.correctRecording(String(req.params.mediaId), order)],
			deliver,
		);
	});
	on('post', '/voicemails', async (req) => {
		const { deliver, ...order } = voicemail.parse(body(req));
		return await announce([await emulator.createVoicemail(order)], deliver);
	});
	on('post', '/deliveries', async (req) => {
		const { updates, options } = delivery.parse(body(req));
		const handle = emulator.deliver(updates, options);
		return { deliveryId: handle.id, answer: await handle.answer };
	});
	on('get', '/deliveries/:deliveryId', (req) =>
		emulator.deliveries.find(({ id }) => id === req.params.deliveryId),
	);

	on('get', '/variants', () => emulator.variants);
	on('post', '/variants', (req) =>
		Object.assign(emulator.variants, variantsOrder.parse(body(req))),
	);
	on('post', '/faults', (req) => {
		const { kind, fault, times, ...match } = faultOrder.parse(body(req));
		emulator.failNext(kind, fault, { ...match, times: times === 'forever' ? Infinity : times });
	});
	on('delete', '/faults', () => emulator.clearFaults());
	on('delete', '/media/:mediaId', (req) => ({
		deleted: emulator.deleteMedia(String(req.params.mediaId)),
	}));
	on('post', '/expire-urls', () => emulator.expireUrls());
	on('post', '/revoke-token', () => emulator.revokeToken());
	on('post', '/restore-token', () => emulator.restoreToken());
	on('post', '/forget', () => emulator.forget());
	on('post', '/clock', (req) => {
		const { set, advanceMs } = clockOrder.parse(body(req));
		if (set !== undefined) emulator.clock.set(set);
		if (advanceMs !== undefined) emulator.clock.advance(advanceMs);
		return { now: emulator.clock.now() };
	});
	on('post', '/subscription', (req) => {
		const { callbackUrl, fields } = presetOrder.parse(body(req));
		emulator.presetSubscription(callbackUrl, fields);
		return emulator.subscriptionState();
	});
	router.use((req: Request, res: Response) => {
		res.status(404).json({ error: `No order ${req.method} ${req.path}` });
	});
	return router;
}
