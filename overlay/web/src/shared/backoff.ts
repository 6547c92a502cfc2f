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

/** Of a server that asks for patience without saying how much, and the most that it is granted. */
const ASSUMED_WAIT_S = 5;
const MAX_WAIT_S = 60;

/**
 * Milliseconds that a server which has no room asks one to wait (`Retry-After` in seconds, RFC 9110
 * §10.2.3; a date there is not read), and up to half as long besides, by `random`.
 */
export function politeMs(retryAfter: string | null, random: number): number {
  const asked = retryAfter !== null && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : null;
  const seconds = Math.min(MAX_WAIT_S, Math.max(1, asked ?? ASSUMED_WAIT_S));
  return Math.round(1e3 * seconds * (1 + 0.5 * random));
}
