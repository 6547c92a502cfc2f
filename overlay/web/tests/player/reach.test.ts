import { describe, expect, it } from 'vitest';

import { barOf, clockOf, placeOf, reachOf, shareOf } from '../../src/player/reach';

const ranges = (...list: readonly [number, number][]) =>
  ({
    length: list.length,
    start: (at: number) => list[at]![0],
    end: (at: number) => list[at]![1],
  }) as TimeRanges;

describe('how far one may go back', () => {
  it('is unknown without a range or a live edge', () => {
    expect(reachOf({ seekable: ranges(), currentTime: 3 }, 9, true)).toBeNull();
    expect(reachOf({ seekable: ranges([2, 10]), currentTime: 3 }, undefined, true)).toBeNull();
    expect(reachOf({ seekable: ranges([2, 10]), currentTime: 3 }, 9, false)).toEqual({
      startS: 2,
      liveS: 9,
      nowS: 3,
      live: false,
    });
  });

  it('has a bar of a minute at least, and none for next to nothing', () => {
    expect(barOf({ startS: 100, liveS: 103, nowS: 103, live: false })).toBeNull();
    expect(barOf({ startS: Number.NaN, liveS: 103, nowS: 103, live: true })).toBeNull();
    expect(barOf({ startS: 100, liveS: 120, nowS: 110, live: false })).toEqual({
      min: -60,
      from: -20,
      now: -10,
    });
    expect(barOf({ startS: 0, liveS: 180.5, nowS: 200, live: false })).toEqual({
      min: -181,
      from: -180.5,
      now: 0,
    });
  });

  it('is never more than there is, and next to live is live', () => {
    const bar = { min: -60, from: -19.5, now: 0 };
    expect(placeOf(bar, -45)).toBe(-19);
    expect(placeOf(bar, -7)).toBe(-7);
    expect(placeOf(bar, -0.4)).toBe(0);
  });

  it('is left with the first press of a key, however far behind live playback was held', () => {
    for (const behindS of [0, 0.6, 1.4]) {
      const reach = { startS: 100, liveS: 130, nowS: 130 - behindS, live: true };
      let place = placeOf(barOf(reach)!, barOf(reach)!.now);
      expect(place).toBe(0);
      for (const wanted of [-1, -2, -3]) {
        place = placeOf(barOf(reach)!, Math.round(place) - 1);
        const gone = barOf({ ...reach, nowS: reach.liveS + place, live: false })!;
        expect(placeOf(gone, gone.now)).toBe(wanted);
      }
    }
  });

  it('is drawn from left to right', () => {
    const bar = { min: -60, from: -20, now: -15 };
    expect([-60, -15, 0, -90].map((seconds) => shareOf(bar, seconds))).toEqual([0, 0.75, 1, 0]);
    expect([-5, 65.4, 600].map(clockOf)).toEqual(['0:05', '1:05', '10:00']);
  });
});
