/** What the player asks of whatever decodes the stream: hls.js, or the browser itself. */

export interface Rendition {
  /** The server's name for it, stable within an epoch. */
  readonly name: string;
  /** For people: `720p`. */
  readonly label: string;
}

/** The engine speaks through these; after `destroy()` it is silent. */
export interface EngineListener {
  /** It cannot go on: it must be opened anew. */
  broken(reason: string): void;
  /** The stream has ended and was played to its end. */
  drained(): void;
  /** The choice of renditions is known, best first. Empty where the browser chooses. */
  renditions(list: readonly Rendition[]): void;
  /** The picture comes from this rendition now. */
  rendition(name: string): void;
  /**
   * A payload of timed metadata was found, as its JSON text: early, out of order, and often more
   * than once. It says itself which media time it is for.
   */
  metadata(payload: string): void;
}

/** A place on a show's media timeline, in ticks of 1/90,000 s of that media epoch. */
export interface Moment {
  readonly epoch: string;
  readonly tick: number;
}

/** Lifecycle: constructed open; `destroy()` once, which leaves the video element empty. */
export interface Engine {
  /** True where playback rate may be nudged without harm to sound and picture. */
  readonly mayNudge: boolean;
  /** Length of a part in seconds; 0 while unknown. */
  readonly partS: number;
  /** Seconds from the playhead to the newest media known to exist, or null while unknown. */
  readonly behindS: number | null;
  /** Where a viewer who wants to be live should be, in media seconds, or null while unknown. */
  readonly livePositionS: number | null;
  /** Which moment of the show is on screen at `seconds` of the video's own time; null unknown. */
  momentAt(seconds: number): Moment | null;
  /** `null` lets the engine adapt by itself. */
  choose(rendition: string | null): void;
  destroy(): void;
}

/** Seconds of media buffered without a hole from the playhead on. */
export function bufferedAheadS(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) > currentTime) {
      return buffered.end(i) - currentTime;
    }
  }
  return 0;
}

/** WebKit (Safari, all of iOS, WebKitGTK) drops sound and frames when the rate changes. */
export function isWebKit(userAgent: string): boolean {
  return /AppleWebKit\//.test(userAgent) && !/Chrome\/|Chromium\//.test(userAgent);
}
