// Decodes the Ogg Opus file on standard input and writes it as a WAV file, which is what Chromium takes for a
// microphone. A process of its own, because the decoder is an ES module, which Jest cannot load.
import { buffer } from 'node:stream/consumers';
import { OggOpusDecoder } from 'ogg-opus-decoder';

const HEADER_BYTES = 44;
const BYTES_A_SAMPLE = 2;

const decoder = new OggOpusDecoder({ forceStereo: false });
await decoder.ready;
const { channelData, sampleRate } = await decoder.decodeFile(
	new Uint8Array(await buffer(process.stdin)),
);
const [samples] = channelData;
const dataBytes = samples.length * BYTES_A_SAMPLE;
const wav = Buffer.alloc(HEADER_BYTES + dataBytes);
wav.write('RIFF', 0);
wav.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
wav.write('WAVEfmt ', 8);
wav.writeUInt32LE(16, 16);
wav.writeUInt16LE(1, 20);
wav.writeUInt16LE(1, 22);
wav.writeUInt32LE(sampleRate, 24);
wav.writeUInt32LE(sampleRate * BYTES_A_SAMPLE, 28);
wav.writeUInt16LE(BYTES_A_SAMPLE, 32);
wav.writeUInt16LE(8 * BYTES_A_SAMPLE, 34);
wav.write('data', 36);
wav.writeUInt32LE(dataBytes, 40);
samples.forEach((sample, index) => {
	const value = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
	wav.writeInt16LE(value, HEADER_BYTES + index * BYTES_A_SAMPLE);
});
process.stdout.write(wav);
