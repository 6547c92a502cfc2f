import { describe, expect, it } from 'vitest';

import { payloadOfAttribute, payloadOfId3 } from '../../src/player/metadata';
import { MediaTimeline, tickAtUtc } from '../../src/player/timeline';

describe('MediaTimeline', () => {
  it('knows nothing before media', () => {
    expect(new MediaTimeline().mediaTimeS(0)).toBeNull();
  });

  it('adds the offset within and around what was buffered', () => {
    const timeline = new MediaTimeline();
    for (let i = 0; i < 100; i += 1) timeline.learn(i / 3, (i + 1) / 3, 100);
    expect(timeline.mediaTimeS(5)).toBe(105);
    expect(timeline.mediaTimeS(500)).toBe(600);
  });

  it('keeps the offsets of both sides of a discontinuity', () => {
    const timeline = new MediaTimeline();
    timeline.learn(0, 10, 100);
    timeline.learn(10, 20, -3);
    expect([0, 9.99, 10, 19].map((s) => timeline.mediaTimeS(s))).toEqual([100, 109.99, 7, 16]);
    // Back before it: the first side is loaded again.
    timeline.learn(0, 2, 100);
    expect([1, 9, 10, 25].map((s) => timeline.mediaTimeS(s))).toEqual([101, 109, 7, 125]);
  });

  it('believes what was laid over older media', () => {
    const timeline = new MediaTimeline();
    timeline.learn(0, 30, 0);
    timeline.learn(10, 20, 50);
    expect([9, 10, 19, 20].map((s) => timeline.mediaTimeS(s))).toEqual([9, 60, 69, 20]);
  });

  it('is bounded', () => {
    const timeline = new MediaTimeline();
    for (let i = 0; i < 1_000; i += 1) timeline.learn(10 * i, 10 * i + 1, i);
    expect(timeline.mediaTimeS(9_990)).toBe(9_990 + 999);
    expect(timeline.mediaTimeS(0)).toBe(999);
  });

  it('counts ticks from the anchor', () => {
    const anchor = { epoch: 'e', utcUs: 1_700_000_000_000_500 };
    expect(tickAtUtc(anchor, 1_700_000_000_001)).toBe(45);
    expect(tickAtUtc(anchor, 1_700_000_010_000.5)).toBe(900_000);
  });
});

describe('timed metadata', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const syncSafe = (n: number) => [(n >> 21) & 127, (n >> 14) & 127, (n >> 7) & 127, n & 127];

  function frame(id: string, body: Uint8Array): number[] {
    return [...bytes(id), ...syncSafe(body.length), 0, 0, ...body];
  }

  function tag(...frames: number[][]): Uint8Array {
    const body = frames.flat();
    return Uint8Array.from([...bytes('ID3'), 4, 0, 0, ...syncSafe(body.length), ...body]);
  }

  const json = '{"id":"c1","name":"Café"}'.padEnd(300, ' ');
  const ours = frame('PRIV', bytes(`comptoir.cue\0${json}`));

  it('is read from the frame of its owner', () => {
    expect(payloadOfId3(tag(ours), 'comptoir.cue')).toBe(json);
    const others = [frame('TXXX', bytes('x')), frame('PRIV', bytes('other\0{}'))];
    expect(payloadOfId3(tag(...others, ours), 'comptoir.cue')).toBe(json);
    expect(payloadOfId3(tag(...others), 'comptoir.cue')).toBeNull();
  });

  it('is not read from anything else, and nothing breaks', () => {
    const whole = tag(ours);
    for (let length = 0; length < whole.length; length += 1) {
      const read = payloadOfId3(whole.slice(0, length), 'comptoir.cue');
      expect(read === null || json.startsWith(read)).toBe(true);
    }
    expect(payloadOfId3(new Uint8Array(64), 'comptoir.cue')).toBeNull();
    expect(payloadOfId3(tag(frame('PRIV', bytes(''))), 'comptoir.cue')).toBeNull();
    const broken = frame('PRIV', Uint8Array.from([...bytes('comptoir.cue\0'), 0xff, 0xfe]));
    expect(payloadOfId3(tag(broken), 'comptoir.cue')).toBeNull();
  });

  it('is read from an attribute in base64url', () => {
    const encode = (text: string) =>
      btoa(String.fromCharCode(...bytes(text)))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '');
    expect(payloadOfAttribute(encode('{"a":"é?>~"}'))).toBe('{"a":"é?>~"}');
    for (const bad of ['', '!', 'a', 'AA==', '_w', 'A'.repeat(1e5)]) {
      expect(payloadOfAttribute(bad)).toBeNull();
    }
  });
});
