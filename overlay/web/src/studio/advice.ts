/**
 * What the host is told about their connection: pure.
 *
 * The server's view wins, because it is what viewers get. The browser adds what only it can know:
 * whether its own encoder is held back, and by what. Either speaks up only when it has stood for a
 * while; the server sees to that for its own hints.
 */

import type { HealthReport, ServerHint } from './health';
import type { Figures } from './stats';

export type Hint = ServerHint | 'computer_slow';
export type SeenBy = 'server' | 'browser' | 'both';

export interface Advice {
  readonly hint: Hint;
  readonly seenBy: SeenBy;
}

/** What holds the browser's encoder back, and for how many looks in a row it has. */
export interface Held {
  readonly by: 'cpu' | 'bandwidth' | null;
  readonly looks: number;
}

export const NOT_HELD: Held = { by: null, looks: 0 };

/** A browser begins low and climbs: that is over by then. */
const STEADY_LOOKS = 8;
/** A picture may be as good as its limit allows: the line is slow only when it gives less. */
const SLOW_SHARE = 0.6;

const UPLINK: ReadonlySet<Hint> = new Set(['uplink_slow', 'uplink_loss', 'uplink_unsteady']);

/** `wantedBps` is what the encoder was allowed. */
export function holdOn(before: Held, own: Figures, wantedBps: number): Held {
  const by = heldBy(own, wantedBps);
  return { by, looks: by === before.by ? before.looks + 1 : 1 };
}

/** Null while nobody knows anything. */
export function advise(server: HealthReport, held: Held, isScreen: boolean): Advice | null {
  const own: Hint | null =
    held.by === null || held.looks < STEADY_LOOKS
      ? null
      : held.by === 'cpu'
        ? 'computer_slow'
        : 'uplink_slow';
  if (server === 'none') return { hint: 'away', seenBy: 'server' };
  if (server === null || !server.begun) {
    return own === null ? null : { hint: own, seenBy: 'browser' };
  }
  // A screen on which nothing moves gives few pictures, and that is as it should be.
  const still = isScreen && (server.hint === 'low_frame_rate' || server.hint === 'no_picture');
  const hint = still ? 'fine' : server.hint;
  if (own === null) return { hint, seenBy: 'server' };
  if (hint === 'fine') return { hint: own, seenBy: 'browser' };
  if (hint === 'low_frame_rate') return { hint: own, seenBy: 'both' };
  return { hint, seenBy: UPLINK.has(hint) && UPLINK.has(own) ? 'both' : 'server' };
}

function heldBy({ limit, availableBps }: Figures, wantedBps: number): Held['by'] {
  if (limit === 'cpu') return 'cpu';
  const slow = availableBps !== null && availableBps < wantedBps * SLOW_SHARE;
  return limit === 'bandwidth' && slow ? 'bandwidth' : null;
}
