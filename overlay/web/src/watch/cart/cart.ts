/** A cart as a value: what and how many, and the sums. Prices come from the show, not from here. */

import type { Product } from '../../shared/shop';

export interface Line {
  readonly product: string;
  readonly quantity: number;
}

export type Cart = readonly Line[];

export const MAX_QUANTITY = 99;
export const MAX_LINES = 50;

export function quantityOf(cart: Cart, product: string): number {
  return cart.find((line) => line.product === product)?.quantity ?? 0;
}

/** `quantity` 0 takes the line out. A full cart takes no further product. */
export function withQuantity(cart: Cart, product: string, quantity: number): Cart {
  const bounded = Math.min(MAX_QUANTITY, Math.max(0, Math.trunc(quantity)));
  if (bounded === 0) return cart.filter((line) => line.product !== product);
  if (cart.some((line) => line.product === product)) {
    return cart.map((line) => (line.product === product ? { product, quantity: bounded } : line));
  }
  return cart.length >= MAX_LINES ? cart : [...cart, { product, quantity: bounded }];
}

/** What is left to order when `ordered` was. */
export function without(cart: Cart, ordered: Cart): Cart {
  return ordered.reduce(
    (rest, { product, quantity }) =>
      withQuantity(rest, product, quantityOf(rest, product) - quantity),
    cart,
  );
}

export function count(cart: Cart): number {
  return cart.reduce((sum, { quantity }) => sum + quantity, 0);
}

export interface Sum {
  readonly currency: string;
  readonly minor: number;
}

/** One sum for each currency, in the order of the cart; products that are gone cost nothing. */
export function sums(cart: Cart, products: ReadonlyMap<string, Product>): readonly Sum[] {
  const totals = new Map<string, number>();
  for (const { product: id, quantity } of cart) {
    const product = products.get(id);
    if (product === undefined) continue;
    const before = totals.get(product.currency) ?? 0;
    totals.set(product.currency, before + quantity * product.priceMinor);
  }
  return [...totals].map(([currency, minor]) => ({ currency, minor }));
}

/** What was stored once, as far as it is a cart. */
export function parseCart(value: unknown): Cart {
  if (!Array.isArray(value)) return [];
  return value.reduce<Cart>((cart, line: unknown) => {
    const { product, quantity } = (line ?? {}) as Record<string, unknown>;
    const sane = typeof product === 'string' && product !== '' && typeof quantity === 'number';
    return sane && Number.isFinite(quantity) ? withQuantity(cart, product, quantity) : cart;
  }, []);
}
