/** The requests that pages make to the server, checked before they are believed. */

import { politeMs } from './backoff';
import { type LogPlace, type ShowModel, parseSnapshot } from './show-model';

const TIMEOUT_MS = 8_000;

/** The server is there and has no room; `waitMs` from now it may. */
export class BusyError extends Error {
  constructor(readonly waitMs: number) {
    super('the server has no room');
  }
}

/**
 * `GET /live/{show}/state`: all that is known of the show, or `'unknown'` where the server has no
 * such show. Rejects with `BusyError` where it has no room, and otherwise when it cannot be reached,
 * is in trouble, or says something else.
 */
export async function fetchState(
  show: string,
  fetcher: typeof fetch = fetch,
): Promise<ShowModel | 'unknown'> {
  const response = await fetcher(stateUrl(show), {
    cache: 'no-cache',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 404) return 'unknown';
  if (response.status === 503) {
    throw new BusyError(politeMs(response.headers.get('Retry-After'), Math.random()));
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return parseSnapshot(await response.json());
}

/** The server refused, and said why. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Stable name of the reason, empty where the answer had none. */
    readonly code: string,
    /** The server's sentence, empty where the answer had none. */
    message: string,
    /** What the reason is about: a body's field, or a product's id. */
    readonly field: string | null,
  ) {
    super(message);
  }

  /** True where the same request may succeed later. */
  get passing(): boolean {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

export interface ApiCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * The JSON answer of `/api/v1{path}`, or null without one. Rejects with `ApiError` where the server
 * refuses, and with anything else where it cannot be reached.
 */
export async function callApi(
  path: string,
  call: ApiCall = {},
  fetcher: typeof fetch = fetch,
): Promise<unknown> {
  const { method = 'GET', headers = {}, body } = call;
  const response = await fetcher(`/api/v1${path}`, {
    method,
    headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) {
    const { code, message, field } = errorParts(text);
    throw new ApiError(response.status, code, message, field);
  }
  return text === '' ? null : JSON.parse(text);
}

/** The sentence in an error body `{"error": {"code", "message"}}`, or an empty string. */
export function errorMessage(body: string): string {
  return errorParts(body).message;
}

/** The stable name of the reason in such a body, or an empty string. */
export function errorCode(body: string): string {
  return errorParts(body).code;
}

function errorParts(body: string): { code: string; message: string; field: string | null } {
  try {
    const { code, message, field } = JSON.parse(body)?.error ?? {};
    return {
      code: typeof code === 'string' ? code : '',
      message: typeof message === 'string' ? message.slice(0, 300) : '',
      field: typeof field === 'string' ? field : null,
    };
  } catch {
    return { code: '', message: '', field: null };
  }
}

export function stateUrl(show: string): string {
  return `/live/${show}/state`;
}

/** The address of the event socket, from `since` on. */
export function eventsUrl(show: string, since: LogPlace | null): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const from = since === null ? '' : `?since=${encodeURIComponent(since.epoch)}:${since.offset}`;
  return `${scheme}//${location.host}/live/${show}/events${from}`;
}

export function playlistUrl(show: string): string {
  return `/live/${show}/index.m3u8`;
}

export function posterUrl(show: string): string {
  return `/live/${show}/poster.webp`;
}

export function whipUrl(show: string): string {
  return `/live/${show}/whip`;
}
