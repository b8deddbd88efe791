import { randomInt, randomUUID } from 'node:crypto';
import {
	MediaStreamTrack,
	RTCPeerConnection,
	RTCRtpCodecParameters,
	RtpHeader,
	RtpPacket,
} from 'werift';
import { SILENCE } from './ogg.mjs';

const TICK_MS = 20;
/** Opus counts 48,000 samples a second. */
const TICK_SAMPLES = 960;
/** After a pause of the whole machine, packets are not all sent at once. */
const MAX_AT_ONCE = 10;

const CHECK_AGAIN_MS = 2_000;
/** A STUN server that does not answer must not cost the call. */
const STUN_TIMEOUT_SECONDS = 2;

const OPUS = { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, payloadType: 111 };

/** Something in a request does not fit; the HTTP status says what kind. */
export class CallError extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

/**
 * One call: connects to WhatsApp, plays the prompt, and sends silence before and after it, because
 * WhatsApp ends calls in which nothing comes.
 *
 * It does not wait until it hears something, because WhatsApp may do the same. But it sends nothing
 * in an incoming call before WhatsApp has confirmed Accept: WhatsApp does not want that.
 */
export class Call {
	id = randomUUID();
	/** WhatsApp's ID of the call, once known. */
	callId = null;
	/** `offered`, `connecting`, `connected` or `ended`. */
	state = 'connecting';
	/** Why the call ended. */
	reason = null;
	/** SDP that came in, and SDP that went out. */
	remoteSdp = null;
	localSdp = null;

	#settings;
	#onEnd;
	#connection;
	#track = new MediaStreamTrack({ kind: 'audio' });
	/** We call, WhatsApp's user is called. */
	#isOutgoing = false;
	/** Both sides may talk: Accept has succeeded, or the user has picked up. */
	#isAccepted = false;
	#unconfirmed;
	#speaking;
	#checking;
	#timeout;
	#heard = { packets: 0, lost: 0 };
	#highest = null;
	#spoken = 0;
	/** Packet of ours at which the prompt begins. */
	#promptStart = Infinity;

	/**
	 * @param settings `mediaAddress` (an address of this machine, or `all`), `prompt` (Opus packets),
	 *   `promptDelayMs`, `assumeAcceptedMs`, `connectTimeoutMs`, `silenceTimeoutMs`, `stun` (`HOST:PORT`,
	 *   optional)
	 */
	constructor(settings, onEnd) {
		this.#settings = settings;
		this.#onEnd = onEnd;
		this.#connection = new RTCPeerConnection({
			codecs: { audio: [new RTCRtpCodecParameters(OPUS)], video: [] },
			iceServers: settings.stun ? [{ urls: `stun:${settings.stun}` }] : [],
			iceStunGatherTimeout: STUN_TIMEOUT_SECONDS,
			iceUseIpv6: false,
			...addresses(settings.mediaAddress),
		});
		this.#connection.addTrack(this.#track);
		this.#connection.onTrack.subscribe((track) => {
			track.onReceiveRtp.subscribe(({ header }) => this.#hear(header.sequenceNumber));
		});
		this.#connection.connectionStateChange.subscribe((state) => this.#changed(state));
	}

	/** WhatsApp's offer, as it came in an event `connect`; gives the answer. */
	async answer(sdp) {
		this.remoteSdp = sdp;
		await this.#understand({ type: 'offer', sdp });
		this.#withoutStunServer();
		await this.#connection.setLocalDescription(await this.#connection.createAnswer());
		this.localSdp = this.#connection.localDescription.sdp;
		if (!/^m=audio [1-9]/m.test(this.localSdp)) {
			throw new CallError(422, 'The offer has no audio with Opus');
		}
		this.#keepChecking();
		this.#endAfter(this.#settings.connectTimeoutMs, 'not connected in time');
		return this.localSdp;
	}

	/** An offer of our own, for a call that the business starts. */
	async offer() {
		this.#isOutgoing = true;
		const offer = await this.#connection.createOffer();
		this.#withoutStunServer();
		await this.#connection.setLocalDescription(offer);
		this.localSdp = this.#connection.localDescription.sdp;
		this.state = 'offered';
		this.#endAfter(this.#settings.connectTimeoutMs, 'not answered in time');
		return this.localSdp;
	}

	/** WhatsApp's answer to our offer. */
	async accept(sdp) {
		if (this.remoteSdp === sdp) return;
		if (this.state !== 'offered') throw new CallError(409, `The call is ${this.state}`);
		this.state = 'connecting';
		this.remoteSdp = sdp;
		try {
			await this.#understand({ type: 'answer', sdp });
		} catch (error) {
			this.end('SDP not understood');
			throw error;
		}
		this.#keepChecking();
		this.#endAfter(this.#settings.connectTimeoutMs, 'not connected in time');
	}

	/** n8n says that Accept has succeeded, or that the user has picked up. May come at any time. */
	accepted() {
		if (this.state === 'ended') throw new CallError(409, 'The call has ended');
		this.#beAccepted();
	}

	end(reason) {
		if (this.state === 'ended') return;
		this.state = 'ended';
		this.reason = reason;
		clearTimeout(this.#timeout);
		clearTimeout(this.#unconfirmed);
		clearInterval(this.#speaking);
		clearInterval(this.#checking);
		this.#connection.close().catch(() => undefined);
		this.#onEnd(this);
	}

	report() {
		const promptEnd = this.#promptStart + this.#settings.prompt.length;
		return {
			id: this.id,
			callId: this.callId,
			state: this.state,
			reason: this.reason,
			accepted: this.#isAccepted,
			heard: { ...this.#heard, seconds: (this.#heard.packets * TICK_MS) / 1000 },
			spoken: { packets: this.#spoken, wholePrompt: this.#spoken >= promptEnd },
		};
	}

	async #understand(description) {
		try {
			await this.#connection.setRemoteDescription(description);
		} catch (error) {
			throw new CallError(422, `The SDP is not understood: ${error.message}`);
		}
	}

	/** Without a STUN server of the operator's, werift would ask a public one. */
	#withoutStunServer() {
		if (this.#settings.stun) return;
		for (const { connection } of this.#connection.iceTransports) connection.stunServer = undefined;
	}

	/**
	 * werift gives an address up after 1.5 seconds without an answer. WhatsApp may not answer before the
	 * call is accepted, so its addresses are tried again.
	 */
	#keepChecking() {
		const [, ...candidates] = this.remoteSdp.split(/^a=(?=candidate:)/m);
		const addresses = candidates.map((text) => text.split(/[\r\n]/, 1)[0]);
		this.#checking = setInterval(() => {
			for (const candidate of addresses) {
				this.#connection
					.addIceCandidate({ candidate, sdpMLineIndex: 0 })
					.catch((error) => this.end(`an address does not fit: ${error.message}`));
			}
		}, CHECK_AGAIN_MS);
	}

	#changed(state) {
		if (state === 'connected' && this.state === 'connecting') {
			clearInterval(this.#checking);
			this.state = 'connected';
			this.#endAfter(this.#settings.silenceTimeoutMs, 'nothing heard for too long');
			this.#speakIfAllowed();
			if (!this.#isOutgoing) this.#assumeAcceptedLater();
		}
		if (state === 'failed') this.end('connection failed');
	}

	#endAfter(ms, reason) {
		clearTimeout(this.#timeout);
		if (this.state !== 'ended') this.#timeout = setTimeout(() => this.end(reason), ms);
	}

	#hear(sequenceNumber) {
		if (this.state === 'ended') return;
		this.#heard.packets++;
		const step = this.#highest === null ? 1 : ((sequenceNumber - this.#highest) << 16) >> 16;
		// A packet that comes late after all was counted as lost.
		this.#heard.lost = Math.max(0, this.#heard.lost + (step > 0 ? step - 1 : -1));
		if (step > 0) this.#highest = sequenceNumber;
		this.#endAfter(this.#settings.silenceTimeoutMs, 'nothing heard for too long');
		this.#beAccepted();
	}

	/** For workflows that do not tell. WhatsApp connects when it gets our answer, mostly with Accept. */
	#assumeAcceptedLater() {
		if (this.#isAccepted) return;
		this.#unconfirmed = setTimeout(() => this.#beAccepted(), this.#settings.assumeAcceptedMs);
	}

	#beAccepted() {
		if (this.#isAccepted) return;
		this.#isAccepted = true;
		clearTimeout(this.#unconfirmed);
		this.#speakIfAllowed();
	}

	#speakIfAllowed() {
		if (this.state !== 'connected') return;
		// While the phone of a person whom we call rings, WhatsApp throws away what comes.
		if (this.#isOutgoing || this.#isAccepted) this.#speaking ??= this.#speak();
		if (!this.#isAccepted || this.#promptStart !== Infinity) return;
		this.#promptStart = this.#spoken + Math.round(this.#settings.promptDelayMs / TICK_MS);
	}

	#speak() {
		const { prompt } = this.#settings;
		const start = performance.now();
		const firstSequence = randomInt(2 ** 15);
		const firstTimestamp = randomInt(2 ** 32);
		return setInterval(() => {
			const due = Math.floor((performance.now() - start) / TICK_MS) + 1;
			const end = Math.min(due, this.#spoken + MAX_AT_ONCE);
			while (this.#spoken < end) {
				const tick = this.#spoken++;
				const header = new RtpHeader({
					payloadType: OPUS.payloadType,
					sequenceNumber: (firstSequence + tick) % 2 ** 16,
					timestamp: (firstTimestamp + tick * TICK_SAMPLES) % 2 ** 32,
					marker: tick === 0,
				});
				this.#track.writeRtp(new RtpPacket(header, prompt[tick - this.#promptStart] ?? SILENCE));
			}
		}, TICK_MS);
	}
}

/** Where werift listens: on all of this machine's addresses, or on one. */
function addresses(mediaAddress) {
	if (mediaAddress === 'all') return { iceUseIpv4: true };
	return {
		iceUseIpv4: false,
		iceAdditionalHostAddresses: [mediaAddress],
		iceInterfaceAddresses: { udp4: mediaAddress },
	};
}
