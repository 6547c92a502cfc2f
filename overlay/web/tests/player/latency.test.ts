import { describe, expect, it } from 'vitest';

import { Arrivals } from '../../src/player/arrivals';
import { DEFAULT_LATENCY, LatencyController, PUSH_LATENCY } from '../../src/player/latency';

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

/** A viewer by push on a virtual clock, who knows when parts arrive. */
class Pushed {
  readonly controller = new LatencyController(PUSH_LATENCY);
  readonly arrivals = new Arrivals();
  stalls = 0;
  slowest = 1;
  private nowMs = 0;
  private playheadS = -1.2;
  private part = 0;
  private endS = -0.2;
  private standing = false;

  constructor(private readonly partS: number) {}

  play(seconds: number, roundTripS = 0, lateS: (part: number) => number = () => 0): this {
    const untilMs = this.nowMs + 1e3 * seconds;
    for (; this.nowMs < untilMs; this.nowMs += 10) {
      const endS = (this.part + 1) * this.partS;
      if (this.nowMs / 1e3 >= endS + roundTripS / 2 + lateS(this.part)) {
        this.part += 1;
        this.endS = endS;
        this.arrivals.arrived(this.nowMs, endS);
      }
      this.advance(roundTripS);
    }
    return this;
  }

  /** From the newest moment at the host to what is on screen. */
  get behindS(): number {
    return this.nowMs / 1e3 - this.playheadS;
  }

  private advance(roundTripS: number): void {
    const { arrivals, nowMs, partS } = this;
    const bufferedS = this.endS - this.playheadS;
    const way = {
      roundTripS,
      spareS: arrivals.spareS(nowMs, this.playheadS, partS),
      latenessS: arrivals.peakAt(nowMs),
      overdueS: arrivals.overdueS(nowMs, partS),
    };
    const rate = this.controller.sample(nowMs, bufferedS, partS, way);
    this.slowest = Math.min(this.slowest, rate);
    if (bufferedS <= 0 && !this.standing) {
      this.stalls += 1;
      this.controller.stalled(nowMs);
    }
    this.standing = bufferedS <= (this.standing ? 0.05 : 0);
    if (!this.standing) this.playheadS += Math.min(bufferedS, 0.01 * rate);
  }
}

describe('LatencyController of pushed media', () => {
  it.each([0.2, 1 / 3, 1])('is a part and a little behind the host, with parts of %d s', (partS) => {
    const viewer = new Pushed(partS).play(40);
    expect(viewer.stalls).toBe(0);
    expect(viewer.behindS).toBeGreaterThan(partS + 0.05);
    expect(viewer.behindS).toBeLessThan(1.2 * partS + 0.18);
  });

  it('keeps as much more as the way is longer, before anything is lost', () => {
    const viewer = new Pushed(0.2).play(40);
    const nearS = viewer.behindS;
    viewer.play(40, 0.15);
    expect(viewer.stalls).toBe(0);
    expect(viewer.behindS - nearS).toBeGreaterThan(0.15);
  });

  it('does not stall twice for parts that have to be sent again', () => {
    const lossy = (part: number) => (part % 9 === 0 ? 0.3 : 0);
    const viewer = new Pushed(1 / 3).play(10).play(60, 0.15, lossy);
    expect(viewer.stalls).toBeLessThanOrEqual(1);
    const stalls = viewer.stalls;
    expect(viewer.play(60, 0.15, lossy).stalls).toBe(stalls);
  });

  it.each([
    { partS: 1 / 3, most: 0 },
    { partS: 0.2, most: 1 },
  ])('stalls $most times when a good way turns bad at once, parts of $partS s', ({ partS, most }) => {
    for (let from = 0; from < 5; from += 1) {
      const lossy = (part: number) => (part % 5 === from ? 0.3 : 0);
      const viewer = new Pushed(partS).play(15).play(30, 0.15, lossy);
      expect(viewer.stalls).toBeLessThanOrEqual(most);
    }
  });

  it('does not slow down for what there is a reserve for', () => {
    const jittery = (part: number) => (part % 6 === 0 ? 0.12 : 0);
    const viewer = new Pushed(1 / 3).play(40, 0, jittery);
    viewer.slowest = 1;
    viewer.play(20, 0, jittery);
    expect(viewer.slowest).toBeGreaterThan(0.95);
  });

  it('slows down at once for a part that is overdue, and is normal again after it', () => {
    const viewer = new Pushed(1 / 3).play(20);
    viewer.slowest = 1;
    viewer.play(10, 0, (part) => (part === 62 ? 0.15 : 0));
    expect(viewer.stalls).toBe(0);
    expect(viewer.slowest).toBeLessThan(0.9);
    expect(viewer.slowest).toBeGreaterThanOrEqual(0.3);
  });
});
