/**
 * Which rendition suits the connection, of a stream that is pushed. Pure: it is fed with times.
 *
 * The server sends each part when it exists, so its queue is the network: parts that come later and
 * later say that the way is too narrow, parts on time only that it is wide enough. So a step up is
 * an attempt, made when all has been well for a while, and the longer after each attempt that
 * failed; a step down is quick: to what was really received, or by one rung where playback stood
 * still, or is about to.
 */

export interface Rung {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second at its most. */
  readonly bandwidth: number;
}

export interface Received {
  readonly nowMs: number;
  readonly bytes: number;
  /** How much later than the way at its best (`Arrivals`). */
  readonly latenessS: number;
  /** Seconds that were left to play when it came, and that should have been left. */
  readonly spareS: number;
  readonly targetS: number;
}

/** All has been well for so long: the next rung may be tried. */
const CALM_MS = 8_000;
const MAX_CALM_MS = 120_000;
/** A step down so soon after a step up was that step's fault. */
const BLAME_MS = 15_000;
/** Later than this is trouble, where the next part does not make up for it. */
const LATE_S = 0.45;
const VERY_LATE_S = 1.2;
const CATCHING_UP_S = 0.05;
/** Of what should be left to play, less than this is thin… */
const THIN = 0.5;
/** … and so many parts in a row, each late and leaving less, empty it. */
const THIN_PARTS = 3;
const LATE_AND_THIN_S = 0.1;
/** Anything below this is calm. */
const CALM_LATENESS_S = 0.3;
/** Between two steps down: what is under way still comes. */
const DOWN_EVERY_MS = 3_000;
const RATE_WINDOW_MS = 2_500;
/** Of what was received, a rung may take so much. */
const USABLE = 0.8;

export class RungChooser {
  private ladder: readonly Rung[] = [];
  private current: string | null = null;
  private capWidth = Infinity;
  private capHeight = Infinity;
  private calmSinceMs: number | null = null;
  private lateRun = 0;
  private thinRun = 0;
  private latenessS = 0;
  private spareS = Infinity;
  private upAtMs = -Infinity;
  private downAtMs = -Infinity;
  private neededAtMs = -Infinity;
  private received: readonly Received[] = [];
  /** How long to wait before a rung is tried again, by its name. */
  private readonly patienceMs = new Map<string, number>();

  /** The ladder has changed. */
  offer(rungs: readonly Rung[]): void {
    this.ladder = [...rungs].sort((a, b) => a.bandwidth - b.bandwidth);
  }

  /** No rung is worth more than this many pixels: the smallest that fills them is the last. */
  cap(width: number, height: number): void {
    this.capWidth = width > 0 ? width : Infinity;
    this.capHeight = height > 0 ? height : Infinity;
  }

  /** What comes from now on comes from this rung. */
  playing(name: string, nowMs: number): void {
    if (name === this.current) return;
    this.current = name;
    this.calmSinceMs = nowMs;
    this.lateRun = this.thinRun = 0;
  }

  /** The best rung for a connection of `bps`; null without a ladder. */
  bestFor(bps: number): string | null {
    const { usable } = this;
    return (usable.findLast((rung) => rung.bandwidth <= bps) ?? usable[0])?.name ?? null;
  }

  /** A part came: the name of the rung to ask for now, or null to stay. */
  take(part: Received): string | null {
    const { nowMs, latenessS, spareS } = part;
    this.received = [...this.received, part].filter(
      (each) => nowMs - each.nowMs < RATE_WINDOW_MS,
    );
    const catchesUp = latenessS < this.latenessS - CATCHING_UP_S;
    this.lateRun = latenessS > LATE_S && !catchesUp ? this.lateRun + 1 : 0;
    const thins = spareS < THIN * part.targetS && (spareS < this.spareS || spareS <= 0);
    const empties = thins && latenessS > LATE_AND_THIN_S && latenessS > this.latenessS;
    this.thinRun = empties ? this.thinRun + 1 : 0;
    this.latenessS = latenessS;
    this.spareS = spareS;
    this.calmSinceMs ??= nowMs;
    if (latenessS > CALM_LATENESS_S) this.calmSinceMs = nowMs;
    if (this.lateRun >= 3 || (latenessS > VERY_LATE_S && !catchesUp)) return this.down(nowMs);
    if (this.thinRun >= THIN_PARTS) return this.down(nowMs, 'one');
    return this.up(nowMs);
  }

  /** The server left parts out, since this viewer did not keep up. */
  skipped(nowMs: number): string | null {
    this.calmSinceMs = nowMs;
    return this.down(nowMs);
  }

  /** Playback stood still for want of media: the name of the rung to ask for now, or null. */
  stalled(nowMs: number): string | null {
    this.calmSinceMs = nowMs;
    return this.down(nowMs, 'one');
  }

  private get usable(): readonly Rung[] {
    const enough = this.ladder.findIndex(
      (rung) => rung.width >= this.capWidth || rung.height >= this.capHeight,
    );
    return enough < 0 ? this.ladder : this.ladder.slice(0, enough + 1);
  }

  private down(nowMs: number, by: 'need' | 'one' = 'need'): string | null {
    const at = this.ladder.findIndex(({ name }) => name === this.current);
    // By one is not far enough where the way is much narrower: what is needed may follow at once.
    const beforeMs = by === 'one' ? this.downAtMs : this.neededAtMs;
    if (at <= 0 || nowMs - beforeMs < DOWN_EVERY_MS) return null;
    const again = nowMs - this.downAtMs < DOWN_EVERY_MS;
    if (nowMs - this.upAtMs < BLAME_MS && !again) this.loseFaith(this.ladder[at]!.name);
    this.downAtMs = nowMs;
    this.lateRun = this.thinRun = 0;
    this.calmSinceMs = nowMs;
    if (by === 'one') return this.ladder[at - 1]!.name;
    this.neededAtMs = nowMs;
    const bits = this.received.reduce((sum, each) => sum + 8 * each.bytes, 0);
    const bps = (USABLE * bits * 1e3) / RATE_WINDOW_MS;
    const below = this.ladder.slice(0, at);
    return (below.findLast((rung) => rung.bandwidth <= bps) ?? below[0])?.name ?? null;
  }

  private up(nowMs: number): string | null {
    const { usable } = this;
    const at = usable.findIndex(({ name }) => name === this.current);
    const next = usable[at + 1];
    if (at < 0 || next === undefined || this.calmSinceMs === null) return null;
    if (nowMs - this.calmSinceMs < (this.patienceMs.get(next.name) ?? CALM_MS)) return null;
    this.upAtMs = nowMs;
    this.calmSinceMs = nowMs;
    return next.name;
  }

  private loseFaith(name: string): void {
    const before = this.patienceMs.get(name) ?? CALM_MS;
    this.patienceMs.set(name, Math.min(MAX_CALM_MS, 2 * before));
  }
}
