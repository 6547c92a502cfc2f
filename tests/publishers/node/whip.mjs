/**
 * Publish frames that were encoded before, with werift, doing WHIP (RFC 9725) by hand.
 *
 *   node whip.mjs URL KEY FILE
 *
 * FILE holds frames, one after the other: u32 length, u32 time in ms, u8 kind (0 VP8, 1 Opus), bytes;
 * all big-endian. They are sent at their times, over and over, until standard input ends; then DELETE.
 */

import { readFileSync } from 'node:fs';
import { MediaStreamTrack, RTCPeerConnection, RtpHeader, RtpPacket, useOPUS, useVP8 } from 'werift';

const PAYLOAD_BYTES = 1_100;
const CLOCKS = { video: 90, audio: 48 };
const [url, key, path] = process.argv.slice(2);

function framesOf(data) {
  const frames = [];
  for (let at = 0; at < data.length; ) {
    const length = data.readUInt32BE(at);
    const kind = data[at + 8] === 0 ? 'video' : 'audio';
    const bytes = data.subarray(at + 9, at + 9 + length);
    frames.push({ atMs: data.readUInt32BE(at + 4), kind, bytes });
    at += 9 + length;
  }
  return frames;
}

/** RFC 7741 §4.2: one byte of descriptor, whose S bit marks the first packet of a frame. */
function payloads({ kind, bytes }) {
  if (kind === 'audio') return [bytes];
  const pieces = [];
  for (let at = 0; at < bytes.length; at += PAYLOAD_BYTES) {
    const descriptor = Buffer.from([at === 0 ? 0x10 : 0x00]);
    pieces.push(Buffer.concat([descriptor, bytes.subarray(at, at + PAYLOAD_BYTES)]));
  }
  return pieces;
}

async function ask(method, address, body) {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/sdp' };
  const response = await fetch(address, { method, headers, body });
  if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
  return response;
}

const peer = new RTCPeerConnection({
  iceServers: [],
  bundlePolicy: 'max-bundle',
  codecs: { video: [useVP8()], audio: [useOPUS()] },
});
const tracks = {};
for (const kind of ['video', 'audio']) {
  tracks[kind] = new MediaStreamTrack({ kind });
  peer.addTransceiver(tracks[kind], { direction: 'sendonly' });
}
const connected = new Promise((resolve) => {
  peer.connectionStateChange.subscribe((state) => {
    console.log(state);
    if (state === 'connected') resolve();
  });
});
await peer.setLocalDescription(await peer.createOffer());
const response = await ask('POST', url, peer.localDescription.sdp);
const resource = response.headers.get('Location');
await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
await connected;

const frames = framesOf(readFileSync(path));
const lengthMs = frames.at(-1).atMs + 20;
const sequence = { video: 1, audio: 1 };
let over = false;
process.stdin.on('end', () => (over = true)).resume();
const began = performance.now();
for (let n = 0; !over; n += 1) {
  const frame = frames[n % frames.length];
  const atMs = Math.floor(n / frames.length) * lengthMs + frame.atMs;
  const waitMs = atMs - (performance.now() - began);
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  const pieces = payloads(frame);
  pieces.forEach((payload, at) => {
    sequence[frame.kind] = (sequence[frame.kind] + 1) & 0xffff;
    const header = new RtpHeader({
      sequenceNumber: sequence[frame.kind],
      timestamp: (atMs * CLOCKS[frame.kind]) >>> 0,
      marker: frame.kind === 'video' && at === pieces.length - 1,
    });
    tracks[frame.kind].writeRtp(new RtpPacket(header, payload));
  });
}
await ask('DELETE', resource);
await peer.close();
process.exit(0);
