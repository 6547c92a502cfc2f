/** Which card is on screen at a moment of the show, from every cue heard of: a pure core. */

import type { Moment } from '../../player/engine';
import { type Cue, MAX_SHOWN } from '../../shared/shop';

/** Half a millisecond and a PROGRAM-DATE-TIME's rounding, less than any frame: 1 ms. */
const SLACK_TICKS = 90;
const MAX_CUES = 1_000;

/**
 * Cues come by several ways, late, early and repeatedly; one (id, revision) counts once, and of an
 * id the highest revision counts. Nothing here depends on the order of their coming.
 */
export class CardSchedule {
  /** By id. Bounded: the one heard of first is forgotten. */
  private readonly cues = new Map<string, Cue>();

  /** Cues that are not to be believed again. Bounded likewise. */
  private readonly undone = new Set<string>();

  /** False where it was known already. */
  add(cue: Cue): boolean {
    const key = `${cue.mediaEpoch} ${cue.id}`;
    const known = this.cues.get(key);
    if (this.undone.has(key)) return false;
    if (known !== undefined && known.revision >= cue.revision) return false;
    this.cues.set(key, cue);
    if (this.cues.size > MAX_CUES) this.cues.delete(this.cues.keys().next().value!);
    return true;
  }

  /** A rehearsal is over: `cues` stand again. What else was heard is undone, and stays so even
   * where the media still carries it. */
  restore(cues: Iterable<Cue>): void {
    const undone = [...this.cues.keys(), ...this.undone];
    this.cues.clear();
    this.undone.clear();
    for (const cue of cues) this.add(cue);
    for (const key of undone.slice(0, MAX_CUES)) if (!this.cues.has(key)) this.undone.add(key);
  }

  /**
   * The pin whose card is up at `moment`, or null. A pin is up from its frame until its duration
   * has passed, until an unpin's frame that ends it, or until the next pin: it does not come back
   * when that one ends.
   */
  at(moment: Moment): Cue | null {
    return this.upAt(moment).at(-1) ?? null;
  }

  /** All pins that are up: those on the frame of the last one, by id, `MAX_SHOWN` at most. */
  upAt({ epoch, tick }: Moment): readonly Cue[] {
    const due = [...this.cues.values()].filter(
      (cue) => cue.mediaEpoch === epoch && cue.pts <= tick + SLACK_TICKS,
    );
    const pins = due.filter(({ type }) => type === 'pin');
    const last = Math.max(...pins.map(({ pts }) => pts));
    const isUp = (pin: Cue) =>
      pin.pts === last &&
      pin.pts + pin.duration > tick + SLACK_TICKS &&
      !due.some((cue) => cue.type === 'unpin' && ends(cue, pin));
    return pins.filter(isUp).toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(-MAX_SHOWN);
  }
}

/** An unpin that names nothing ends what is up at its frame. */
function ends(unpin: Cue, pin: Cue): boolean {
  return unpin.ends === null ? unpin.pts >= pin.pts : unpin.ends === pin.id;
}
