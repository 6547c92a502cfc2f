import { describe, expect, it } from 'vitest';

import { aheadS, beyondHoleS, playableFromS, type Ranges } from '../../src/player/buffered';

function ranges(...list: [number, number][]): Ranges {
  return { length: list.length, start: (i) => list[i]![0], end: (i) => list[i]![1] };
}

describe('buffered', () => {
  it('plays from where both picture and sound are', () => {
    expect(playableFromS(ranges(), 5)).toBeNull();
    expect(playableFromS(ranges([5.01, 6]), 5)).toBe(5.01);
    expect(playableFromS(ranges([4, 6]), 5)).toBe(5);
    expect(playableFromS(ranges([1, 5], [8, 9]), 5)).toBe(8);
    expect(playableFromS(ranges([1, 5]), 5)).toBeNull();
  });

  it('knows what is left at the playhead, and that a hole is none of it', () => {
    const holed = ranges([1, 5], [5.08, 9]);
    expect(aheadS(holed, 4)).toBe(1);
    expect(aheadS(holed, 5)).toBe(0);
    expect(aheadS(holed, 5.04)).toBe(0);
    expect(aheadS(holed, 5.08)).toBeCloseTo(3.92);
  });

  it('goes on beyond a hole', () => {
    const holed = ranges([1, 5], [8, 9], [11, 12]);
    expect(beyondHoleS(holed, 5)).toBe(8);
    expect(beyondHoleS(holed, 9)).toBe(11);
    expect(beyondHoleS(holed, 12)).toBeNull();
  });
});
