/** What a cart holds besides its lines, as templates: bundles, and the coupon. */

import { type TemplateResult, html, nothing } from 'lit';

import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import type { Offer } from '../../shared/offers';
import type { Product } from '../../shared/product';
import { benefit } from '../offers/lines';
import type { BundleLine } from './checkout';
import type { Coupon } from './storage';

/** What the show knows of them. */
export interface Known {
  readonly offers: ReadonlyMap<string, Offer>;
  readonly products: ReadonlyMap<string, Product>;
}

export function bundleLine(
  { offer: id, quantity }: BundleLine,
  { offers, products }: Known,
  locked: boolean,
  remove: () => void,
): TemplateResult {
  const offer = offers.get(id);
  const name = offer?.title || t('offer.bundle');
  return html`<li data-bundle=${id}>
    <span class="offer-icon">${icons.tag}</span>
    <div class="what">
      <strong>${name} × ${number(quantity, 0)}</strong>
      ${offer === undefined ? nothing : html`<span>${benefit(offer, products)}</span>`}
    </div>
    <button
      class="icon"
      aria-label=${t('cart.remove', { name })}
      ?disabled=${locked}
      @click=${remove}
    >
      ${icons.bin}
    </button>
  </li>`;
}

export function couponLine(
  { offer: id, code }: Coupon,
  { offers, products }: Known,
  remove: () => void,
): TemplateResult {
  const offer = offers.get(id);
  return html`<p class="coupon" data-code=${code}>
    ${icons.tag}
    <span>
      ${t('cart.coupon', { code })}
      ${offer === undefined ? nothing : html`<small>${benefit(offer, products)}</small>`}
    </span>
    <button class="icon" aria-label=${t('cart.coupon.remove')} @click=${remove}>
      ${icons.close}
    </button>
  </p>`;
}
