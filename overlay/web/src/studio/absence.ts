/**
 * Whether the server still has our media: pure.
 *
 * A browser takes about ten seconds to call its connection lost. The server knows sooner: when it
 * has no session of ours, or gets nothing although we send, publishing again beats waiting.
 */

import type { HealthReport } from './health';

/** Looks, a second apart. The server's own watchdog has taken 1.5 s before the first. */
export const GIVE_UP_LOOKS = 3;
/** A session is new to the server for so long. */
const NEW_LOOKS = 4;

/**
 * How many looks in a row our media has been missing there, after one more. `session` is ours,
 * `sending` whether bytes left this browser since the last look, `age` the looks since it was live.
 */
export function missingFor(
  before: number,
  server: HealthReport,
  session: string,
  sending: boolean,
  age: number,
): number {
  // A server that cannot be asked says nothing about the media, which goes another way.
  if (server === null) return before;
  if (age < NEW_LOOKS) return 0;
  const ours = server !== 'none' && server.session === session;
  const missing = ours ? server.hint === 'away' && sending : true;
  return missing ? before + 1 : 0;
}
