/**
 * Whether a picture that stands still is the connection's doing: one that may be dead without
 * anybody having noticed is replaced before the way is called unfit.
 *
 * Lifecycle: one per opened stream; `end()` once.
 */

import type { MediaLine } from '../shared/media-line';

/** Media came within this: whatever stands still, the connection does not. */
const FLOWS_MS = 2_000;
/** Another connection has this long to bring some. */
const HELPS_WITHIN_MS = 6_000;

export class Doubt {
  /** When media came last. */
  heardAtMs = -Infinity;
  /** None has come yet on the connection that is there now. */
  private anew = true;
  private timer = 0;

  constructor(
    private readonly line: MediaLine,
    private readonly broken: (reason: 'stuck' | 'lost') => void,
  ) {}

  connected(): void {
    this.anew = true;
  }

  heard(nowMs: number): void {
    this.heardAtMs = nowMs;
    this.anew = false;
  }

  /** Playback stands still: what is to blame is told, at once or when another connection is no help. */
  stands(): void {
    const flows = performance.now() - this.heardAtMs < FLOWS_MS;
    if (!this.line.open || this.anew || flows) {
      this.broken(this.line.open ? 'stuck' : 'lost');
      return;
    }
    this.end();
    this.timer = window.setTimeout(() => {
      if (this.anew) this.stands();
    }, HELPS_WITHIN_MS);
    this.line.renew();
  }

  end(): void {
    clearTimeout(this.timer);
  }
}
