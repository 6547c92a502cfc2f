/** How often the state of the show is asked for. */

import type { Phase } from './machine';

const EVERY_MS: Readonly<Record<Phase, number>> = {
  connecting: 1_500,
  waiting: 2_000,
  live: 3_000,
  away: 2_000,
  reconnecting: 1_500,
  busy: 5_000,
  ended: 5_000,
  unknown: 10_000,
  unsupported: 60_000,
};
const HIDDEN_MS = 15_000;

/**
 * Milliseconds until the next question, spread by a quarter either way (`random` from 0 to 1) so
 * that viewers who came together do not ask together. A hidden page that plays nothing asks rarely.
 */
export function pollDelayMs(phase: Phase, hidden: boolean, random: number): number {
  const idle = phase !== 'live' && phase !== 'away' && phase !== 'reconnecting';
  const every = hidden && idle ? Math.max(HIDDEN_MS, EVERY_MS[phase]) : EVERY_MS[phase];
  return Math.round(every * (0.75 + 0.5 * random));
}
