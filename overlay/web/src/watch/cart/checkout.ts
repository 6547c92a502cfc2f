/**
 * Placing an order so that it happens once. An *attempt* is what was ordered under one
 * Idempotency-Key: it is kept, also over a reload of the page, until the server has said yes or no
 * to it, and no other is begun before.
 */

import { ApiError } from '../../shared/api';
import { backoffMs } from '../../shared/backoff';
import { asList, asMap, countOrNull, isCount, isText, textOr } from '../../shared/checks';
import type { Viewer } from '../viewer';
import { type Cart, parseCart } from './cart';

export interface Contact {
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly address: string;
}

export interface BundleLine {
  readonly offer: string;
  readonly quantity: number;
}

/** What is ordered: prices are the server's, `expectMinor` is what the buyer was shown. */
export interface Wanted {
  readonly items: Cart;
  readonly bundles: readonly BundleLine[];
  readonly coupon: string | null;
  readonly contact: Contact | null;
  readonly checkout: string | null;
  readonly expectMinor: number | null;
}

export interface Attempt {
  readonly key: string;
  readonly wanted: Wanted;
}

export type OrderState =
  | 'held'
  | 'confirmed'
  | 'released'
  | 'expired'
  | 'paid_late'
  | 'cancelled';

export interface Receipt {
  readonly number: string;
  readonly state: OrderState;
  readonly expiresUs: number | null;
  /** Where to pay, for an order that is held. */
  readonly checkoutUrl: string | null;
  readonly totalMinor: number;
  readonly currency: string;
}

export type Outcome =
  | { readonly kind: 'placed'; readonly receipt: Receipt }
  | { readonly kind: 'sold-out'; readonly product: string | null }
  | { readonly kind: 'price-changed'; readonly message: string }
  | { readonly kind: 'offer-over'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string }
  /** Nobody knows whether the order was taken: the same attempt must be made again. */
  | { readonly kind: 'unknown' };

export type Pause = (ms: number) => Promise<void>;

const TRIES = 6;
const STATES: readonly unknown[] = [
  'held',
  'confirmed',
  'released',
  'expired',
  'paid_late',
  'cancelled',
] satisfies OrderState[];

/** Makes one attempt until it is answered, `TRIES` times at most. Never rejects. */
export async function place(
  show: string,
  attempt: Attempt,
  viewer: Pick<Viewer, 'call'>,
  pause: Pause = wait,
): Promise<Outcome> {
  const request = {
    method: 'POST',
    headers: { 'Idempotency-Key': attempt.key },
    body: bodyOf(attempt.wanted),
  } as const;
  for (let i = 0; i < TRIES; i += 1) {
    if (i > 0) await pause(backoffMs(i - 1, Math.random()));
    try {
      const answer = await viewer.call(`/shows/${show}/orders`, request);
      return { kind: 'placed', receipt: parseReceipt(asMap(answer)?.['order']) };
    } catch (error) {
      if (error instanceof ApiError && !error.passing) return outcomeOf(error);
    }
  }
  return { kind: 'unknown' };
}

/** The viewer's own order as it is now, or null where that cannot be had. */
export async function ownOrder(
  show: string,
  number: string,
  viewer: Pick<Viewer, 'call'>,
): Promise<Receipt | null> {
  try {
    const answer = await viewer.call(`/shows/${show}/my-orders/${encodeURIComponent(number)}`, {});
    return parseReceipt(asMap(answer)?.['order'] ?? answer);
  } catch {
    return null;
  }
}

/** Where to pay for an order that is held, or null. */
export async function payUrl(
  show: string,
  number: string,
  viewer: Pick<Viewer, 'call'>,
): Promise<string | null> {
  const path = `/shows/${show}/my-orders/${encodeURIComponent(number)}/checkout`;
  const answer = await viewer.call(path, { method: 'POST', body: {} }).catch(() => null);
  return payable(asMap(answer)?.['checkout_url']);
}

function bodyOf({ items, bundles, coupon, contact, checkout, expectMinor }: Wanted): object {
  return {
    items,
    ...(bundles.length === 0 ? {} : { bundles }),
    ...(coupon === null ? {} : { coupon }),
    ...(contact === null ? {} : { contact }),
    ...(checkout === null ? {} : { checkout }),
    ...(expectMinor === null ? {} : { expect_total_minor: expectMinor }),
  };
}

function outcomeOf({ code, message, field }: ApiError): Outcome {
  const said = message || code;
  switch (code) {
    case 'sold_out':
      return { kind: 'sold-out', product: field };
    case 'price_changed':
      return { kind: 'price-changed', message: said };
    case 'offer_over':
    case 'offer_not_begun':
      return { kind: 'offer-over', message: said };
    default:
      return { kind: 'refused', message: said };
  }
}

/** Throws unless `value` is an order. */
export function parseReceipt(value: unknown): Receipt {
  const map = asMap(value) ?? {};
  const { number, state, total_minor: totalMinor, currency } = map;
  const numbered = isText(number) || typeof number === 'number';
  if (!numbered || !isCount(totalMinor) || typeof currency !== 'string') {
    throw new Error('the server sent something that is not an order');
  }
  return {
    number: String(number),
    state: STATES.includes(state) ? (state as OrderState) : 'confirmed',
    expiresUs: countOrNull(map['expires_us']),
    checkoutUrl: payable(map['checkout_url']),
    totalMinor,
    currency,
  };
}

/** A page goes to addresses of the web alone, whatever the server says. */
export function payable(value: unknown): string | null {
  return typeof value === 'string' && /^https?:\/\/[^/]/i.test(value) ? value : null;
}

/** What was stored once, as far as it is an attempt. */
export function parseAttempt(value: unknown): Attempt | null {
  const { key, wanted } = asMap(value) ?? {};
  const map = asMap(wanted);
  if (!isText(key) || map === null) return null;
  return {
    key,
    wanted: {
      items: parseCart(map['items']),
      bundles: asList(map['bundles']).flatMap(parseBundle),
      coupon: textOr(map['coupon'], null),
      contact: parseContact(map['contact']),
      checkout: textOr(map['checkout'], null),
      expectMinor: countOrNull(map['expectMinor']),
    },
  };
}

export function parseBundle(value: unknown): BundleLine[] {
  const { offer, quantity } = asMap(value) ?? {};
  return isText(offer) && isCount(quantity) && quantity > 0 ? [{ offer, quantity }] : [];
}

function parseContact(value: unknown): Contact | null {
  const map = asMap(value);
  if (map === null) return null;
  const { name, email, phone, address } = map;
  return {
    name: textOr(name, ''),
    email: textOr(email, ''),
    phone: textOr(phone, ''),
    address: textOr(address, ''),
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
