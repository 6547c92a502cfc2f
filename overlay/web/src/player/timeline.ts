/** From the video's own seconds to the show's media timeline: pure arithmetic. */

import type { Anchor } from '../shared/show-model';

/** A stretch of the buffer in which media time is the video's time plus one offset. */
interface Stretch {
  readonly startS: number;
  readonly endS: number;
  readonly offsetS: number;
}

const MAX_STRETCHES = 32;
/** Stretches this near to each other with the same offset are one. */
const JOIN_S = 0.5;
const SAME_S = 1e-6;

/**
 * Learns from each piece of media that was buffered. Nearly always one offset holds for the whole
 * epoch; it changes at a discontinuity, and where the engine lays media out anew.
 */
export class MediaTimeline {
  /** The newest last. Bounded: the oldest is forgotten. */
  private stretches: readonly Stretch[] = [];

  learn(startS: number, endS: number, offsetS: number): void {
    const joins = (other: Stretch) =>
      Math.abs(other.offsetS - offsetS) < SAME_S &&
      other.startS <= endS + JOIN_S &&
      other.endS >= startS - JOIN_S;
    const joined = this.stretches.filter(joins);
    const whole: Stretch = {
      startS: Math.min(startS, ...joined.map((other) => other.startS)),
      endS: Math.max(endS, ...joined.map((other) => other.endS)),
      offsetS,
    };
    const others = this.stretches
      .filter((other) => !joins(other))
      .flatMap((other) => cut(other, startS, endS));
    this.stretches = [...others, whole].slice(-MAX_STRETCHES);
  }

  /** Media time in seconds; what was never buffered follows the newest stretch. Null before any. */
  mediaTimeS(seconds: number): number | null {
    const { stretches } = this;
    const inside = stretches.findLast(
      ({ startS, endS }) => startS - SAME_S <= seconds && seconds < endS,
    );
    const offsetS = (inside ?? stretches.at(-1))?.offsetS;
    return offsetS === undefined ? null : seconds + offsetS;
  }
}

/** What is left of a stretch when other media took the place from `startS` to `endS`. */
function cut(old: Stretch, startS: number, endS: number): readonly Stretch[] {
  const before: Stretch = { ...old, endS: Math.min(old.endS, startS) };
  const after: Stretch = { ...old, startS: Math.max(old.startS, endS) };
  return [before, after].filter((rest) => rest.endS - rest.startS > SAME_S);
}

/** The tick at a Unix time in milliseconds. */
export function tickAtUtc(anchor: Anchor, utcMs: number): number {
  return Math.round((utcMs - anchor.utcUs / 1e3) * 90);
}
