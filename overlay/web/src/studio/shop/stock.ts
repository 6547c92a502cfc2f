/** What a variant's stock is made of, as the host sees it. Pure. */

/** The most units that a variant may have. */
export const MAX_STOCK = 10_000_000;

/** `inAll` = what is left + `held` + `sold`. */
export interface Stock {
  readonly inAll: number;
  readonly held: number;
  readonly sold: number;
}

/** By `stockKey`; what is not in order is left out. */
export function parseStocks(plain: unknown): ReadonlyMap<string, Stock> {
  const list = (plain as { stock?: unknown } | null)?.stock;
  const found = new Map<string, Stock>();
  for (const each of Array.isArray(list) ? list : []) {
    const { product, variant, stock, held, sold } = (each ?? {}) as Record<string, unknown>;
    if (typeof product !== 'string' || typeof variant !== 'string') continue;
    if (!isCount(stock) || !isCount(held) || !isCount(sold)) continue;
    found.set(stockKey(product, variant), { inAll: stock, held, sold });
  }
  return found;
}

export function stockKey(product: string, variant: string): string {
  return `${product}/${variant}`;
}

/** The number that the host has typed; null where it cannot be a stock. */
export function typedStock(text: string): number | null {
  const units = /^[0-9]{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return units <= MAX_STOCK ? units : null;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}
