/** The browser's own HLS as an `Engine`, where Media Source Extensions are missing. */

import type { Engine, EngineListener } from './engine';

export class NativeEngine implements Engine {
  static isSupported(video: HTMLVideoElement): boolean {
    return video.canPlayType('application/vnd.apple.mpegurl') !== '';
  }

  readonly mayNudge = false;
  readonly partS = 0;
  private readonly silence = new AbortController();

  constructor(
    private readonly video: HTMLVideoElement,
    url: string,
    listener: EngineListener,
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

  choose(): void {
    // The browser adapts by itself and cannot be told.
  }

  destroy(): void {
    this.silence.abort();
    this.video.removeAttribute('src');
    this.video.load();
  }
}
