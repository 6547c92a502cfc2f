/**
 * When parts arrive beside when their media ends: what the network does to a stream that is pushed.
 * Pure: it is fed with times.
 *
 * A part's *lag* is its arrival minus the end of its media, on clocks that have nothing in common but
 * their pace. The least lag of late is the way at its best; what a part took longer is its *lateness*.
 */

const BUCKET_MS = 5_000;
const BUCKETS = 6;
/** The worst lateness is given back by so much a second. */
const FORGET_PER_S = 0.015;
const MAX_PEAK_S = 1.5;
/** After a new beginning old parts come in one go: they are not late. */
const SETTLED_S = 0.1;
const SETTLE_MS = 3_000;

interface Bucket {
  readonly beganMs: number;
  leastS: number;
}

export class Arrivals {
  /** The least lag in each of the last stretches of time, the newest last. */
  private buckets: Bucket[] = [];
  private peak = 0;
  private lastMs: number | null = null;
  private lastEndS = 0;
  private settlingUntilMs: number | null = null;

  /** Parts of the past come now, or others than before. */
  resumed(nowMs: number): void {
    this.settlingUntilMs = nowMs + SETTLE_MS;
  }

  /** A part that ends at `endS` of media time is here. Gives its lateness in seconds. */
  arrived(nowMs: number, endS: number): number {
    const lagS = nowMs / 1e3 - endS;
    this.keep(nowMs, lagS);
    const lateS = lagS - this.leastS!;
    this.peak = this.peakAt(nowMs);
    this.lastMs = nowMs;
    this.lastEndS = Math.max(endS, this.lastEndS);
    if (this.settlingUntilMs !== null) {
      const settled = lateS < SETTLED_S || nowMs > this.settlingUntilMs;
      if (!settled) return 0;
      this.settlingUntilMs = null;
    }
    this.peak = Math.min(MAX_PEAK_S, Math.max(this.peak, lateS));
    return lateS;
  }

  /** The worst lateness of late, slowly forgotten. */
  peakAt(nowMs: number): number {
    const forgotten = this.lastMs === null ? 0 : ((nowMs - this.lastMs) / 1e3) * FORGET_PER_S;
    return Math.max(0, this.peak - forgotten);
  }

  /**
   * What will be left in the buffer, with the playhead where it is, just before a part of `partS`
   * arrives that is not late. Null before the first part.
   */
  spareS(nowMs: number, playheadS: number, partS: number): number | null {
    const { leastS } = this;
    return leastS === null ? null : nowMs / 1e3 - playheadS - partS - leastS;
  }

  /** By how much the part that is due now is late already. */
  overdueS(nowMs: number, partS: number): number {
    const { leastS } = this;
    if (leastS === null || partS === 0) return 0;
    return Math.max(0, nowMs / 1e3 - (this.lastEndS + partS + leastS));
  }

  private get leastS(): number | null {
    return this.buckets.length === 0 ? null : Math.min(...this.buckets.map((each) => each.leastS));
  }

  private keep(nowMs: number, lagS: number): void {
    const newest = this.buckets.at(-1);
    if (newest !== undefined && nowMs - newest.beganMs < BUCKET_MS) {
      newest.leastS = Math.min(newest.leastS, lagS);
    } else {
      this.buckets = [...this.buckets, { beganMs: nowMs, leastS: lagS }].slice(-BUCKETS);
    }
  }
}
