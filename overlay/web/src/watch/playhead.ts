/**
 * Tells the server every few seconds which frame this viewer is on, so that an offer's end is judged by
 * what the viewer was seeing. Only while it plays, and only by a viewer who is known.
 */

import type { Moment } from '../player/engine';

export const REPORT_EVERY_MS = 5_000;

export interface PlayheadPorts {
  /** The frame on screen, or null. */
  moment(): Moment | null;
  playing(): boolean;
  tell(message: Readonly<Record<string, unknown>>): boolean;
}

/** The report of a moment. */
export function report({ epoch, tick }: Moment): Record<string, unknown> {
  return { type: 'playhead', media_epoch: epoch, pts: Math.max(0, Math.round(tick)) };
}

export class PlayheadReports {
  private timer = 0;
  private last: Moment | null = null;

  constructor(private readonly ports: PlayheadPorts) {}

  start(): void {
    this.timer = window.setInterval(() => this.send(), REPORT_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** A picture that stands still is told of once. */
  send(): void {
    const moment = this.ports.playing() ? this.ports.moment() : null;
    if (moment === null || (this.last?.epoch === moment.epoch && this.last.tick === moment.tick)) {
      return;
    }
    if (this.ports.tell(report(moment))) this.last = moment;
  }
}
