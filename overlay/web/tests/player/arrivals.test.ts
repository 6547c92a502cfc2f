import { describe, expect, it } from 'vitest';

import { Arrivals } from '../../src/player/arrivals';

const PART_S = 0.2;

/** Parts number `from` to `to`, the last excluded, each so late. */
function run(arrivals: Arrivals, from: number, to: number, lateS: (part: number) => number): number[] {
  const found: number[] = [];
  for (let part = from; part < to; part += 1) {
    const endS = (part + 1) * PART_S;
    found.push(arrivals.arrived(1e3 * (endS + 5 + lateS(part)), endS));
  }
  return found;
}

describe('Arrivals', () => {
  it('knows what the buffer will hold at its lowest', () => {
    const arrivals = new Arrivals();
    expect(arrivals.spareS(0, 0, PART_S)).toBeNull();
    run(arrivals, 0, 10, () => 0);
    // The last part ended at 2 s and is here at 7 s: what is left then is played until 7.2 s.
    expect(arrivals.spareS(7_000, 1.7, PART_S)).toBeCloseTo(0.1);
    expect(arrivals.spareS(7_100, 1.8, PART_S)).toBeCloseTo(0.1);
    expect(arrivals.overdueS(7_100, PART_S)).toBe(0);
    expect(arrivals.overdueS(7_250, PART_S)).toBeCloseTo(0.05);
  });

  it('remembers the worst, and slowly forgets it', () => {
    const arrivals = new Arrivals();
    const late = run(arrivals, 0, 50, (part) => (part === 20 ? 0.3 : 0));
    expect(Math.max(...late)).toBeCloseTo(0.3);
    const peakS = arrivals.peakAt(15_000);
    expect(peakS).toBeGreaterThan(0.15);
    expect(peakS).toBeLessThan(0.3);
    expect(arrivals.peakAt(60_000)).toBe(0);
  });

  it('takes what comes in one go at the beginning for old, not for late', () => {
    const arrivals = new Arrivals();
    for (let part = 0; part < 6; part += 1) arrivals.arrived(7_000 + part, (part + 1) * PART_S);
    expect(arrivals.peakAt(7_000)).toBeLessThan(0.01);
  });

  it('does not call late what was missed while the server was away', () => {
    const arrivals = new Arrivals();
    run(arrivals, 0, 20, () => 0);
    arrivals.resumed(11_000);
    for (let part = 20; part < 30; part += 1) arrivals.arrived(11_010, (part + 1) * PART_S);
    expect(arrivals.peakAt(11_010)).toBeLessThan(0.1);
    expect(run(arrivals, 31, 33, () => 0.4).at(-1)).toBeCloseTo(0.4);
    expect(arrivals.peakAt(11_600)).toBeGreaterThan(0.3);
  });

  it('takes a longer way for the way, after a while', () => {
    const arrivals = new Arrivals();
    run(arrivals, 0, 20, () => 0);
    const late = run(arrivals, 20, 220, () => 0.08);
    expect(late[0]).toBeCloseTo(0.08);
    expect(late.at(-1)).toBeCloseTo(0);
  });
});
