/** A product as the show tells it: its variants, prices, stock and words. */

import {
  asList,
  asMap,
  countOrNull,
  isCount,
  isCurrency,
  isText,
  pictureUrl,
  textOr,
  texts,
} from './checks';

export interface Variant {
  readonly id: string;
  /** The value of each of the product's options, in their order. */
  readonly options: readonly string[];
  /** In the currency's minor unit (cents). */
  readonly priceMinor: number;
  readonly struckMinor: number | null;
  /** The lowest price of the 30 days before the reduction. */
  readonly lowestMinor: number | null;
  readonly picture: string | null;
  readonly available: number;
  readonly soldOut: boolean;
}

export interface Option {
  readonly name: string;
  readonly values: readonly string[];
}

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly facts: readonly string[];
  /** An address that `pictureUrl` let through, or null. */
  readonly picture: string | null;
  readonly pictures: readonly string[];
  readonly options: readonly Option[];
  /** One at least. */
  readonly variants: readonly Variant[];
  /** Of the cheapest variant, like the two after it. */
  readonly priceMinor: number;
  readonly struckMinor: number | null;
  readonly lowestMinor: number | null;
  /** ISO 4217. */
  readonly currency: string;
  readonly seller: string;
  readonly returns: string;
  readonly related: readonly string[];
  /** The most that one buyer may have. */
  readonly cap: number | null;
  readonly liveOnly: boolean;
  readonly available: number;
  readonly soldOut: boolean;
}

const MAX_FACTS = 5;
const MAX_PICTURES = 8;
const MAX_OPTIONS = 5;
const MAX_VARIANTS = 100;
const MAX_RELATED = 12;

/** Null where `value` is not a product. */
export function parseProduct(value: unknown): Product | null {
  const map = asMap(value);
  if (map === null) return null;
  const { id, name, price_minor: priceMinor, currency, available } = map;
  if (!isText(id) || typeof name !== 'string' || !isCurrency(currency)) return null;
  if (!isCount(priceMinor) || !isCount(available)) return null;
  const variants = asList(map['variants']).slice(0, MAX_VARIANTS).map(parseVariant);
  const picture = pictureUrl(map['picture']);
  const pictures = texts(map['pictures'], MAX_PICTURES).map(pictureUrl).filter(isText);
  const known = variants.filter((variant) => variant !== null);
  return {
    id,
    name,
    description: textOr(map['description'], ''),
    facts: texts(map['facts'], MAX_FACTS),
    picture,
    pictures: pictures.length === 0 && picture !== null ? [picture] : pictures,
    options: asList(map['options']).slice(0, MAX_OPTIONS).map(parseOption),
    variants: known.length === 0 ? [onlyVariant(map, priceMinor, available)] : known,
    priceMinor,
    struckMinor: countOrNull(map['struck_minor']),
    lowestMinor: countOrNull(map['lowest_30d_minor']),
    currency,
    seller: textOr(map['seller'], ''),
    returns: textOr(map['returns'], ''),
    related: texts(map['related'], MAX_RELATED),
    cap: countOrNull(map['cap']),
    liveOnly: map['live_only'] === true,
    available,
    soldOut: map['sold_out'] === true || available === 0,
  };
}

/** The product with so many of `variant` left; the product's stock is that of all its variants. */
export function withStock(
  product: Product,
  variant: string | null,
  available: number,
  soldOut: boolean,
): Product {
  const [first] = product.variants;
  const changed = variant ?? first?.id;
  const variants = product.variants.map((each) =>
    each.id === changed ? { ...each, available, soldOut: soldOut || available === 0 } : each,
  );
  const total = variants.reduce((sum, each) => sum + each.available, 0);
  return {
    ...product,
    variants,
    available: total,
    soldOut: variants.every((each) => each.soldOut),
  };
}

export function variantOf(product: Product, id: string | null): Variant | null {
  return product.variants.find((variant) => variant.id === id) ?? null;
}

/** The variant where there is no choice, else null. */
export function singleVariant(product: Product): Variant | null {
  return product.variants.length === 1 ? (product.variants[0] ?? null) : null;
}

/** The variant in words, empty where there is nothing to choose. */
export function choiceText({ options }: Variant): string {
  return options.join(' · ');
}

/** Whether the variants differ in price. */
export function isPriceRange(product: Product): boolean {
  return product.variants.some(({ priceMinor }) => priceMinor !== product.priceMinor);
}

/**
 * The variant that `chosen` names (a value for each option, null where none is chosen yet), or null
 * while it is not whole or there is none such.
 */
export function chosenVariant(
  product: Product,
  chosen: readonly (string | null)[],
): Variant | null {
  if (product.options.length === 0) return product.variants[0] ?? null;
  if (product.options.some((_, i) => (chosen[i] ?? null) === null)) return null;
  return product.variants.find(({ options }) => options.every((v, i) => v === chosen[i])) ?? null;
}

/** What stands in the way of `value` for option `index` beside the other choices made. */
export function valueStanding(
  product: Product,
  chosen: readonly (string | null)[],
  index: number,
  value: string,
): 'open' | 'sold-out' | 'none' {
  const fitting = product.variants.filter(({ options }) =>
    options.every((each, i) => {
      const wanted = i === index ? value : (chosen[i] ?? null);
      return wanted === null || each === wanted;
    }),
  );
  if (fitting.length === 0) return 'none';
  return fitting.every(({ soldOut }) => soldOut) ? 'sold-out' : 'open';
}

/** Of the first variant that can be bought: what a picker begins with. */
export function firstChoice(product: Product): readonly (string | null)[] {
  const open = product.variants.find(({ soldOut }) => !soldOut) ?? product.variants[0];
  return product.options.map((_, i) => open?.options[i] ?? null);
}

function parseVariant(value: unknown): Variant | null {
  const map = asMap(value);
  if (map === null || !isText(map['id'])) return null;
  const { id, price_minor: priceMinor, available } = map;
  if (!isCount(priceMinor) || !isCount(available)) return null;
  return {
    id,
    options: texts(map['options'], MAX_OPTIONS),
    priceMinor,
    struckMinor: countOrNull(map['struck_minor']),
    lowestMinor: countOrNull(map['lowest_30d_minor']),
    picture: pictureUrl(map['picture']),
    available,
    soldOut: map['sold_out'] === true || available === 0,
  };
}

function parseOption(value: unknown): Option {
  const { name, values } = asMap(value) ?? {};
  return { name: textOr(name, ''), values: texts(values, MAX_VARIANTS) };
}

function onlyVariant(
  map: Record<string, unknown>,
  priceMinor: number,
  available: number,
): Variant {
  return {
    id: 'default',
    options: [],
    priceMinor,
    struckMinor: countOrNull(map['struck_minor']),
    lowestMinor: countOrNull(map['lowest_30d_minor']),
    picture: null,
    available,
    soldOut: map['sold_out'] === true || available === 0,
  };
}
