/** How far one may go back, and where one is: what the seek bar shows. Pure. */

/** The bar is this long at least, so that it does not stretch while the first minute is received. */
const BAR_S = 60;
/** Less than this is nothing to go back to. */
const LEAST_S = 4;
/** Half a step of the slider: what is chosen nearer to live is live, and no key is caught there. */
const LIVE_S = 0.5;

/** In seconds of the video's own time. */
export interface Reach {
  readonly startS: number;
  readonly liveS: number;
  readonly nowS: number;
  /** Playback is held at live: its distance is no place that anybody went to. */
  readonly live: boolean;
}

/** The same as a bar: seconds from live, 0 or less. */
export interface Bar {
  /** The left end. */
  readonly min: number;
  /** From here on there is something to see. */
  readonly from: number;
  readonly now: number;
}

/** Null while it is unknown. */
export function reachOf(
  { seekable, currentTime }: Pick<HTMLVideoElement, 'seekable' | 'currentTime'>,
  liveS: number | null | undefined,
  live: boolean,
): Reach | null {
  if (liveS == null || seekable.length === 0) return null;
  return { startS: seekable.start(0), liveS, nowS: currentTime, live };
}

/** Null where there is too little to go back to. */
export function barOf({ startS, liveS, nowS, live }: Reach): Bar | null {
  const backS = liveS - startS;
  if (!(backS >= LEAST_S)) return null;
  const within = (seconds: number) => Math.min(0, Math.max(-backS, seconds));
  const now = live ? 0 : within(nowS - liveS);
  return { min: -Math.ceil(Math.max(BAR_S, backS)), from: -backS, now };
}

/** A place on the bar that can be gone to; 0 is live. */
export function placeOf(bar: Bar, seconds: number): number {
  return seconds > -LIVE_S ? 0 : Math.max(Math.ceil(bar.from), seconds);
}

/** How far along the bar a place is, 0 to 1. */
export function shareOf(bar: Bar, seconds: number): number {
  return Math.min(1, Math.max(0, 1 - seconds / bar.min));
}

/** `0:42`. */
export function clockOf(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
