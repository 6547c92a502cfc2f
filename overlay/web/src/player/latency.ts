/**
 * How near to the host a viewer can be: playback is nudged faster or slower so that the buffer,
 * at its lowest, holds a few hundred milliseconds. One for all engines.
 *
 * The buffer of a low-latency stream is a saw: it jumps up by a part and runs down until the next.
 * Only its *trough* is spare, so the trough is what is held at a target, whatever the length of
 * the parts. An engine that knows when parts arrive says what the trough will be; for others it is
 * the least of late. The target is what parts have been late, and more the longer the round trip:
 * what is lost on the way comes a round trip later. After a stall it grows; without one it shrinks
 * again, but not below a floor that each stall raises, so that a poor network is not probed again
 * and again. A part that is later than any of late slows playback down at once, rather than let it
 * run dry.
 */

export interface LatencyOptions {
  /** Spare buffer to begin with, and the least ever aimed at without stalls, in seconds. */
  readonly targetS: number;
  /** Of a part's length, so much is kept besides: the longer it is, the more of it can be lost. */
  readonly partShare: number;
  /** The most that is ever aimed at. */
  readonly maxTargetS: number;
  /** A distance to the target that is left alone. */
  readonly deadbandS: number;
  readonly minRate: number;
  readonly maxRate: number;
  /** Of the round trip, so many are kept besides. */
  readonly roundTrips: number;
}

/** What is known of the way that the media takes. */
export interface Way {
  /** There and back, in seconds; null while unknown. */
  readonly roundTripS: number | null;
  /** The trough to come, where the engine knows it; else null. */
  readonly spareS: number | null;
  /** The worst that parts were late of late. */
  readonly latenessS: number;
  /** By how much the part that is due is late already. */
  readonly overdueS: number;
}

export const DEFAULT_LATENCY: LatencyOptions = {
  targetS: 0.22,
  partShare: 0,
  maxTargetS: 2.5,
  deadbandS: 0.06,
  minRate: 0.95,
  maxRate: 1.08,
  roundTrips: 1,
};

/** For parts that come without being asked for: nothing but their lateness has to be bridged. */
export const PUSH_LATENCY: LatencyOptions = {
  ...DEFAULT_LATENCY,
  targetS: 0.06,
  partShare: 0.3,
  deadbandS: 0.04,
  minRate: 0.9,
};

export const UNKNOWN_WAY: Way = { roundTripS: null, spareS: null, latenessS: 0, overdueS: 0 };

/** Rate change per second of distance beyond the deadband. */
const GAIN = 0.3;
const SHRINK_AFTER_MS = 20_000;
/** Seconds of target given back per second without a stall. */
const SHRINK_PER_S = 0.01;
const FLOOR_PER_STALL_S = 0.04;
const MAX_FLOOR_S = 0.6;
/** A part later than this, with little left to play, slows playback down to `LEAST_RATE`. */
const OVERDUE_S = 0.03;
/** Little is this where parts have been as late before, for which there is a reserve… */
const DRY_S = 0.1;
/** … and this where none has: nobody knows how late it will be. */
const WARY_S = 0.35;
/** For an instant, with no sound in some browsers: still less of a break than standing still. */
const LEAST_RATE = 0.3;

/** The spare buffer that is aimed at on the best of ways, with parts of that length, in seconds. */
export function leastTargetS({ targetS, partShare }: LatencyOptions, partS: number): number {
  return targetS + partShare * partS;
}

interface Sample {
  readonly atMs: number;
  readonly bufferedS: number;
}

/** Lifecycle: one per opened stream. Samples older than the window are forgotten. */
export class LatencyController {
  private samples: Sample[] = [];
  private target: number;
  private floor: number;
  /** What the way alone asks for. */
  private wayS = 0;
  private stalledAtMs: number | null = null;
  private lastMs: number | null = null;

  constructor(private readonly options: LatencyOptions = DEFAULT_LATENCY) {
    this.target = options.targetS;
    this.floor = options.targetS;
  }

  /** Spare buffer aimed at now, in seconds. */
  get targetS(): number {
    return Math.min(this.options.maxTargetS, Math.max(this.target, this.wayS));
  }

  /**
   * Takes the seconds buffered ahead of the playhead at `nowMs` (any monotonic clock, about ten
   * times a second) and gives the playback rate to set. `partS` is the length of a part.
   */
  sample(nowMs: number, bufferedS: number, partS: number, way: Way = UNKNOWN_WAY): number {
    this.shrink(nowMs);
    const reserveS = way.latenessS + this.options.roundTrips * (way.roundTripS ?? 0);
    this.wayS = leastTargetS(this.options, partS) + reserveS;
    const dryS = way.overdueS > way.latenessS + OVERDUE_S ? WARY_S : DRY_S;
    if (way.overdueS > OVERDUE_S && bufferedS < dryS) {
      return rounded(Math.max(LEAST_RATE, bufferedS / dryS));
    }
    if (way.spareS !== null) return this.rateFor(way.spareS);
    const windowMs = Math.max(1_000, 3_000 * partS);
    this.samples = this.samples.filter((s) => nowMs - s.atMs < windowMs);
    this.samples.push({ atMs: nowMs, bufferedS });
    const [oldest] = this.samples;
    if (oldest === undefined || nowMs - oldest.atMs < windowMs / 2) return 1;
    return this.rateFor(Math.min(...this.samples.map((s) => s.bufferedS)));
  }

  /** Playback stood still for want of media: more is kept in reserve from now on. */
  stalled(nowMs: number): void {
    this.target = Math.min(this.options.maxTargetS, this.target * 1.4 + 0.1);
    this.floor = Math.min(MAX_FLOOR_S, this.floor + FLOOR_PER_STALL_S);
    this.stalledAtMs = nowMs;
    this.samples = [];
  }

  /** The playhead was moved or playback was paused: old samples say nothing about the present. */
  moved(): void {
    this.samples = [];
  }

  private rateFor(troughS: number): number {
    const { deadbandS, minRate, maxRate } = this.options;
    const distance = troughS - this.targetS;
    if (Math.abs(distance) <= deadbandS) return 1;
    const rate = 1 + GAIN * (distance - Math.sign(distance) * deadbandS);
    return rounded(Math.min(maxRate, Math.max(minRate, rate)));
  }

  private shrink(nowMs: number): void {
    const elapsedS = (nowMs - (this.lastMs ?? nowMs)) / 1_000;
    this.lastMs = nowMs;
    if (this.stalledAtMs !== null && nowMs - this.stalledAtMs < SHRINK_AFTER_MS) return;
    this.target = Math.max(this.floor, this.target - SHRINK_PER_S * elapsedS);
  }
}

/** To the percent: a rate that changes all the time is heard. */
function rounded(rate: number): number {
  return Math.round(100 * rate) / 100;
}
