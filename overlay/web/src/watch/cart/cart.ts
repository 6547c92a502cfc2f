/**
 * A cart as a value: what and how many, as this page wants it; and as the server has it, with its
 * prices and holds. Prices come from the server, never from here.
 */

import {
  asList,
  asMap,
  countOrNull,
  isCount,
  isCurrency,
  isText,
  textOr,
} from '../../shared/checks';

export interface Line {
  readonly product: string;
  readonly variant: string;
  readonly quantity: number;
}

export type Cart = readonly Line[];

/** A line as the server has it. */
export interface PricedLine extends Line {
  readonly name: string;
  /** The variant in words. */
  readonly choice: string;
  /** Of one; where an offer is not for all units, of one that it is not for. */
  readonly priceMinor: number;
  /** Of all units. */
  readonly lineMinor: number;
  /** Without any offer. */
  readonly listMinor: number;
  readonly offer: string | null;
  readonly available: number;
  readonly heldUntilUs: number | null;
  readonly soldOut: boolean;
}

export interface ServerCart {
  readonly version: number;
  readonly lines: readonly PricedLine[];
  readonly totalMinor: number;
  readonly currency: string;
}

export const MAX_QUANTITY = 99;
export const MAX_LINES = 50;

const same = (a: Line, b: { product: string; variant: string }) =>
  a.product === b.product && a.variant === b.variant;

export function quantityOf(cart: Cart, product: string, variant: string | null = null): number {
  return cart
    .filter((line) => line.product === product && (variant === null || line.variant === variant))
    .reduce((sum, { quantity }) => sum + quantity, 0);
}

/** `quantity` 0 takes the line out. A full cart takes no further line. */
export function withQuantity(
  cart: Cart,
  product: string,
  variant: string,
  quantity: number,
): Cart {
  const bounded = Math.min(MAX_QUANTITY, Math.max(0, Math.trunc(quantity)));
  const line: Line = { product, variant, quantity: bounded };
  if (bounded === 0) return cart.filter((other) => !same(other, line));
  if (cart.some((other) => same(other, line))) {
    return cart.map((other) => (same(other, line) ? line : other));
  }
  return cart.length >= MAX_LINES ? cart : [...cart, line];
}

/** What `mine` changed since `base`, done to `theirs`. */
export function merge(base: Cart, mine: Cart, theirs: Cart): Cart {
  const touched = [...mine, ...base.filter((line) => !mine.some((other) => same(other, line)))];
  return touched.reduce((cart, { product, variant }) => {
    const change = quantityOf(mine, product, variant) - quantityOf(base, product, variant);
    if (change === 0) return cart;
    return withQuantity(cart, product, variant, quantityOf(cart, product, variant) + change);
  }, theirs);
}

export function sameCart(a: Cart, b: Cart): boolean {
  return (
    a.length === b.length &&
    a.every(
      ({ product, variant, quantity }) => quantityOf(b, product, variant) === quantity,
    )
  );
}

export function count(cart: Cart): number {
  return cart.reduce((sum, { quantity }) => sum + quantity, 0);
}

/** The lines alone. */
export function wanted(cart: ServerCart): Cart {
  return cart.lines.map(({ product, variant, quantity }) => ({ product, variant, quantity }));
}

/** Null where `value` is not a cart. */
export function parseServerCart(value: unknown): ServerCart | null {
  const map = asMap(value);
  if (map === null || !isCount(map['version']) || !Array.isArray(map['items'])) return null;
  const { currency } = map;
  return {
    version: map['version'],
    lines: map['items'].slice(0, MAX_LINES).map(parsePriced).filter((line) => line !== null),
    totalMinor: countOrNull(map['total_minor']) ?? 0,
    currency: isCurrency(currency) ? currency : 'EUR',
  };
}

function parsePriced(value: unknown): PricedLine | null {
  const map = asMap(value);
  if (map === null) return null;
  const { product, variant, quantity, price_minor: priceMinor } = map;
  if (!isText(product) || !isCount(quantity) || quantity === 0 || !isCount(priceMinor)) return null;
  return {
    product,
    variant: textOr(variant, 'default'),
    quantity,
    name: textOr(map['name'], product),
    choice: textOr(map['choice'], ''),
    priceMinor,
    lineMinor: countOrNull(map['line_minor']) ?? quantity * priceMinor,
    listMinor: countOrNull(map['list_minor']) ?? priceMinor,
    offer: textOr(map['offer'], null),
    available: countOrNull(map['available']) ?? 0,
    heldUntilUs: countOrNull(map['held_until_us']),
    soldOut: map['sold_out'] === true,
  };
}

/** What was stored once, as far as it is a cart. */
export function parseCart(value: unknown): Cart {
  return asList(value).reduce<Cart>((cart, line) => {
    const { product, variant, quantity } = asMap(line) ?? {};
    if (!isText(product) || typeof quantity !== 'number' || !Number.isFinite(quantity)) return cart;
    return withQuantity(cart, product, textOr(variant, 'default'), quantity);
  }, []);
}
