// Decodes the Ogg Opus file on standard input and prints its length and loudness as JSON. A process of
// its own, because the decoder is an ES module, which Jest cannot load.
import { buffer } from 'node:stream/consumers';
import { OggOpusDecoder } from 'ogg-opus-decoder';

const decoder = new OggOpusDecoder({ forceStereo: false });
await decoder.ready;
const { channelData, samplesDecoded, sampleRate, errors } = await decoder.decodeFile(
	new Uint8Array(await buffer(process.stdin)),
);
const loudness = (samples) =>
	Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
const result = {
	seconds: samplesDecoded / sampleRate,
	channels: channelData.map((samples) => ({ loudness: loudness(samples) || 0 })),
	problems: errors.map(({ message }) => message),
};
process.stdout.write(JSON.stringify(result));
