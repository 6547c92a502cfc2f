/** Refusals of the shop in the reader's words. */

import { t } from '../../shared/i18n';
import type { Product } from '../../shared/product';
import type { Outcome } from './checkout';
import type { Refusal } from './desk';

type Products = ReadonlyMap<string, Product>;

/** Of an order. */
export function failureText(
  failure: Exclude<Outcome, { kind: 'placed' }>,
  products: Products,
): string {
  switch (failure.kind) {
    case 'sold-out':
      return t('cart.sold-out', { name: nameOf(failure.product, products) });
    case 'price-changed':
      return t('cart.price-changed', { message: failure.message });
    case 'offer-over':
      return t('cart.offer-over', { message: failure.message });
    case 'refused':
      return t('cart.refused', { message: failure.message });
    case 'unknown':
      return t('cart.unknown');
  }
}

/** Of a change of the cart. */
export function refusalText({ code, message, field }: Refusal, products: Products): string {
  switch (code) {
    case 'sold_out':
    case 'out-of-stock':
      return t('cart.cannot-hold', { name: nameOf(field, products) });
    case 'timeout':
      return t('cart.no-answer');
    case 'currency':
      return t('cart.currency', { name: nameOf(field, products) });
    case 'cap_reached':
      return t('cart.cap', { name: nameOf(field, products) });
    case 'not_live':
      return t('cart.not-live');
    default:
      return t('cart.refused', { message });
  }
}

/** Of a claim. */
export function claimText(code: string, message: string): string {
  switch (code) {
    case 'offer_over':
      return t('offer.refused.over');
    case 'offer_not_begun':
      return t('offer.refused.not-begun');
    case 'quota_reached':
      return t('offer.refused.quota');
    default:
      return t('cart.refused', { message });
  }
}

function nameOf(product: string | null, products: Products): string {
  return products.get(product ?? '')?.name ?? t('cart.an-item');
}
