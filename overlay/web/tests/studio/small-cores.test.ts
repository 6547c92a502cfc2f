import { describe, expect, it } from 'vitest';

import { CaptureError, capture, listDevices } from '../../src/studio/capture';
import { maxBitrateBps, preferredCodecs } from '../../src/studio/codecs';
import { keyFromFragment } from '../../src/studio/key';
import { loudness } from '../../src/studio/loudness';
import { look } from '../../src/studio/stats';

describe('keyFromFragment', () => {
  it.each([
    ['#key=abc', 'abc'],
    ['#a=b&key=a%2Bb%26', 'a+b&'],
    ['#key=a+b', 'a+b'],
    ['#key=100%', '100%'],
    ['#key=', null],
    ['#monkey=abc', null],
    ['', null],
  ])('%j holds %j', (fragment, key) => {
    expect(keyFromFragment(fragment)).toBe(key);
  });
});

describe('preferredCodecs', () => {
  const codec = (mimeType: string, sdpFmtpLine = '') => ({
    mimeType,
    sdpFmtpLine,
    clockRate: 90_000,
  });
  const [vp8, vp9, rtx] = ['video/VP8', 'video/VP9', 'video/rtx'].map((name) => codec(name));
  const whole = codec('video/H264', 'packetization-mode=1;profile-level-id=42e01f');
  const single = codec('video/H264', 'packetization-mode=0;profile-level-id=42e01f');

  it('puts H.264 before VP8 and leaves out what the server does not take', () => {
    expect(preferredCodecs([vp8!, rtx!, vp9!, single, whole])).toEqual([whole, single, vp8, rtx]);
  });

  it('leaves a list without either alone, so that the server can say no', () => {
    expect(preferredCodecs([vp9!, rtx!])).toEqual([vp9, rtx]);
  });
});

describe('maxBitrateBps', () => {
  it.each([
    [1280, 720, 2_500_000],
    [720, 1280, 2_500_000],
    [1920, 1080, 3_800_000],
    [320, 180, 800_000],
    [0, 0, 2_500_000],
  ])('%i × %i gets %i', (width, height, bps) => {
    expect(maxBitrateBps(width, height)).toBe(bps);
  });
});

describe('loudness', () => {
  const tone = (amplitude: number) =>
    Float32Array.from({ length: 1_024 }, (_, i) => amplitude * Math.SQRT2 * Math.sin(i / 5));

  it('goes from silence to full scale in decibels', () => {
    expect(loudness(new Float32Array(8))).toBe(0);
    expect(loudness(new Float32Array(0))).toBe(0);
    expect(loudness(tone(0.001))).toBeCloseTo(0, 1);
    expect(loudness(tone(0.0316))).toBeCloseTo(0.5, 1);
    expect(loudness(tone(1))).toBeCloseTo(1, 1);
    expect(loudness(new Float32Array(8).fill(4))).toBe(1);
  });
});

describe('look', () => {
  const sent = (timestamp: number, bytesSent: number) => [
    {
      type: 'outbound-rtp',
      kind: 'video',
      timestamp,
      bytesSent,
      framesPerSecond: 30,
      frameWidth: 1280,
      frameHeight: 720,
      qualityLimitationReason: 'bandwidth',
    },
    { type: 'outbound-rtp', kind: 'audio', timestamp, bytesSent: 0 },
    { type: 'candidate-pair', state: 'succeeded', currentRoundTripTime: 0.042, availableOutgoingBitrate: 900_000 },
    { type: 'candidate-pair', state: 'failed', currentRoundTripTime: 9 },
  ];

  it('knows a bit rate from the second look on', () => {
    const first = look(sent(1_000, 5_000), null);
    expect(first.figures.bitrateBps).toBeNull();
    expect(look(sent(2_000, 255_000), first.snapshot).figures).toEqual({
      bitrateBps: 2_000_000,
      framesPerSecond: 30,
      width: 1280,
      height: 720,
      roundTripMs: 42,
      limit: 'bandwidth',
      availableBps: 900_000,
    });
  });

  it('says nothing where the browser does not, or where the session was a new one', () => {
    expect(look([], null).figures).toEqual({
      bitrateBps: null,
      framesPerSecond: null,
      width: null,
      height: null,
      roundTripMs: null,
      limit: null,
      availableBps: null,
    });
    expect(look(sent(2_000, 1), { atMs: 1_000, bytes: 9_999 }).figures.bitrateBps).toBeNull();
  });
});

describe('capture', () => {
  const choice = { source: 'camera', camera: '', microphone: '' } as const;
  const failing = (name: string) => new DOMException('no', name);
  const devices = (getUserMedia: (wanted?: MediaStreamConstraints) => Promise<MediaStream>) =>
    ({ getUserMedia, enumerateDevices: async () => [] }) as unknown as MediaDevices;

  it.each([
    ['NotAllowedError', 'denied'],
    ['NotFoundError', 'no-device'],
    ['NotReadableError', 'in-use'],
    ['OverconstrainedError', 'no-device'],
    ['TypeError', 'capture'],
  ])('calls %s %s', async (name, problem) => {
    const refused = devices(() => Promise.reject(failing(name)));
    await expect(capture(choice, refused)).rejects.toEqual(new CaptureError(problem as 'denied'));
  });

  it('says that a page is not secure', async () => {
    await expect(capture(choice, undefined)).rejects.toMatchObject({ problem: 'insecure' });
  });

  it('does without sound where there is no microphone, unless one was chosen', async () => {
    const picture = {} as MediaStream;
    const deaf = devices((wanted) =>
      wanted?.audio ? Promise.reject(failing('NotFoundError')) : Promise.resolve(picture),
    );
    await expect(capture(choice, deaf)).resolves.toBe(picture);
    await expect(capture({ ...choice, microphone: 'm1' }, deaf)).rejects.toMatchObject({
      problem: 'no-device',
    });
  });

  it('asks for the chosen devices and no others', async () => {
    const asked: unknown[] = [];
    const open = devices(async (wanted) => {
      asked.push(wanted);
      return {} as MediaStream;
    });
    await capture({ source: 'camera', camera: 'c1', microphone: 'm1' }, open);
    expect(asked).toMatchObject([
      { video: { deviceId: { exact: 'c1' } }, audio: { deviceId: { exact: 'm1' } } },
    ]);
  });

  it('lists devices that can be chosen', async () => {
    const info = (kind: string, deviceId: string) => ({ kind, deviceId });
    const listed = await listDevices({
      enumerateDevices: async () => [
        info('videoinput', 'c1'),
        info('videoinput', ''),
        info('audioinput', 'default'),
        info('audioinput', 'm1'),
        info('audiooutput', 's1'),
      ],
    } as unknown as MediaDevices);
    expect(listed).toMatchObject({
      cameras: [{ deviceId: 'c1' }],
      microphones: [{ deviceId: 'm1' }],
    });
  });
});
