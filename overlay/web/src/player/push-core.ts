/**
 * Puts pushed media in order: which bytes go into the buffer, and when to ask again. Pure.
 *
 * Within an epoch one media timeline holds, so that media goes in with its own times and an offset
 * of 0: the video's time is the media time. Another generation or rendition begins with its init and
 * an independent part; nothing is appended twice, and nothing that hangs on a part that never came.
 */

import type { PushMessage, PushedInit, PushedPart } from './push-messages';

export type PushAction =
  /** Append this init; with other codecs than before, change the buffer's type first. */
  | { readonly do: 'init'; readonly init: PushedInit; readonly changes: boolean }
  /** Append this part. `jumps` where media before it is missing for good. */
  | { readonly do: 'part'; readonly part: PushedPart; readonly jumps: boolean }
  /** Ask for everything from this number on. */
  | { readonly do: 'ask'; readonly from: number }
  | { readonly do: 'ended' }
  /** The server has no such media (`unknown`), or no room (`full`). */
  | { readonly do: 'refused'; readonly reason: string };

export class PushCore {
  /** Of the part appended last, or the first to come minus one; null before any is known. */
  private last: number | null = null;
  private init: PushedInit | null = null;
  /** Whose parts are in the buffer now. */
  private inForce: PushedInit | null = null;
  private epochName: string | null;
  private needsIndependent = true;
  private missing = false;
  private asked = false;

  /** Of an epoch that is known nothing else is taken: what is under way may be of the one before. */
  constructor(epoch: string | null = null) {
    this.epochName = epoch;
  }

  /** The media epoch that is played, null before the server said which. */
  get epoch(): string | null {
    return this.epochName;
  }

  /** The number after the last, from which on to resume; null where nothing is to be resumed. */
  get next(): number | null {
    return this.last === null || this.inForce === null ? null : this.last + 1;
  }

  /** What the viewer sees next has nothing to do with what was: the buffer was left for live. */
  forget(): void {
    this.last = null;
    this.needsIndependent = true;
    this.missing = this.inForce !== null;
    this.asked = false;
  }

  take(message: PushMessage): readonly PushAction[] {
    switch (message.kind) {
      case 'renditions':
        return [];
      case 'subscribed':
        this.epochName ??= message.epoch;
        if (message.epoch === this.epochName) this.asked = false;
        return [];
      case 'init':
        if (message.epoch === this.epochName) this.init = message;
        return [];
      case 'part':
        return message.epoch === this.epochName ? this.onPart(message) : [];
      case 'skipped':
        if (this.last === null || message.to > this.last) {
          this.last = message.to;
          this.needsIndependent = true;
          this.missing = true;
        }
        return [];
      case 'over':
        return message.reason === 'ended'
          ? [{ do: 'ended' }]
          : [{ do: 'refused', reason: message.reason }];
    }
  }

  private onPart(part: PushedPart): readonly PushAction[] {
    const { last, init } = this;
    if (init === null || !belongs(part, init)) return this.askAgain(part);
    if (last !== null && part.number <= last) return [];
    if (last !== null && part.number > last + 1) {
      if (!part.independent) return this.askAgain(part);
      this.missing = true;
    }
    const fresh = this.inForce === null || !belongs(part, this.inForce);
    if ((fresh || this.needsIndependent) && !part.independent) {
      // A picture without its key: it is passed over, and so is what hangs on it.
      this.last = part.number;
      this.needsIndependent = this.missing = true;
      return [];
    }
    const actions: PushAction[] = [];
    if (fresh) {
      // The same init again would make the browser wait for a key.
      const changes = this.inForce !== null && this.inForce.codecs !== init.codecs;
      actions.push({ do: 'init', init, changes });
      this.inForce = init;
    }
    actions.push({ do: 'part', part, jumps: this.missing });
    this.last = part.number;
    this.needsIndependent = this.missing = this.asked = false;
    return actions;
  }

  /** Something before `part` is not here: it is asked for once, and what comes meanwhile is not used. */
  private askAgain(part: PushedPart): readonly PushAction[] {
    if (this.asked) return [];
    this.asked = true;
    return [{ do: 'ask', from: this.last === null ? part.number : this.last + 1 }];
  }
}

function belongs(part: PushedPart, init: PushedInit): boolean {
  return part.rendition === init.rendition && part.generation === init.generation;
}
