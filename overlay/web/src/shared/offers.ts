/**
 * Offers as values, and what they mean at a moment: a pure core.
 *
 * An offer's time is media time where the show is on air: `startsPts` and `endsPts` on the timeline of
 * `mediaEpoch`, judged against the viewer's own playhead, so that everybody sees the same countdown
 * whatever their delay. Where there is no media it is Unix time.
 */

import { asList, asMap, countOrNull, isCount, isCurrency, isText, textOr } from './checks';
import type { Product, Variant } from './product';
import { TICKS_PER_SECOND } from './shop';

export type OfferKind = 'flash' | 'coupon' | 'bundle' | 'gift';
export type OfferState = 'draft' | 'announced' | 'running' | 'ended' | 'cancelled';

export interface OfferItem {
  readonly product: string;
  readonly variant: string | null;
  readonly quantity: number;
}

export interface Offer {
  readonly id: string;
  readonly kind: OfferKind;
  readonly state: OfferState;
  readonly title: string;
  readonly product: string | null;
  readonly variant: string | null;
  readonly priceMinor: number | null;
  readonly percentOff: number | null;
  readonly minorOff: number | null;
  readonly currency: string;
  readonly items: readonly OfferItem[];
  readonly gift: OfferItem | null;
  readonly leastTotalMinor: number | null;
  readonly mediaEpoch: string | null;
  readonly startsPts: number | null;
  readonly endsPts: number | null;
  readonly startsUs: number | null;
  readonly endsUs: number | null;
  readonly quota: number | null;
  readonly left: number | null;
  readonly perBuyer: number | null;
  readonly sharedCode: boolean;
}

/** Where a viewer is: on which frame, and what time it is by the server's clock. */
export interface ViewerClock {
  readonly epoch: string | null;
  readonly tick: number | null;
  readonly utcMs: number;
}

export type OfferPhase = 'coming' | 'running' | 'over';

const KINDS: readonly unknown[] = ['flash', 'coupon', 'bundle', 'gift'] satisfies OfferKind[];
const STATES: readonly unknown[] = [
  'draft',
  'announced',
  'running',
  'ended',
  'cancelled',
] satisfies OfferState[];
const MAX_ITEMS = 20;

/** Null where `value` is not an offer. */
export function parseOffer(value: unknown): Offer | null {
  const map = asMap(value);
  if (map === null) return null;
  const { id, kind, state, currency } = map;
  if (!isText(id) || !KINDS.includes(kind) || !STATES.includes(state)) return null;
  return {
    id,
    kind: kind as OfferKind,
    state: state as OfferState,
    title: textOr(map['title'], ''),
    product: textOr(map['product'], null),
    variant: textOr(map['variant'], null),
    priceMinor: countOrNull(map['price_minor']),
    percentOff: typeof map['percent_off'] === 'number' ? map['percent_off'] : null,
    minorOff: countOrNull(map['minor_off']),
    currency: isCurrency(currency) ? currency : 'EUR',
    items: asList(map['items']).slice(0, MAX_ITEMS).flatMap(parseItem),
    gift: parseItem(map['gift'])[0] ?? null,
    leastTotalMinor: countOrNull(map['least_total_minor']),
    mediaEpoch: textOr(map['media_epoch'], null),
    startsPts: countOrNull(map['starts_pts']),
    endsPts: countOrNull(map['ends_pts']),
    startsUs: countOrNull(map['starts_us']),
    endsUs: countOrNull(map['ends_us']),
    quota: countOrNull(map['quota']),
    left: countOrNull(map['left']),
    perBuyer: countOrNull(map['per_buyer']),
    sharedCode: map['shared_code'] === true,
  };
}

function parseItem(value: unknown): OfferItem[] {
  const { product, variant, quantity } = asMap(value) ?? {};
  if (!isText(product)) return [];
  const many = isCount(quantity) && quantity > 0 ? quantity : 1;
  return [{ product, variant: textOr(variant, null), quantity: many }];
}

/**
 * Whether the offer is coming, running or over for a viewer at `clock`. Cancelled is over for all at
 * once; an end by quota (`left` 0) too; an end by time comes when the viewer's own frame has come.
 */
export function phaseAt(offer: Offer, clock: ViewerClock): OfferPhase {
  if (offer.state === 'cancelled' || offer.state === 'draft' || offer.left === 0) return 'over';
  const untilStart = untilMs(offer, 'starts', clock);
  const untilEnd = untilMs(offer, 'ends', clock);
  if (untilEnd !== null && untilEnd <= 0) return 'over';
  if (offer.state === 'ended' && untilEnd === null) return 'over';
  if (untilStart !== null) return untilStart > 0 ? 'coming' : 'running';
  return offer.state === 'announced' ? 'coming' : 'running';
}

/** Milliseconds until the offer starts or ends for a viewer at `clock`; null where that is open. */
export function untilMs(
  offer: Offer,
  edge: 'starts' | 'ends',
  { epoch, tick, utcMs }: ViewerClock,
): number | null {
  const pts = edge === 'starts' ? offer.startsPts : offer.endsPts;
  const us = edge === 'starts' ? offer.startsUs : offer.endsUs;
  if (pts !== null && tick !== null && offer.mediaEpoch === epoch) {
    return ((pts - tick) / TICKS_PER_SECOND) * 1_000;
  }
  return us === null ? null : us / 1_000 - utcMs;
}

/** `1:05`, and never `0:00` before it is over. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  return hours > 0
    ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
}

/** The price of one unit under a flash offer. A percentage rounds to the buyer's favour. */
export function flashPrice(offer: Offer, variant: Variant): number {
  const { priceMinor } = variant;
  if (offer.priceMinor !== null) return Math.min(priceMinor, offer.priceMinor);
  if (offer.percentOff !== null) return Math.floor((priceMinor * (100 - offer.percentOff)) / 100);
  return Math.max(0, priceMinor - (offer.minorOff ?? 0));
}

/** Whether the offer is about this product, and this variant where one is given. */
export function concerns(offer: Offer, product: string, variant: string | null): boolean {
  const about = (item: { product: string | null; variant: string | null }) =>
    item.product === product &&
    (variant === null || item.variant === null || item.variant === variant);
  return about(offer) || offer.items.some(about);
}

/** The flash offer that gives a variant the lowest price now, or null. */
export function bestFlash(
  offers: Iterable<Offer>,
  product: Product,
  variant: Variant,
  clock: ViewerClock,
): Offer | null {
  let best: Offer | null = null;
  for (const offer of offers) {
    if (offer.kind !== 'flash' || !concerns(offer, product.id, variant.id)) continue;
    if (phaseAt(offer, clock) !== 'running') continue;
    if (flashPrice(offer, variant) >= variant.priceMinor) continue;
    if (best === null || flashPrice(offer, variant) < flashPrice(best, variant)) best = offer;
  }
  return best;
}
