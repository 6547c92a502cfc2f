/**
 * How near to the host a viewer can be: playback is nudged faster or slower so that the buffer,
 * at its lowest, holds a few hundred milliseconds.
 *
 * The buffer of a low-latency stream is a saw: it jumps up by a part and runs down until the next.
 * Only its *trough* is spare, so the trough is what is held at a target, whatever the length of
 * the parts and the round trip. After a stall the target grows; without one it shrinks again, but
 * not below a floor that each stall raises, so that a poor network is not probed again and again.
 */

export interface LatencyOptions {
  /** Spare buffer to begin with, and the least ever aimed at without stalls, in seconds. */
  readonly targetS: number;
  /** The most that is ever aimed at. */
  readonly maxTargetS: number;
  /** A distance to the target that is left alone. */
  readonly deadbandS: number;
  readonly minRate: number;
  readonly maxRate: number;
}

export const DEFAULT_LATENCY: LatencyOptions = {
  targetS: 0.22,
  maxTargetS: 2.5,
  deadbandS: 0.06,
  minRate: 0.95,
  maxRate: 1.08,
};

/** Rate change per second of distance beyond the deadband. */
const GAIN = 0.3;
const SHRINK_AFTER_MS = 20_000;
/** Seconds of target given back per second without a stall. */
const SHRINK_PER_S = 0.01;
const FLOOR_PER_STALL_S = 0.04;
const MAX_FLOOR_S = 0.6;

interface Sample {
  readonly atMs: number;
  readonly bufferedS: number;
}

/** Lifecycle: one per opened stream. Samples older than the window are forgotten. */
export class LatencyController {
  private samples: Sample[] = [];
  private target: number;
  private floor: number;
  private stalledAtMs: number | null = null;
  private lastMs: number | null = null;

  constructor(private readonly options: LatencyOptions = DEFAULT_LATENCY) {
    this.target = options.targetS;
    this.floor = options.targetS;
  }

  /** Spare buffer aimed at now, in seconds. */
  get targetS(): number {
    return this.target;
  }

  /**
   * Takes the seconds buffered ahead of the playhead at `nowMs` (any monotonic clock, about ten
   * times a second) and gives the playback rate to set. `partS` is the length of a part.
   */
  sample(nowMs: number, bufferedS: number, partS: number): number {
    this.shrink(nowMs);
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
    const distance = troughS - this.target;
    if (Math.abs(distance) <= deadbandS) return 1;
    const rate = 1 + GAIN * (distance - Math.sign(distance) * deadbandS);
    return Math.round(100 * Math.min(maxRate, Math.max(minRate, rate))) / 100;
  }

  private shrink(nowMs: number): void {
    const elapsedS = (nowMs - (this.lastMs ?? nowMs)) / 1_000;
    this.lastMs = nowMs;
    if (this.stalledAtMs !== null && nowMs - this.stalledAtMs < SHRINK_AFTER_MS) return;
    this.target = Math.max(this.floor, this.target - SHRINK_PER_S * elapsedS);
  }
}
