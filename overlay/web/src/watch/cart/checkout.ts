/**
 * Placing an order so that it happens once. An *attempt* is what a cart held under one
 * Idempotency-Key: it is kept, also over a reload of the page, until the server has said yes or no
 * to it, and no other is begun before.
 */

import { ApiError, callApi } from '../../shared/api';
import { backoffMs } from '../../shared/backoff';
import { asMap, isCount } from '../../shared/shop';
import { type Cart, parseCart } from './cart';

export interface Attempt {
  readonly key: string;
  readonly items: Cart;
}

export interface Receipt {
  readonly number: string;
  readonly totalMinor: number;
  readonly currency: string;
}

export type Outcome =
  | { readonly kind: 'placed'; readonly receipt: Receipt }
  | { readonly kind: 'sold-out'; readonly product: string | null }
  | { readonly kind: 'refused'; readonly message: string }
  /** Nobody knows whether the order was taken: the same attempt must be made again. */
  | { readonly kind: 'unknown' };

export type Call = typeof callApi;
export type Pause = (ms: number) => Promise<void>;

const TRIES = 6;

/** Whether this page has been given a viewer's session. */
export interface Viewer {
  known: boolean;
}

/** Makes one attempt until it is answered, `TRIES` times at most. Never rejects. */
export async function place(
  show: string,
  attempt: Attempt,
  viewer: Viewer,
  call: Call = callApi,
  pause: Pause = wait,
): Promise<Outcome> {
  for (let i = 0; i < TRIES; i += 1) {
    if (i > 0) await pause(backoffMs(i - 1, Math.random()));
    try {
      return { kind: 'placed', receipt: parseReceipt(await order(show, attempt, viewer, call)) };
    } catch (error) {
      if (error instanceof ApiError && !error.passing) return outcomeOf(error);
    }
  }
  return { kind: 'unknown' };
}

/** A session may have run out since: then there is a second one, and only then. */
async function order(
  show: string,
  { key, items }: Attempt,
  viewer: Viewer,
  call: Call,
): Promise<unknown> {
  const path = `/shows/${show}/orders`;
  const headers = { 'Idempotency-Key': key };
  const request = { method: 'POST', headers, body: { items } } as const;
  const fresh = !viewer.known;
  if (fresh) await introduce(viewer, call);
  try {
    return await call(path, request);
  } catch (error) {
    if (fresh || !(error instanceof ApiError) || ![401, 403].includes(error.status)) throw error;
    await introduce(viewer, call);
    return call(path, request);
  }
}

/** The server knows a viewer who has a session already. */
async function introduce(viewer: Viewer, call: Call): Promise<void> {
  await call('/viewer', { method: 'POST' });
  viewer.known = true;
}

function outcomeOf({ code, message, field }: ApiError): Outcome {
  return code === 'sold_out'
    ? { kind: 'sold-out', product: field }
    : { kind: 'refused', message: message || code };
}

/** Throws unless `value` is the answer to an order. */
export function parseReceipt(value: unknown): Receipt {
  const { number, total_minor: totalMinor, currency } = asMap(asMap(value)?.['order']) ?? {};
  const numbered = typeof number === 'string' || typeof number === 'number';
  if (numbered && isCount(totalMinor) && typeof currency === 'string') {
    return { number: String(number), totalMinor, currency };
  }
  throw new Error('the server sent something that is not an order');
}

/** What was stored once, as far as it is an attempt. */
export function parseAttempt(value: unknown): Attempt | null {
  const { key, items } = asMap(value) ?? {};
  return typeof key === 'string' && key !== '' ? { key, items: parseCart(items) } : null;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
