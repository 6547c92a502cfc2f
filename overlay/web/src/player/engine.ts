/** What the player asks of whatever decodes the stream: hls.js, or the browser itself. */

import type { MediaLine } from '../shared/media-line';
import type { Anchor } from '../shared/show-model';
import type { LatencyOptions, Way } from './latency';

export interface Rendition {
  /** The server's name for it, stable within an epoch. */
  readonly name: string;
  /** For people: `720p`. */
  readonly label: string;
}

/** The engine speaks through these; after `destroy()` it is silent. */
export interface EngineListener {
  /** It cannot go on: it must be opened anew, where the server has no room not before `waitMs`. */
  broken(reason: string, waitMs?: number): void;
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

/** Media pushed over the page's socket; hls.js; the browser's own HLS. */
export type EngineKind = 'push' | 'hls' | 'native';

/** What an engine is made of. */
export interface EngineRequest {
  readonly video: HTMLVideoElement;
  /** The multivariant playlist. */
  readonly url: string;
  /** The media epoch on air, null while unknown. */
  readonly epoch: string | null;
  /** The media that the page's socket can carry, or null. */
  readonly media: MediaLine | null;
  readonly anchor: () => Anchor | null;
  readonly listener: EngineListener;
}

/** Null where this browser can play nothing of ours. Rejects where a part of the page is missing. */
export type OpenEngine = (request: EngineRequest) => Promise<Engine | null>;

/** Lifecycle: constructed open; `destroy()` once, which leaves the video element empty. */
export interface Engine {
  readonly kind: EngineKind;
  /** How near to the edge its buffer may be held. */
  readonly latency: LatencyOptions;
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
  /** What it knows of the way that its media takes. */
  way(nowMs: number): Omit<Way, 'roundTripS'>;
  /** `null` lets the engine adapt by itself. */
  choose(rendition: string | null): void;
  /** Playback stands still, and nobody knows why: it says so as `broken`, at once or when what it
   * still tried has not helped. */
  giveUp(): void;
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

/** Width and height of the picture on screen, in the screen's own pixels. */
export function shownPixels(video: HTMLVideoElement): readonly [number, number] {
  const { devicePixelRatio, screen } = window;
  const whole = document.fullscreenElement !== null;
  return [
    devicePixelRatio * (whole ? screen.width : video.clientWidth),
    devicePixelRatio * (whole ? screen.height : video.clientHeight),
  ];
}

/** WebKit (Safari, all of iOS, WebKitGTK) drops sound and frames when the rate changes. */
export function isWebKit(userAgent: string): boolean {
  return /AppleWebKit\//.test(userAgent) && !/Chrome\/|Chromium\//.test(userAgent);
}

/** Without a better hint: enough for the top of a common ladder. */
const ASSUMED_BPS = 3_000_000;

/** Browsers that know the network's speed say so, capped at 10 Mb/s; a part of it is believed. */
export function bandwidthHintBps(): number {
  const { connection } = navigator as Navigator & { connection?: { downlink?: number } };
  const mbps = connection?.downlink;
  return mbps ? Math.min(5_000_000, Math.max(400_000, mbps * 700_000)) : ASSUMED_BPS;
}
