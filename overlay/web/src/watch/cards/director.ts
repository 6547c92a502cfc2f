/**
 * Follows the frames of a video and tells which cards belong to the one on screen.
 *
 * Lifecycle: `start()` once, `stop()` once. `onCards` is called within the frame's own callback, so
 * that what it changes is painted with the frame.
 */

import type { Moment } from '../../player/engine';
import type { Cue } from '../../shared/shop';
import { CardSchedule } from './schedule';

export class CardDirector {
  private readonly schedule = new CardSchedule();
  private readonly stopped = new AbortController();
  private shown: readonly Cue[] = [];
  /** The video's time at the frame seen last. */
  private seconds: number | null = null;
  private frame = 0;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly momentAt: (seconds: number) => Moment | null,
    private readonly onCards: (cues: readonly Cue[]) => void,
  ) {}

  /** The moment on screen, or null while unknown. */
  get moment(): Moment | null {
    return this.seconds === null ? null : this.momentAt(this.seconds);
  }

  start(): void {
    const { signal } = this.stopped;
    // Frames of a hidden page are not shown, and their callbacks do not come.
    this.video.addEventListener(
      'timeupdate',
      () => {
        if (document.hidden) this.look(this.video.currentTime);
      },
      { signal },
    );
    this.follow();
  }

  stop(): void {
    this.stopped.abort();
    cancelAnimationFrame(this.frame);
  }

  /** A rehearsal is over: `cues` stand again, and nothing else that was heard. */
  restore(cues: readonly Cue[]): void {
    this.schedule.restore(cues);
    this.refresh();
  }

  learn(cues: Iterable<Cue>): void {
    let news = false;
    for (const cue of cues) news = this.schedule.add(cue) || news;
    if (news) this.refresh();
  }

  /** Looks again at the frame on screen: something else than the frame has changed. */
  refresh(): void {
    if (this.seconds !== null) this.look(this.seconds);
  }

  private follow(): void {
    if (this.stopped.signal.aborted) return;
    const next = (seconds: number) => {
      if (this.stopped.signal.aborted) return;
      this.look(seconds);
      this.follow();
    };
    if ('requestVideoFrameCallback' in this.video) {
      this.video.requestVideoFrameCallback((_now, { mediaTime }) => next(mediaTime));
    } else {
      const video: HTMLVideoElement = this.video;
      this.frame = requestAnimationFrame(() => next(video.currentTime));
    }
  }

  private look(seconds: number): void {
    this.seconds = seconds;
    const { moment } = this;
    const cues = moment === null ? [] : this.schedule.upAt(moment);
    if (cues.length === this.shown.length && cues.every((cue, i) => cue === this.shown[i])) return;
    this.shown = cues;
    this.onCards(cues);
  }
}
