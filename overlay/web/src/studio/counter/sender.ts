/**
 * Sends the host's cues to the server: one at a time, in the order of the keys, each under an id of
 * its own so that a repeated request changes nothing.
 */

import { ApiError, callApi } from '../../shared/api';
import { newId } from '../../shared/random';
import { type Cue, parseCue } from '../../shared/shop';

export interface Wish {
  /** The product to show, or null to take off what is on show. */
  readonly product: string | null;
  /** The id of the pin that an unpin ends. */
  readonly ends: string | null;
  readonly moment: Moment;
}

/** When the key was pressed. */
export type Moment =
  /** Unix time in milliseconds by the clock of the machine that publishes. */
  | { readonly clicked_at_ms: number }
  /** On another machine: by the server's clock. */
  | { readonly program_date_time: string };

/**
 * The click at `clickedAtMs` of this machine's clock as the server should take it. Only the clock of
 * the machine that publishes is tied to its frames; that of another one is corrected by what the event
 * socket measured, so that it may be wrong by any amount.
 */
export function clickMoment(
  clickedAtMs: number,
  publishing: boolean,
  serverNowMs: number | null,
  nowMs = Date.now(),
): Moment {
  if (publishing || serverNowMs === null) return { clicked_at_ms: clickedAtMs };
  const clicked = serverNowMs - (nowMs - clickedAtMs);
  return { program_date_time: new Date(clicked).toISOString() };
}

export type SendProblem =
  | { readonly kind: 'key' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused'; readonly message: string };

const TRIES = 3;
const PAUSE_MS = 250;

/** The server's cue, or what stood in the way. Never rejects. */
export type Sent =
  | { readonly cue: Cue | null; readonly problem: null }
  | { readonly cue: null; readonly problem: SendProblem };

export async function sendCue(
  show: string,
  key: string,
  wish: Wish,
  call: typeof callApi = callApi,
  pauseMs = PAUSE_MS,
): Promise<Sent> {
  const body = {
    id: newId(),
    ...wish.moment,
    ...(wish.product === null
      ? { type: 'unpin', ...(wish.ends === null ? {} : { ends: wish.ends }) }
      : { type: 'pin', product: wish.product }),
  };
  const headers = { Authorization: `Bearer ${key}` };
  for (let i = 0; i < TRIES; i += 1) {
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    try {
      const taken = await call(`/shows/${show}/cues`, { method: 'POST', headers, body });
      return { cue: parseCue(taken), problem: null };
    } catch (error) {
      if (error instanceof ApiError && !error.passing) {
        return { cue: null, problem: problemOf(error) };
      }
    }
  }
  return { cue: null, problem: { kind: 'lost' } };
}

function problemOf({ status, message, code }: ApiError): SendProblem {
  if (status === 401 || status === 403) return { kind: 'key' };
  return { kind: 'refused', message: message || code || String(status) };
}

/** When the event happened by the clock of the machine, even if it is handled late. */
export function momentOf(event: Event): number {
  return Math.round(Date.now() - (performance.now() - event.timeStamp));
}
