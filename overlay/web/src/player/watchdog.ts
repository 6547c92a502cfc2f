/** Notices a playhead that stands still while it should move. Pure: it is fed with times. */

export interface WatchdogOptions {
  /** Standing this long, playback is called starved. */
  readonly starvedMs: number;
  /** Standing this long after it has moved, the stream is opened anew. */
  readonly stuckMs: number;
  /** The same for a stream that has not moved yet. */
  readonly startMs: number;
}

export const DEFAULT_WATCHDOG: WatchdogOptions = {
  starvedMs: 900,
  stuckMs: 7_000,
  startMs: 15_000,
};

/** `moving`, `starved` and `stuck` are told at each change; `same` in between. */
export type Verdict = 'moving' | 'starved' | 'stuck' | 'same';

/** A step this small (seconds) is noise of a clock, not playback. */
const MOVED_S = 0.001;

/** Lifecycle: one per opened stream. */
export class Watchdog {
  private sinceMs: number | null = null;
  private lastS: number | null = null;
  private hasMoved = false;
  private told: Verdict = 'same';

  constructor(private readonly options: WatchdogOptions = DEFAULT_WATCHDOG) {}

  /** The playhead at `nowMs`; `wanted` is false where it may stand (paused, tab asleep). */
  observe(nowMs: number, playheadS: number, wanted: boolean): Verdict {
    const moved = this.lastS !== null && Math.abs(playheadS - this.lastS) > MOVED_S;
    this.lastS = playheadS;
    if (!wanted || this.sinceMs === null) {
      this.sinceMs = nowMs;
      return 'same';
    }
    if (moved) {
      this.sinceMs = nowMs;
      this.hasMoved = true;
      return this.tell('moving');
    }
    const stoodMs = nowMs - this.sinceMs;
    if (stoodMs >= (this.hasMoved ? this.options.stuckMs : this.options.startMs)) {
      return this.tell('stuck');
    }
    return this.hasMoved && stoodMs >= this.options.starvedMs ? this.tell('starved') : 'same';
  }

  private tell(verdict: Verdict): Verdict {
    if (verdict === this.told) return 'same';
    this.told = verdict;
    return verdict;
  }
}
