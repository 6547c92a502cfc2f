/** What an offer says, in a line: how long, how many, and what it gives. */

import { type TemplateResult, html, nothing } from 'lit';

import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { money } from '../../shared/money';
import { type Offer, type ViewerClock, countdown, phaseAt, untilMs } from '../../shared/offers';
import type { Product } from '../../shared/product';

/** The countdown of a running or announced offer, on the viewer's own frames. */
export function timeLeft(offer: Offer, clock: ViewerClock): TemplateResult | typeof nothing {
  const coming = phaseAt(offer, clock) === 'coming';
  const ms = untilMs(offer, coming ? 'starts' : 'ends', clock);
  if (ms === null) return nothing;
  const text = t(coming ? 'offer.starts-in' : 'offer.ends-in', { time: countdown(ms) });
  return html`<span class="countdown" role="timer" aria-live="off" data-countdown-ms=${Math.round(ms)}>
    ${text}
  </span>`;
}

export function unitsLeft(offer: Offer): TemplateResult | typeof nothing {
  if (offer.quota === null || offer.left === null) return nothing;
  return html`<span class="few">${t('offer.left', { n: number(offer.left, 0) })}</span>`;
}

/** Under a price: that it is for a short time. */
export function flashLine(offer: Offer, clock: ViewerClock): TemplateResult {
  return html`<p class="flash" data-offer=${offer.id}>
    ${icons.bolt} <span>${offer.title || t('offer.flash')}</span>
    ${timeLeft(offer, clock)} ${unitsLeft(offer)}
  </p>`;
}

/** What the offer gives, in words. */
export function benefit(offer: Offer, products: ReadonlyMap<string, Product>): string {
  const nameOf = (id: string | null) => products.get(id ?? '')?.name ?? t('cart.an-item');
  const off =
    offer.percentOff !== null
      ? `−${number(offer.percentOff, 0)} %`
      : money(-(offer.minorOff ?? 0), offer.currency);
  switch (offer.kind) {
    case 'flash':
      return offer.priceMinor === null
        ? t('offer.flash.off', { name: nameOf(offer.product), off })
        : t('offer.flash.price', {
            name: nameOf(offer.product),
            price: money(offer.priceMinor, offer.currency),
          });
    case 'coupon':
      return offer.leastTotalMinor === null
        ? t('offer.coupon.off', { off })
        : t('offer.coupon.from', { off, total: money(offer.leastTotalMinor, offer.currency) });
    case 'bundle':
      return t('offer.bundle.price', {
        names: offer.items.map(({ product }) => nameOf(product)).join(' + '),
        price: money(offer.priceMinor ?? 0, offer.currency),
      });
    case 'gift': {
      const gift = nameOf(offer.gift?.product ?? null);
      return offer.product === null
        ? t('offer.gift.from', { gift, total: money(offer.leastTotalMinor ?? 0, offer.currency) })
        : t('offer.gift.with', { gift, name: nameOf(offer.product) });
    }
  }
}
