/**
 * What Meta's pages leave open, or what was seen to differ from them: the values of each choice, the
 * default first. Can be changed while the emulator runs.
 */
export const VARIANTS = {
	/** `file_size` in the Media API: documented as a string, seen as a number. */
	fileSizeAs: ['string', 'number'],
	/** `fields` in the app's subscriptions: both have been seen. */
	subscriptionFieldsAs: ['objects', 'names'],
	/**
	 * The query of a callback URL: no source says what Meta does with one. `droppedWhenStored` verifies the
	 * whole URL and keeps it without its query, `droppedWhenCalled` keeps it whole and leaves the query out
	 * of whatever is sent there.
	 */
	callbackQuery: ['kept', 'refused', 'droppedWhenStored', 'droppedWhenCalled'],
	/**
	 * The form in which Meta keeps a callback URL: no source says that it is the one that was given. `equivalent`
	 * is another form of the same URL, with a slash at the end of the path, an escaped character in it, and the
	 * query in the other order.
	 */
	callbackUrlAs: ['given', 'equivalent'],
	/** Documented is the first; the second has been seen on the wire. */
	transcriptionEvent: ['call_transcription_available', 'call_transcript_available'],
	/** Key of the transcript's file in its event. Documented is the first; clients read both. */
	transcriptKey: ['call_transcript', 'call_transcription'],
	/**
	 * Errors of a failed call: `both` in the call and beside the calls, with a title (as in a real
	 * webhook), `value` beside the calls only, with `href` and no title (as documented), `call` in the
	 * call only.
	 */
	terminateErrors: ['both', 'value', 'call'],
	/**
	 * Where the person's user IDs stand: `contacts` leaves `from_user_id` and its like out of calls,
	 * statuses and messages that have contacts beside them, `elements` leaves `user_id` out of contacts.
	 */
	userIdsIn: ['both', 'contacts', 'elements'],
	/** `text` makes strings of numbers and booleans, `numbers` makes numbers of times. */
	numbersAs: ['documented', 'text', 'numbers'],
	/** `detailed` adds direction, both parties, callback data and contacts to the events of files. */
	fileEvents: ['documented', 'detailed'],
	/** Where the SDP of a business's call stands: older samples have `connection.webrtc.sdp`. */
	connectSdp: ['session', 'connection', 'both'],
	/** Whether updates of a call that are due at the same moment share a delivery, or even a change. */
	callUpdates: ['separate', 'oneDelivery', 'oneChange'],
	/**
	 * `strict` refuses call hours without a weekly schedule even where they are off, and holidays in
	 * the past. Not on Meta's pages; clients say so.
	 */
	callHoursChecks: ['strict', 'loose'],
	/** How `dimensions` of call analytics are written: documented is the first, one client has the second. */
	callDimensionsAs: ['lower', 'upper'],
	/** Whether the account has voicemail: one client says that Meta gives access to it on request. */
	voicemailAccess: ['granted', 'none'],
	/** Documented is that voicemail needs an announcement; one client leaves it out. */
	voicemailAnnouncement: ['required', 'optional'],
	/**
	 * The role in the DTLS handshake that WhatsApp's SDP answer names. Meta wants the business to be the
	 * client ("Integration patterns"); its samples have `active`, and clients rewrite `actpass`.
	 */
	answerSetup: ['passive', 'active', 'actpass'],
	/** Whether a user with media sends nothing until the business is heard. */
	silentUntilHeard: ['no', 'yes'],
	/** Error code of an SDP that is refused: as in reports of real calls, or as for any bad parameter. */
	sdpErrorCode: ['138008', '100'],
	// What becomes of an SDP that is odd. It is refused by default where a standard forbids it.
	sdpNoCandidate: ['warn', 'refuse'],
	sdpTcpOnly: ['warn', 'refuse'],
	/** Browsers hide their addresses so, and connect all the same. */
	sdpLocalNamesOnly: ['warn', 'refuse'],
	sdpIceLite: ['warn', 'refuse'],
	/** Another direction than `sendrecv`. */
	sdpDirection: ['warn', 'refuse'],
	/** Another length of packets than 20 ms. */
	sdpPtime: ['warn', 'refuse'],
	sdpSeveralSsrcs: ['warn', 'refuse'],
	/** An offer with another role than `actpass`. */
	sdpOfferRole: ['refuse', 'warn'],
} as const satisfies Record<string, readonly [string, ...string[]]>;

export type Variants = {
	-readonly [Name in keyof typeof VARIANTS]: (typeof VARIANTS)[Name][number];
};

export function withDefaultVariants(chosen: Partial<Variants>): Variants {
	return Object.fromEntries(
		Object.entries(VARIANTS).map(([name, [first]]) => [
			name,
			chosen[name as keyof Variants] ?? first,
		]),
	) as Variants;
}

const TIMES = new Set(['timestamp', 'start_time', 'end_time', 'expiration_timestamp']);

/** A webhook's value with its numbers, times and booleans in the chosen form. */
export function inForm<T>(value: T, numbersAs: Variants['numbersAs']): T {
	if (numbersAs === 'documented') return value;
	const convert = (name: string, item: unknown): unknown => {
		if (Array.isArray(item)) return item.map((one) => convert(name, one));
		if (typeof item === 'object' && item !== null) {
			return Object.fromEntries(
				Object.entries(item).map(([key, inner]) => [key, convert(key, inner)]),
			);
		}
		if (numbersAs === 'text') {
			return typeof item === 'number' || typeof item === 'boolean' ? String(item) : item;
		}
		return TIMES.has(name) ? Number(item) : item;
	};
	return convert('', value) as T;
}
