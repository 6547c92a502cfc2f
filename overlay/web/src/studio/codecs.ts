/** Which codecs are offered, in which order, and at what rate: pure. */

export type CodecCapability = Pick<RTCRtpCodec, 'mimeType' | 'sdpFmtpLine'> & RTCRtpCodec;

/** What repairs or carries other codecs, and so always stays in the offer. */
const HELPERS = new Set(['video/rtx', 'video/red', 'video/ulpfec', 'video/flexfec-03']);

/**
 * H.264 first, then VP8, the two that the server decodes. Without either the list stays as it is,
 * so that the server's refusal says why.
 */
export function preferredCodecs<Codec extends CodecCapability>(all: readonly Codec[]): Codec[] {
  const kind = (name: string) => all.filter((codec) => codec.mimeType.toLowerCase() === name);
  const taken = [...kind('video/h264').sort(byPacketization), ...kind('video/vp8')];
  if (taken.length === 0) return [...all];
  return [...taken, ...all.filter((codec) => HELPERS.has(codec.mimeType.toLowerCase()))];
}

/** RFC 6184 §6.3: non-interleaved mode splits frames that are larger than a packet. */
function byPacketization(a: CodecCapability, b: CodecCapability): number {
  const mode = (codec: CodecCapability) =>
    codec.sdpFmtpLine?.includes('packetization-mode=1') ? 0 : 1;
  return mode(a) - mode(b);
}

const BPS_AT_720P = 2_500_000;
const PIXELS_AT_720P = 1280 * 720;

/** 2.5 Mb/s at 720p, in proportion to the picture, within what the server lets through. */
export function maxBitrateBps(width: number, height: number): number {
  const wished = (BPS_AT_720P * (width * height || PIXELS_AT_720P)) / PIXELS_AT_720P;
  return Math.round(Math.min(3_800_000, Math.max(800_000, wished)));
}
