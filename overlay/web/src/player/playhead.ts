/**
 * Puts a video's playhead where media is: at its beginning, and over holes that nothing will fill.
 * It moves only on what it is told; whoever owns it listens to the video.
 */

import { aheadS, beyondHoleS, playableFromS } from './buffered';

/** Nearer than this to a hole, the playhead is put beyond it. */
const AT_HOLE_S = 0.02;
/** A browser may stop this much before the end of what it has: a frame, or the end of the sound. */
const STOPS_WITHIN_S = 0.1;
/** Media of the past comes in one go at the beginning: so long the playhead is taken along. */
const SETTLE_MS = 1_000;
/** So long after its beginning a picture that waits says nothing of the way. */
const BEGINS_MS = 2_000;
/** By less than this it is not worth it. */
const STEP_S = 0.2;

export class Playhead {
  /** It is to be put where media begins that is yet to come. */
  placing = true;
  private placedAtMs = -Infinity;

  constructor(private readonly video: HTMLVideoElement) {}

  get begins(): boolean {
    return this.placing || performance.now() - this.placedAtMs < BEGINS_MS;
  }

  /** To the live edge as far as it is known when a part is there, or to where that part begins. Once
   * placed, parts soon after take it along; later ones do not. */
  place(beginS: number, liveS: number): void {
    if (!this.placing) {
      this.settle(liveS);
      return;
    }
    const fromS = playableFromS(this.video.buffered, beginS);
    if (fromS === null) return;
    this.placing = false;
    this.placedAtMs = performance.now();
    this.video.currentTime = Math.max(fromS, liveS);
  }

  private settle(liveS: number): void {
    if (performance.now() - this.placedAtMs > SETTLE_MS) return;
    if (liveS - this.video.currentTime >= STEP_S) this.video.currentTime = liveS;
  }

  /** Over what will never come: also where a seek ended in it. */
  leap(): void {
    const { buffered, currentTime, readyState } = this.video;
    if (this.placing) return;
    const leftS = aheadS(buffered, currentTime);
    const stopped = readyState < HTMLMediaElement.HAVE_FUTURE_DATA && leftS < STOPS_WITHIN_S;
    if (leftS > AT_HOLE_S && !stopped) return;
    const nextS = beyondHoleS(buffered, currentTime);
    if (nextS !== null) this.video.currentTime = nextS;
  }
}
