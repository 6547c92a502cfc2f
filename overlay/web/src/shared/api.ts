/** The few requests that pages make to the server, checked before they are believed. */

export type ShowState = 'idle' | 'live' | 'away' | 'ended';

/** `GET /live/{show}/state`: `epoch` is the media epoch to watch, if one has begun. */
export interface ShowReport {
  readonly show: string;
  readonly title: string;
  readonly state: ShowState;
  readonly epoch: string | null;
}

const STATES: readonly string[] = ['idle', 'live', 'away', 'ended'] satisfies ShowState[];
const TIMEOUT_MS = 8_000;

/**
 * How the show fares, or `'unknown'` where the server has no such show.
 * Rejects when the server cannot be reached, is in trouble, or says something else.
 */
export async function fetchReport(
  show: string,
  fetcher: typeof fetch = fetch,
): Promise<ShowReport | 'unknown'> {
  const response = await fetcher(stateUrl(show), {
    cache: 'no-cache',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 404) return 'unknown';
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return parseReport(await response.json());
}

/** Throws unless `value` is a report. */
export function parseReport(value: unknown): ShowReport {
  if (typeof value === 'object' && value !== null) {
    const { show, title, state, epoch } = value as Record<string, unknown>;
    if (
      typeof show === 'string' &&
      typeof title === 'string' &&
      typeof state === 'string' &&
      STATES.includes(state) &&
      (typeof epoch === 'string' || epoch === null)
    ) {
      return { show, title, state: state as ShowState, epoch };
    }
  }
  throw new Error('the server sent something that is not the state of a show');
}

/** The sentence in an error body `{"error": {"code", "message"}}`, or an empty string. */
export function errorMessage(body: string): string {
  try {
    const message: unknown = JSON.parse(body)?.error?.message;
    return typeof message === 'string' ? message.slice(0, 300) : '';
  } catch {
    return '';
  }
}

export function stateUrl(show: string): string {
  return `/live/${show}/state`;
}

export function playlistUrl(show: string): string {
  return `/live/${show}/index.m3u8`;
}

export function whipUrl(show: string): string {
  return `/live/${show}/whip`;
}
