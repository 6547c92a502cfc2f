/** A price for people: what it costs now, what it is struck from, and what the law wants beside it. */

import { type TemplateResult, html, nothing } from 'lit';

import { t } from '../../shared/i18n';
import { money } from '../../shared/money';
import { type Offer, type ViewerClock, bestFlash, flashPrice } from '../../shared/offers';
import { type Product, type Variant, isPriceRange, singleVariant } from '../../shared/product';

export interface Deal {
  readonly priceMinor: number;
  /** The price without the offer, or the struck one; null where there is none. */
  readonly struckMinor: number | null;
  readonly lowestMinor: number | null;
  readonly flash: Offer | null;
  /** Where no variant is chosen yet and they differ. */
  readonly from: boolean;
}

/** What `variant` costs at the moment, or the cheapest where none is chosen. */
export function dealOf(
  product: Product,
  variant: Variant | null,
  offers: Iterable<Offer>,
  clock: ViewerClock,
): Deal {
  const list = [...offers];
  const chosen = variant ?? singleVariant(product);
  const choices = chosen === null ? product.variants : [chosen];
  const deals = choices.map((each) => {
    const flash = bestFlash(list, product, each, clock);
    const priceMinor = flash === null ? each.priceMinor : flashPrice(flash, each);
    const struckMinor = flash === null ? each.struckMinor : each.priceMinor;
    return { priceMinor, struckMinor, lowestMinor: each.lowestMinor, flash };
  });
  const best = deals.reduce((a, b) => (b.priceMinor < a.priceMinor ? b : a));
  return { ...best, from: chosen === null && isPriceRange(product) };
}

export function priceTag(deal: Deal, currency: string): TemplateResult {
  const { priceMinor, struckMinor, lowestMinor, from } = deal;
  const now = money(priceMinor, currency);
  const struck = struckMinor !== null && struckMinor > priceMinor;
  return html`<span class="price-tag">
    <strong>${from ? t('price.from', { price: now }) : now}</strong>
    ${
      struck
        ? html`<s><span class="visually-hidden">${t('price.before')} </span>${money(
            struckMinor,
            currency,
          )}</s>`
        : nothing
    }
    ${
      struck && lowestMinor !== null
        ? html`<small>${t('price.lowest', { price: money(lowestMinor, currency) })}</small>`
        : nothing
    }
  </span>`;
}
