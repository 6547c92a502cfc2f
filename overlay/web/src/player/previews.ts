/**
 * The pictures over the seek bar: the show's WebVTT track of thumbnails, read when somebody looks for a
 * place, and anew when it has become old.
 */

import type { Moment } from './engine';

/** A thumbnail and the time that it stands for, in seconds of its epoch's media timeline. */
export interface Preview {
  readonly epoch: string;
  readonly url: string;
  readonly startS: number;
  readonly endS: number;
}

const FRESH_MS = 4_000;
const TIMEOUT_MS = 5_000;
const MAX_PREVIEWS = 1_000;
const TICKS = 90_000;
const TIMES = /^(\d+):(\d\d):(\d\d\.\d+) --> (\d+):(\d\d):(\d\d\.\d+)/;
const NAME = /^([\w.-]+)\/thumb-\d+\.jpg$/;

/** The thumbnails of a track; what is no cue of ours is passed over. `base` ends with a slash. */
export function parseTrack(text: string, base: string): readonly Preview[] {
  const lines = text.split(/\r?\n/);
  const found: Preview[] = [];
  lines.forEach((line, at) => {
    const times = TIMES.exec(line);
    const name = NAME.exec(lines[at + 1] ?? '');
    if (times === null || name === null || found.length >= MAX_PREVIEWS) return;
    const seconds = (from: number) =>
      Number(times[from]) * 3600 + Number(times[from + 1]) * 60 + Number(times[from + 2]);
    const url = `${base}${name[0]}`;
    found.push({ epoch: name[1]!, url, startS: seconds(1), endS: seconds(4) });
  });
  return found;
}

/** The thumbnail that stands for a moment; the newest for what is newer; else null. */
export function previewAt(previews: readonly Preview[], moment: Moment): Preview | null {
  const of = previews.filter(({ epoch }) => epoch === moment.epoch);
  const seconds = moment.tick / TICKS;
  return of.findLast(({ startS }) => startS <= seconds) ?? null;
}

/** Lifecycle: one for each player. A track that cannot be had is asked for again later. */
export class Previews {
  private list: readonly Preview[] = [];
  private askedAtMs = -Infinity;

  constructor(
    private readonly show: string,
    private readonly changed: () => void,
    private readonly fetcher: typeof fetch = (...asked) => fetch(...asked),
  ) {}

  at(moment: Moment | null): Preview | null {
    return moment === null ? null : previewAt(this.list, moment);
  }

  /** Somebody looks: see to it that the track is fresh. */
  look(nowMs: number): void {
    if (nowMs - this.askedAtMs < FRESH_MS) return;
    this.askedAtMs = nowMs;
    void this.load().catch(() => undefined);
  }

  private async load(): Promise<void> {
    const base = `/live/${this.show}/`;
    const response = await this.fetcher(`${base}thumbnails.vtt`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) return;
    this.list = parseTrack(await response.text(), base);
    this.changed();
  }
}
