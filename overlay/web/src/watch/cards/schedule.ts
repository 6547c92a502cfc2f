/** Which card is on screen at a moment of the show, from every cue heard of: a pure core. */

import type { Moment } from '../../player/engine';
import type { Cue } from '../../shared/shop';

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

  /** False where it was known already. */
  add(cue: Cue): boolean {
    const key = `${cue.mediaEpoch} ${cue.id}`;
    const known = this.cues.get(key);
    if (known !== undefined && known.revision >= cue.revision) return false;
    this.cues.set(key, cue);
    if (this.cues.size > MAX_CUES) this.cues.delete(this.cues.keys().next().value!);
    return true;
  }

  /**
   * The pin whose card is up at `moment`, or null. A pin is up from its frame until its duration
   * has passed, until an unpin's frame that ends it, or until the next pin: it does not come back
   * when that one ends.
   */
  at({ epoch, tick }: Moment): Cue | null {
    const due = [...this.cues.values()].filter(
      (cue) => cue.mediaEpoch === epoch && cue.pts <= tick + SLACK_TICKS,
    );
    const pin = due.filter(({ type }) => type === 'pin').reduce<Cue | null>(later, null);
    if (pin === null || pin.pts + pin.duration <= tick + SLACK_TICKS) return null;
    const ended = due.some((cue) => cue.type === 'unpin' && ends(cue, pin));
    return ended ? null : pin;
  }
}

/** Of two pins on one frame the id decides, so that every viewer sees the same. */
function later(a: Cue | null, b: Cue): Cue {
  if (a === null || b.pts > a.pts) return b;
  return b.pts === a.pts && b.id > a.id ? b : a;
}

/** An unpin that names nothing ends what is up at its frame. */
function ends(unpin: Cue, pin: Cue): boolean {
  return unpin.ends === null ? unpin.pts >= pin.pts : unpin.ends === pin.id;
}
