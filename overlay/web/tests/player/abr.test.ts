import { describe, expect, it } from 'vitest';

import { type Rung, RungChooser } from '../../src/player/abr';
import { Arrivals } from '../../src/player/arrivals';

const RUNGS: readonly Rung[] = [
  { name: '720', width: 1280, height: 720, bandwidth: 2_500_000 },
  { name: '480', width: 854, height: 480, bandwidth: 1_200_000 },
  { name: '360', width: 640, height: 360, bandwidth: 600_000 },
];
const PART_S = 0.333;

/** A viewer behind a way of some width: the server sends each part when it exists, one by one. */
class Viewer {
  readonly chooser = new RungChooser();
  readonly arrivals = new Arrivals();
  readonly switches: string[] = [];
  current = '360';
  worstS = 0;
  stalls = 0;
  private playheadLagS: number;
  private part = 0;
  private freeS = 0;

  constructor(
    private readonly holdsS = 0.4,
    private readonly hears: { stalls: boolean } = { stalls: false },
  ) {
    this.playheadLagS = PART_S + holdsS;
    this.chooser.offer(RUNGS);
    this.chooser.playing(this.current, 0);
  }

  watch(seconds: number, bps: number, lateS: (part: number) => number = () => 0): this {
    for (let i = 0; i < seconds / PART_S; i += 1) {
      const { bandwidth } = RUNGS.find(({ name }) => name === this.current)!;
      const bytes = (0.9 * bandwidth * PART_S) / 8;
      this.part += 1;
      const endS = this.part * PART_S;
      this.freeS = Math.max(this.freeS, endS + lateS(this.part)) + (8 * bytes) / bps;
      const nowMs = 1e3 * this.freeS;
      const latenessS = this.arrivals.arrived(nowMs, endS);
      this.worstS = Math.max(this.worstS, latenessS);
      const spareS = this.spare(endS);
      const stalled = spareS < 0 ? this.stall(-spareS, nowMs) : null;
      const part = { nowMs, bytes, latenessS, spareS: Math.max(0, spareS), targetS: this.holdsS };
      this.turn(stalled ?? this.chooser.take(part), nowMs);
    }
    return this;
  }

  /** What is left of the part before, when this one comes. */
  private spare(endS: number): number {
    const playheadS = this.freeS - this.playheadLagS;
    return endS - PART_S - playheadS;
  }

  private stall(forS: number, nowMs: number): string | null {
    this.playheadLagS += forS;
    this.stalls += 1;
    return this.hears.stalls ? this.chooser.stalled(nowMs) : null;
  }

  private turn(next: string | null, nowMs: number): void {
    if (next === null) return;
    this.switches.push(next);
    this.current = next;
    this.chooser.playing(next, nowMs);
  }
}

describe('RungChooser', () => {
  it('begins with what the connection is said to bear', () => {
    const { chooser } = new Viewer();
    expect(chooser.bestFor(3e6)).toBe('720');
    expect(chooser.bestFor(1.3e6)).toBe('480');
    expect(chooser.bestFor(1)).toBe('360');
    expect(new RungChooser().bestFor(1e6)).toBeNull();
  });

  it('climbs one rung at a time where the way is wide, and stays', () => {
    expect(new Viewer().watch(60, 2e7).switches).toEqual(['480', '720']);
  });

  it('goes down within seconds when the way narrows, to what fits', () => {
    const viewer = new Viewer().watch(30, 2e7);
    expect(viewer.current).toBe('720');
    viewer.watch(8, 9e5);
    expect(viewer.current).toBe('360');
    expect(viewer.worstS).toBeLessThan(5);
  });

  it('tries a rung that failed less and less often', () => {
    const tries = (from: number, viewer: Viewer) =>
      viewer.switches.slice(from).filter((name) => name === '480').length;
    const viewer = new Viewer().watch(120, 9e5);
    const early = tries(0, viewer);
    const before = viewer.switches.length;
    viewer.watch(120, 9e5);
    expect(early).toBeGreaterThan(0);
    expect(tries(before, viewer)).toBeLessThan(early);
  });

  it('does not leave a rung for single parts that had to be sent again', () => {
    const lossy = (part: number) => (part % 7 === 0 ? 0.35 : 0);
    const viewer = new Viewer().watch(30, 2e7).watch(60, 2e7, lossy);
    expect(viewer.switches).toEqual(['480', '720']);
  });

  it('does not climb past what the picture shows', () => {
    const viewer = new Viewer();
    viewer.chooser.cap(800, 450);
    expect(viewer.chooser.bestFor(9e6)).toBe('480');
    expect(viewer.watch(60, 2e7).switches).toEqual(['480']);
  });

  it('goes down before the buffer runs dry, where it is long enough to see it run', () => {
    const viewer = new Viewer(0.8).watch(30, 2e7);
    expect([viewer.current, viewer.stalls]).toEqual(['720', 0]);
    viewer.watch(7, 1.6e6);
    expect([viewer.current, viewer.stalls]).toEqual(['480', 0]);
  });

  it('goes down by one for each stall, and up again when all has been well for a while', () => {
    const { chooser } = new Viewer().watch(30, 2e7);
    const well = { bytes: 1e5, latenessS: 0, spareS: 1, targetS: 0.4 };
    expect(chooser.stalled(60_000)).toBe('480');
    expect(chooser.stalled(60_100)).toBeNull();
    chooser.playing('480', 61_000);
    expect(chooser.stalled(64_000)).toBe('360');
    chooser.playing('360', 64_500);
    expect(chooser.stalled(70_000)).toBeNull();
    expect(chooser.take({ ...well, nowMs: 77_000 })).toBeNull();
    expect(chooser.take({ ...well, nowMs: 78_500 })).toBe('480');
  });

  it('comes through a narrow stretch with few stalls, and back up after it', () => {
    const viewer = new Viewer(0.4, { stalls: true }).watch(30, 3e6);
    viewer.watch(30, 7e5);
    expect(viewer.current).toBe('360');
    expect(viewer.stalls).toBeLessThan(5);
    viewer.watch(60, 3e6);
    expect(viewer.current).toBe('720');
  });

  it('stalls less often for hearing of stalls', () => {
    const stalls = (heard: boolean) =>
      new Viewer(0.1, { stalls: heard }).watch(30, 3e6).watch(60, 1.9e6).stalls;
    expect(stalls(true)).toBeLessThan(stalls(false));
  });

  it('does not take a buffer that is thin but steady for one that empties', () => {
    const { chooser } = new Viewer().watch(30, 2e7);
    for (let i = 0; i < 30; i += 1) {
      const shaken = { latenessS: 0.15 + 0.1 * (i % 2), spareS: 0.15 - 0.1 * (i % 2) };
      const part = { nowMs: 40_000 + 333 * i, bytes: 1e5, targetS: 0.4, ...shaken };
      expect(chooser.take(part)).toBeNull();
    }
  });

  it('goes down at once when the server had to leave parts out', () => {
    const viewer = new Viewer().watch(30, 2e7);
    expect(viewer.chooser.skipped(31_000)).not.toBeNull();
    expect(viewer.chooser.skipped(31_100)).toBeNull();
  });
});
