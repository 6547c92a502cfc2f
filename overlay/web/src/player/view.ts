/** What a player looks like. */

import type { EngineKind, Rendition } from './engine';
import type { Phase } from './machine';
import type { Reach } from './reach';

/** Everything that a face shows, as one value. */
export interface PlayerView {
  readonly phase: Phase;
  readonly title: string;
  /** What plays, or null while nothing does. */
  readonly engine: EngineKind | null;
  readonly paused: boolean;
  /** The browser refused to begin without a touch. */
  readonly blocked: boolean;
  /** Seconds behind the newest media, or null while that is unknown. */
  readonly behindS: number | null;
  readonly mayGoLive: boolean;
  /** How far one may go back, or null while that is unknown. */
  readonly reach: Reach | null;
  /** There is something to watch, whether or not it plays here yet, and a poster of it. */
  readonly pictured: boolean;
  readonly renditions: readonly Rendition[];
  readonly rendition: string | null;
  readonly chosen: string | null;
}
