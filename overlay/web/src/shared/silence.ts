/**
 * When a connection that always has something to say is taken for dead. Pure: it is fed with ticks.
 *
 * Ticks are counted, not milliseconds: a page that was asleep or busy has not listened meanwhile, and
 * its first tick afterwards comes before what waited for it. Connections that die one after another
 * are each given twice as long, for then it is the way or the server; and not all who hear nothing of
 * the same server at the same time lose patience in one instant.
 */

export const TICK_MS = 250;
/** After so many without a word the server is asked for one. */
const ASK_AFTER = 4;
/** After so many it is dead; after some more, by chance. */
const DEAD_AFTER = 8;
const SPREAD = 3;
const MAX_DEAD_AFTER = 64;
/** Ticks of a connection that keeps talking, until the last deaths are forgotten. */
const SOUND_AFTER = 40;

export type Finding = 'fine' | 'ask' | 'dead';

/** Lifecycle: one for all connections that follow one another. */
export class Silence {
  private silent = 0;
  private sound = 0;
  private patience = DEAD_AFTER;
  private extra: number;

  constructor(private readonly random: () => number = Math.random) {
    this.extra = SPREAD * random();
  }

  heard(): void {
    this.silent = 0;
  }

  /** A connection begins, which has nothing to say yet. */
  began(): void {
    this.silent = this.sound = 0;
  }

  /** What is known of the way before counts for nothing now. */
  forget(): void {
    this.began();
    this.patience = DEAD_AFTER;
  }

  tick(): Finding {
    this.silent += 1;
    this.sound = this.silent <= ASK_AFTER ? this.sound + 1 : 0;
    if (this.sound >= SOUND_AFTER) this.patience = DEAD_AFTER;
    if (this.silent > this.patience + this.extra) {
      this.patience = Math.min(MAX_DEAD_AFTER, 2 * this.patience);
      this.extra = SPREAD * this.random();
      this.began();
      return 'dead';
    }
    return this.silent === ASK_AFTER ? 'ask' : 'fine';
  }
}
