/** The form of a new offer, and what it says to the server. */

import { type TemplateResult, html, nothing } from 'lit';

import { type MessageKey, t } from '../../shared/i18n';
import { decimals } from '../../shared/money';
import type { OfferKind } from '../../shared/offers';
import type { Product } from '../../shared/product';

export const KINDS: readonly OfferKind[] = ['flash', 'coupon', 'bundle', 'gift'];

export interface Draft {
  readonly terms: Readonly<Record<string, unknown>>;
  readonly durationMs: number;
}

/** What the form holds, as the server takes it. Nothing is checked: the server says what is wrong. */
export function draftOf(kind: OfferKind, form: FormData, currency: string): Draft {
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const whole = (name: string) => (text(name) === '' ? null : Math.round(Number(text(name))));
  const minor = (name: string) =>
    text(name) === '' ? null : Math.round(Number(text(name)) * 10 ** decimals(currency));
  const goods = (name: string) => {
    const [product = '', variant = ''] = text(name).split(' ');
    return { product, variant };
  };
  const terms = {
    flash: { product: goods('product').product, percent_off: whole('percent') },
    coupon: { percent_off: whole('percent'), least_total_minor: minor('least'), shared_code: true },
    bundle: {
      items: [goods('product'), goods('second')].map((each) => ({ ...each, quantity: 1 })),
      price_minor: minor('price'),
    },
    gift: { product: goods('product').product, gift: goods('second') },
  }[kind];
  const said = {
    kind,
    title: text('title'),
    currency,
    quota: whole('quota'),
    ...(kind === 'coupon' ? {} : { per_buyer: whole('per_buyer') }),
    ...terms,
  };
  const known = Object.entries(said).filter(([, value]) => value !== null && value !== '');
  return { terms: Object.fromEntries(known), durationMs: Math.round(Number(text('minutes')) * 6e4) };
}

/** The fields of an offer of `kind`; `product` is chosen beforehand. */
export function offerFields(
  kind: OfferKind,
  products: readonly Product[],
  product: string | null,
): TemplateResult {
  const percent = kind === 'flash' || kind === 'coupon';
  return html`
    ${
      kind === 'coupon'
        ? nothing
        : pick('product', 'offers.product', goodsOf(products, kind === 'bundle'), product)
    }
    ${
      kind === 'bundle' || kind === 'gift'
        ? pick(
            'second',
            kind === 'gift' ? 'offers.gift' : 'offers.second',
            goodsOf(products, true),
            null,
          )
        : nothing
    }
    ${percent ? field('percent', 'offers.percent', '20', { min: 1, max: 100 }, true) : nothing}
    ${kind === 'bundle' ? field('price', 'offers.price', '', { min: 0, step: 0.01 }, true) : nothing}
    ${kind === 'coupon' ? field('least', 'offers.least', '', { min: 0, step: 0.01 }, false) : nothing}
    ${field('minutes', 'offers.minutes', '5', { min: 0.1, max: 1440, step: 0.1 }, true)}
    ${field('quota', 'offers.quota', '', { min: 1 }, false)}
    ${kind === 'coupon' ? nothing : field('per_buyer', 'offers.per-buyer', '', { min: 1 }, false)}
    <div class="field">
      <label for="offer-title">${t('offers.title')}</label>
      <input id="offer-title" name="title" maxlength="120" autocomplete="off" />
    </div>
  `;
}

interface Bounds {
  readonly min: number;
  readonly max?: number;
  readonly step?: number;
}

function field(
  name: string,
  label: MessageKey,
  value: string,
  { min, max, step = 1 }: Bounds,
  required: boolean,
): TemplateResult {
  return html`<div class="field">
    <label for=${`offer-${name}`}>${t(label)}</label>
    <input
      id=${`offer-${name}`}
      name=${name}
      type="number"
      inputmode="decimal"
      min=${min}
      max=${max ?? nothing}
      step=${step}
      ?required=${required}
      value=${value}
    />
  </div>`;
}

interface Goods {
  readonly value: string;
  readonly name: string;
}

/** What can be picked: products, or each of their variants. Ids have no blanks. */
function goodsOf(products: readonly Product[], variants: boolean): readonly Goods[] {
  if (!variants) return products.map(({ id, name }) => ({ value: id, name }));
  return products.flatMap((product) =>
    product.variants.map((variant) => ({
      value: `${product.id} ${variant.id}`,
      name: [product.name, ...variant.options].join(', '),
    })),
  );
}

function pick(
  name: string,
  label: MessageKey,
  goods: readonly Goods[],
  chosen: string | null,
): TemplateResult {
  return html`<div class="field">
    <label for=${`offer-${name}`}>${t(label)}</label>
    <select id=${`offer-${name}`} name=${name} required>
      ${goods.map(
        (each) =>
          html`<option value=${each.value} ?selected=${each.value === chosen}>
            ${each.name}
          </option>`,
      )}
    </select>
  </div>`;
}
