import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';

import { MSGPACK_WIRE } from '../../src/shared/msgpack-wire';
import { RoundTrips } from '../../src/shared/round-trips';
import { JSON_PROTOCOL, JSON_WIRE, MSGPACK_PROTOCOL } from '../../src/shared/wire';

function sent(value: unknown): ArrayBuffer {
  return encode(value).slice().buffer;
}

describe('MSGPACK_WIRE', () => {
  it('gives media as a view of the message, not as a copy', () => {
    const message = sent({ type: 'part', number: 2 ** 40, data: new Uint8Array(70_000).fill(7) });
    const fields = MSGPACK_WIRE.decode(message)!;
    const data = fields['data'] as Uint8Array;
    expect(fields['number']).toBe(2 ** 40);
    expect(data.length).toBe(70_000);
    expect(data.buffer).toBe(message);
  });

  it('speaks JSON where the server does', () => {
    const message = { type: 'clock', t: 5.25 };
    const text = MSGPACK_WIRE.encode(message, JSON_PROTOCOL);
    expect(MSGPACK_WIRE.decode(text)).toEqual(message);
    const binary = MSGPACK_WIRE.encode(message, MSGPACK_PROTOCOL) as Uint8Array;
    expect(MSGPACK_WIRE.decode(binary.slice().buffer)).toEqual(message);
  });

  it('takes nothing that is no map', () => {
    for (const value of [7, null, [], 'x']) expect(MSGPACK_WIRE.decode(sent(value))).toBeNull();
    const whole = new Uint8Array(sent({ type: 'part', data: new Uint8Array(50), number: 1 }));
    for (let i = 0; i < whole.length; i += 1) {
      expect(MSGPACK_WIRE.decode(whole.slice(0, i).buffer)).toBeNull();
    }
    let seed = 3;
    for (let run = 0; run < 20_000; run += 1) {
      const wild = whole.slice();
      for (let i = 0; i < 4; i += 1) {
        seed = (seed * 48_271) % 2_147_483_647;
        wild[seed % wild.length] = (seed >> 8) & 0xff;
      }
      const fields = MSGPACK_WIRE.decode(wild.buffer);
      expect(fields === null || typeof fields === 'object').toBe(true);
    }
  });

  it('is not spoken by pages that play no media of the socket', () => {
    expect(JSON_WIRE.protocols).toEqual([JSON_PROTOCOL]);
    expect(JSON_WIRE.decode('[1]')).toBeNull();
    expect(JSON_WIRE.decode('nonsense')).toBeNull();
  });
});

describe('RoundTrips', () => {
  it('believes the shortest for the clock and the middle one of late for the way', () => {
    const trips = new RoundTrips();
    expect([trips.offsetMs, trips.typicalS]).toEqual([null, null]);
    for (const [sentMs, tookMs] of [
      [0, 10],
      [1_000, 150],
      [2_000, 900],
      [3_000, 160],
    ] as const) {
      trips.read(sentMs, sentMs + tookMs / 4 + 1e6, sentMs + tookMs);
    }
    expect(trips.offsetMs).toBeCloseTo(1e6 - 2.5);
    expect(trips.typicalS).toBeCloseTo(0.16);
    trips.read(5_000, 0, 4_000);
    expect(trips.typicalS).toBeCloseTo(0.16);
  });
});
