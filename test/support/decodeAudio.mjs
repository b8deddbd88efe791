// Decodes the Ogg Opus file on standard input and prints its length, loudness and speech as JSON. A process of
// its own, because the decoder is an ES module, which Jest cannot load.
import { buffer } from 'node:stream/consumers';
import { OggOpusDecoder } from 'ogg-opus-decoder';

/** Root mean square; speech has 0.03 and more. */
const SPEECH = 0.02;

const decoder = new OggOpusDecoder({ forceStereo: false });
await decoder.ready;
const { channelData, samplesDecoded, sampleRate, errors } = await decoder.decodeFile(
	new Uint8Array(await buffer(process.stdin)),
);
const loudness = (samples) =>
	Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
/** Windows of 100 ms that are as loud as speech, in seconds: silence before and after it does not count. */
const speechSeconds = (samples) => {
	const size = sampleRate / 10;
	let windows = 0;
	for (let at = 0; at < samples.length; at += size) {
		if (loudness(samples.subarray(at, at + size)) > SPEECH) windows++;
	}
	return windows / 10;
};
const result = {
	seconds: samplesDecoded / sampleRate,
	channels: channelData.map((samples) => ({
		loudness: loudness(samples) || 0,
		speechSeconds: speechSeconds(samples),
	})),
	problems: errors.map(({ message }) => message),
};
process.stdout.write(JSON.stringify(result));
