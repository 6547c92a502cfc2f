import { describe, expect, it } from 'vitest';

import { DEFAULT_LATENCY, LatencyController } from '../../src/player/latency';

const PART_S = 1 / 3;

interface Run {
  readonly seconds: number;
  /** Seconds from a part's end to its arrival in the buffer. */
  readonly arrivalS?: (part: number) => number;
}

/** A viewer and a stream of parts on a virtual clock: gives the spare buffer and the stalls. */
class Playback {
  readonly controller = new LatencyController();
  rate = 1;
  stalls = 0;
  troughS = Infinity;
  private nowMs = 0;
  private playheadS: number;
  private endS: number;
  private standing = false;

  constructor(aheadS: number) {
    this.playheadS = 100;
    this.endS = 100 + aheadS;
    this.nowMs = this.endS * 1_000;
  }

  play({ seconds, arrivalS = () => 0 }: Run): this {
    const untilMs = this.nowMs + seconds * 1_000;
    this.troughS = Infinity;
    for (; this.nowMs < untilMs; this.nowMs += 20) {
      const part = Math.round(this.endS / PART_S);
      if (this.nowMs / 1_000 >= this.endS + PART_S + arrivalS(part)) this.endS += PART_S;
      const aheadS = this.endS - this.playheadS;
      this.troughS = Math.min(this.troughS, aheadS);
      this.advance(aheadS);
      if (this.nowMs % 100 < 20) {
        this.rate = this.controller.sample(this.nowMs, aheadS, PART_S);
      }
    }
    return this;
  }

  private advance(aheadS: number): void {
    if (this.standing && aheadS < 0.1) return;
    this.standing = aheadS <= 0;
    if (this.standing) {
      this.stalls += 1;
      this.controller.stalled(this.nowMs);
      this.rate = 1;
    } else {
      this.playheadS += Math.min(aheadS, 0.02 * this.rate);
    }
  }
}

describe('LatencyController', () => {
  it('brings a viewer who began a second behind near the edge, without a stall', () => {
    const playback = new Playback(1.3).play({ seconds: 25 }).play({ seconds: 10 });
    expect(playback.stalls).toBe(0);
    expect(playback.troughS).toBeGreaterThan(DEFAULT_LATENCY.targetS - 0.1);
    expect(playback.troughS).toBeLessThan(DEFAULT_LATENCY.targetS + 0.15);
  });

  it('slows down rather than run dry when it is too near', () => {
    const playback = new Playback(0.35).play({ seconds: 3 });
    expect(playback.rate).toBeLessThan(1);
    expect(playback.play({ seconds: 20 }).stalls).toBe(0);
  });

  it('keeps more in reserve on a network that stalls, until it no longer does', () => {
    const jitter = (part: number) => ((part * 7_919) % 10) / 12;
    const playback = new Playback(1).play({ seconds: 60, arrivalS: jitter });
    const stallsOfFirstMinute = playback.stalls;
    expect(stallsOfFirstMinute).toBeGreaterThan(0);
    expect(playback.controller.targetS).toBeGreaterThan(DEFAULT_LATENCY.targetS);
    playback.play({ seconds: 60, arrivalS: jitter });
    expect(playback.stalls - stallsOfFirstMinute).toBeLessThanOrEqual(2);
  });

  it('gives the reserve back on a network that has become good, but not all of it', () => {
    const controller = new LatencyController();
    controller.sample(0, 1, PART_S);
    for (let i = 0; i < 3; i += 1) controller.stalled(1_000 * i);
    const wary = controller.targetS;
    for (let ms = 0; ms < 300_000; ms += 100) controller.sample(ms, 1, PART_S);
    expect(controller.targetS).toBeLessThan(wary);
    expect(controller.targetS).toBeGreaterThan(DEFAULT_LATENCY.targetS);
  });

  it('never aims beyond its bound, nor nudges beyond what ears forgive', () => {
    const controller = new LatencyController();
    for (let i = 0; i < 100; i += 1) controller.stalled(i);
    expect(controller.targetS).toBe(DEFAULT_LATENCY.maxTargetS);
    const rates = [0, 0.1, 0.2, 1, 60].map((aheadS) => {
      const fresh = new LatencyController();
      let rate = 1;
      for (let ms = 0; ms <= 2_000; ms += 100) rate = fresh.sample(ms, aheadS, PART_S);
      return rate;
    });
    expect(Math.min(...rates)).toBe(DEFAULT_LATENCY.minRate);
    expect(Math.max(...rates)).toBe(DEFAULT_LATENCY.maxRate);
  });

  it('leaves the rate alone until it has seen a whole tooth of the saw', () => {
    const controller = new LatencyController();
    expect(controller.sample(0, 9, 1)).toBe(1);
    expect(controller.sample(1_000, 9, 1)).toBe(1);
    expect(controller.sample(1_600, 9, 1)).toBeGreaterThan(1);
    controller.moved();
    expect(controller.sample(1_700, 9, 1)).toBe(1);
  });
});
