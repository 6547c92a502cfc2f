/** What the shop says on the wire, checked before it is believed: products, cues, money. */

import { language } from './i18n';

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly facts: readonly string[];
  /** An address that `pictureUrl` let through, or null. */
  readonly picture: string | null;
  /** In the currency's minor unit (cents). */
  readonly priceMinor: number;
  /** ISO 4217. */
  readonly currency: string;
  readonly seller: string;
  readonly returns: string;
  readonly available: number;
  readonly soldOut: boolean;
}

/** Media times are ticks of 1/90,000 s on the timeline of the media epoch. */
export interface Cue {
  readonly id: string;
  readonly revision: number;
  readonly type: 'pin' | 'unpin';
  readonly mediaEpoch: string;
  readonly pts: number;
  readonly duration: number;
  readonly product: string | null;
  readonly ends: string | null;
}

export const TICKS_PER_SECOND = 90_000;
const MAX_FACTS = 5;

/** Null where `value` is not a product. */
export function parseProduct(value: unknown): Product | null {
  const map = asMap(value);
  if (map === null) return null;
  const { id, name, facts, price_minor: priceMinor, currency, available } = map;
  if (typeof id !== 'string' || id === '' || typeof name !== 'string') return null;
  if (!isCount(priceMinor) || !isCount(available)) return null;
  if (typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) return null;
  return {
    id,
    name,
    facts: Array.isArray(facts) ? facts.filter(isText).slice(0, MAX_FACTS) : [],
    picture: pictureUrl(map['picture']),
    priceMinor,
    currency,
    seller: isText(map['seller']) ? map['seller'] : '',
    returns: isText(map['returns']) ? map['returns'] : '',
    available,
    soldOut: map['sold_out'] === true || available === 0,
  };
}

/** Null where `value` is not a cue. */
export function parseCue(value: unknown): Cue | null {
  const map = asMap(value);
  if (map === null) return null;
  const { id, revision, type, media_epoch: mediaEpoch, pts, duration, product, ends } = map;
  if (typeof id !== 'string' || id === '' || typeof mediaEpoch !== 'string') return null;
  if (!isCount(revision) || !isCount(pts) || !isCount(duration)) return null;
  if (type !== 'pin' && type !== 'unpin') return null;
  return {
    id,
    revision,
    type,
    mediaEpoch,
    pts,
    duration,
    product: isText(product) ? product : null,
    ends: isText(ends) ? ends : null,
  };
}

/** The cue in a timed metadata payload, or null. */
export function cueFromPayload(payload: string): Cue | null {
  try {
    return parseCue(JSON.parse(payload));
  } catch {
    return null;
  }
}

/** Pictures come from the web or from this site: `http(s)` addresses and absolute paths only. */
export function pictureUrl(value: unknown): string | null {
  if (typeof value !== 'string' || /[\s\\]/.test(value)) return null;
  return /^https?:\/\/[^/]/i.test(value) || /^\/(?!\/)/.test(value) ? value : null;
}

/** `12.90 €` as the reader writes it. The currency knows how many decimals it has. */
export function money(minor: number, currency: string): string {
  const format = new Intl.NumberFormat(language(), { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(minor / 10 ** digits);
}

export function asMap(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** A whole number from 0 up. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
