/** What a buffer holds, as questions about its ranges: pure. */

/** What is used of a video's `buffered`. */
export type Ranges = Pick<TimeRanges, 'length' | 'start' | 'end'>;

/** Where media that begins at `beginS` can be played from; null where it is not in the buffer.
 * Sound may begin some milliseconds after the picture, and is needed too. */
export function playableFromS(ranges: Ranges, beginS: number): number | null {
  for (let i = 0; i < ranges.length; i += 1) {
    if (ranges.end(i) > beginS) return Math.max(beginS, ranges.start(i));
  }
  return null;
}

/** Seconds of media at the playhead and on from there; 0 where it stands in a hole. */
export function aheadS(ranges: Ranges, playheadS: number): number {
  for (let i = 0; i < ranges.length; i += 1) {
    if (ranges.start(i) <= playheadS && ranges.end(i) > playheadS) return ranges.end(i) - playheadS;
  }
  return 0;
}

/** Where media goes on after a playhead that has none before it; null where it is no hole. */
export function beyondHoleS(ranges: Ranges, playheadS: number): number | null {
  for (let i = 0; i < ranges.length; i += 1) {
    if (ranges.start(i) > playheadS) return ranges.start(i);
  }
  return null;
}
