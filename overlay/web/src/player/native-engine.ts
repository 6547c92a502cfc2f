/**
 * The browser's own HLS as an `Engine`, where Media Source Extensions are missing. It tells of no
 * timed metadata: cues come over the event socket and with the state of the show.
 */

import type { Anchor } from '../shared/show-model';
import type { Engine, EngineListener, Moment } from './engine';
import { DEFAULT_LATENCY, UNKNOWN_WAY } from './latency';
import { tickAtUtc } from './timeline';

interface DatedVideo extends HTMLVideoElement {
  /** The PROGRAM-DATE-TIME of the video's time 0. */
  getStartDate?: () => Date;
}

export class NativeEngine implements Engine {
  static isSupported(video: HTMLVideoElement): boolean {
    return video.canPlayType('application/vnd.apple.mpegurl') !== '';
  }

  readonly kind = 'native';
  readonly latency = DEFAULT_LATENCY;
  readonly mayNudge = false;
  readonly partS = 0;
  private readonly silence = new AbortController();

  constructor(
    private readonly video: DatedVideo,
    url: string,
    private readonly listener: EngineListener,
    private readonly anchor: () => Anchor | null,
  ) {
    const { signal } = this.silence;
    video.addEventListener('error', () => listener.broken('native'), { signal });
    video.addEventListener('ended', () => listener.drained(), { signal });
    listener.renditions([]);
    video.src = url;
    video.load();
  }

  get behindS(): number | null {
    const { seekable, currentTime } = this.video;
    return seekable.length === 0
      ? null
      : Math.max(0, seekable.end(seekable.length - 1) - currentTime);
  }

  get livePositionS(): number | null {
    const { seekable } = this.video;
    return seekable.length === 0 ? null : seekable.end(seekable.length - 1);
  }

  way(): typeof UNKNOWN_WAY {
    return UNKNOWN_WAY;
  }

  /** Through UTC, to the millisecond: all that PROGRAM-DATE-TIME holds. */
  momentAt(seconds: number): Moment | null {
    const anchor = this.anchor();
    const startMs = this.video.getStartDate?.().getTime() ?? Number.NaN;
    if (anchor === null || Number.isNaN(startMs)) return null;
    return { epoch: anchor.epoch, tick: tickAtUtc(anchor, startMs + seconds * 1e3) };
  }

  choose(): void {
    // The browser adapts by itself and cannot be told.
  }

  giveUp(): void {
    this.listener.broken('stuck');
  }

  destroy(): void {
    this.silence.abort();
    this.video.removeAttribute('src');
    this.video.load();
  }
}
