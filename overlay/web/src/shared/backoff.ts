/** How long to wait before trying again, so that ten thousand viewers do not all try at once. */

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

const DEFAULTS: BackoffOptions = { firstMs: 500, maxMs: 8_000 };

/**
 * Milliseconds before attempt number `attempt` (0 is the first retry): doubled each time up to
 * `maxMs`, then spread over its upper half by `random` (0 ≤ random < 1).
 */
export function backoffMs(attempt: number, random: number, options = DEFAULTS): number {
  const ceiling = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 20));
  return Math.round(ceiling * (0.5 + 0.5 * random));
}
