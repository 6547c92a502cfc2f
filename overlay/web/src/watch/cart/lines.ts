/** The lines of a cart as templates: name, choice, price, hold, and how many. */

import { type TemplateResult, html, nothing } from 'lit';

import { picture } from '../../shared/goods-picture';
import { type MessageKey, number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { money } from '../../shared/money';
import { countdown } from '../../shared/offers';
import { type Product, choiceText, variantOf } from '../../shared/product';
import { type Line, MAX_QUANTITY, type PricedLine } from './cart';

export interface LineView {
  readonly line: Line;
  /** As the server has it; null while it has not said. */
  readonly priced: PricedLine | null;
  readonly product: Product | null;
  /** The server refused this line. */
  readonly refused: boolean;
  readonly locked: boolean;
  readonly nowMs: number;
}

type Step = (line: Line, quantity: number) => void;

export function cartLine(view: LineView, step: Step): TemplateResult {
  const { line, priced, product } = view;
  const variant = product === null ? null : variantOf(product, line.variant);
  const name = product?.name ?? priced?.name ?? t('cart.gone');
  const choice = priced?.choice || (variant === null ? '' : choiceText(variant));
  const full = choice === '' ? name : `${name}, ${choice}`;
  return html`<li data-product=${line.product} data-variant=${line.variant}>
    ${picture(product)}
    <div class="what">
      <strong>${name}</strong>
      ${choice === '' ? nothing : html`<span class="choice">${choice}</span>`}
      ${price(view)} ${standing(view)} ${product === null ? nothing : terms(product)}
    </div>
    <div class="stepper" role="group" aria-label=${t('cart.quantity', { name: full })}>
      ${stepButton(view, line.quantity - 1, full, step)}
      <output>${number(line.quantity, 0)}</output>
      ${stepButton(view, line.quantity + 1, full, step)}
    </div>
  </li>`;
}

/** What one unit costs: by the server's word, else by the show's. */
function unitPrice({ line, priced, product }: LineView): number | null {
  if (priced !== null) return priced.priceMinor;
  return product === null ? null : (variantOf(product, line.variant)?.priceMinor ?? null);
}

/** What the line costs, likewise. */
export function lineSum(view: LineView): number | null {
  const { line, priced } = view;
  if (priced?.quantity === line.quantity) return priced.lineMinor;
  const unit = unitPrice(view);
  return unit === null ? null : unit * line.quantity;
}

function price(view: LineView): TemplateResult | typeof nothing {
  const { priced, product } = view;
  const unit = unitPrice(view);
  if (unit === null || product === null) return nothing;
  const list = priced?.listMinor ?? unit;
  return html`<span>
    ${money(unit, product.currency)}
    ${
      list > unit
        ? html`<s><span class="visually-hidden">${t('price.before')} </span>${money(
            list,
            product.currency,
          )}</s>`
        : nothing
    }
  </span>`;
}

function standing({ priced, product, line, refused, nowMs }: LineView):
  | TemplateResult
  | typeof nothing {
  const held = priced?.heldUntilUs ?? null;
  if (held !== null && held / 1_000 > nowMs) {
    const time = countdown(held / 1_000 - nowMs);
    return html`<span class="held" role="timer" aria-live="off">${t('cart.held', { time })}</span>`;
  }
  const variant = product === null ? null : variantOf(product, line.variant);
  if (refused || priced?.soldOut || (variant?.soldOut ?? false)) {
    return html`<span class="sold-out">${t('card.sold-out')}</span>`;
  }
  return nothing;
}

function stepButton(
  { line, locked }: LineView,
  quantity: number,
  name: string,
  step: Step,
): TemplateResult {
  const more = quantity > line.quantity;
  const key: MessageKey = more ? 'cart.more' : quantity === 0 ? 'cart.remove' : 'cart.less';
  return html`<button
    class="icon"
    aria-label=${t(key, { name })}
    ?disabled=${locked || quantity > MAX_QUANTITY}
    @click=${() => step(line, quantity)}
  >
    ${more ? icons.plus : quantity === 0 ? icons.bin : icons.minus}
  </button>`;
}

function terms({ seller, returns }: Product): TemplateResult {
  return html`
    ${seller === '' ? nothing : html`<small>${t('cart.seller', { seller })}</small>`}
    ${returns === '' ? nothing : html`<small>${returns}</small>`}
  `;
}
