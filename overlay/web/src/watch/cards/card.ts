/**
 * `<comptoir-card>`: one product card over the video; up to three stand beside each other.
 *
 * While a card is up the element has the attribute `data-cue-id`, set and removed within the very
 * call of `put`; without it nothing of it is seen or reached. Its content is in the page's own DOM.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { picture } from '../../shared/goods-picture';
import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { money } from '../../shared/money';
import type { Offer, ViewerClock } from '../../shared/offers';
import { type Product, type Variant, singleVariant } from '../../shared/product';
import type { Cue } from '../../shared/shop';
import { flashLine } from '../offers/lines';
import { dealOf, priceTag } from '../product/price';

const FEW = 5;
const ADDED_SHOWN_MS = 2_500;

@customElement('comptoir-card')
export class ComptoirCard extends LitElement {
  /** How many of the product are in the cart. */
  @property({ type: Number }) inCart = 0;
  @property({ attribute: false }) offers: ReadonlyMap<string, Offer> = new Map();
  @property({ attribute: false }) clock: ViewerClock = { epoch: null, tick: null, utcMs: 0 };
  @property({ attribute: false }) onAdd: (product: Product, variant: Variant) => void = () => {};
  @property({ attribute: false }) onDetails: (product: Product) => void = () => {};
  @state() private product: Product | null = null;
  @state() private added = false;
  private addedTimer = 0;

  /** Shows the card of `cue`, or none. */
  put(cue: Cue | null, product: Product | null): void {
    if (cue === null || product === null) {
      this.removeAttribute('data-cue-id');
      this.product = null;
      return;
    }
    const another = this.dataset['cueId'] !== cue.id || this.product?.id !== product.id;
    this.product = product;
    this.setAttribute('data-cue-id', cue.id);
    if (another) this.enter();
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    const { product } = this;
    const spoken =
      product === null
        ? ''
        : t('card.spoken', {
            name: product.name,
            price: money(product.priceMinor, product.currency),
          });
    return html`
      ${product === null ? nothing : this.card(product)}
      <p class="visually-hidden" role="status">${spoken}</p>
    `;
  }

  private card(product: Product): TemplateResult {
    const deal = dealOf(product, null, this.offers.values(), this.clock);
    const details = () => this.onDetails(product);
    return html`<section
      class="product-card ${deal.flash === null ? '' : 'on-offer'}"
      aria-label=${t('card.region')}
      data-product=${product.id}
    >
      ${picture(product)}
      <div class="words">
        <h2>${product.name}</h2>
        ${
          product.facts.length === 0
            ? nothing
            : html`<ul class="facts">
                ${product.facts.map((fact) => html`<li>${fact}</li>`)}
              </ul>`
        }
        <button
          class="details"
          aria-label=${t('card.details.of', { name: product.name })}
          @click=${details}
        >
          ${t('card.details')}
        </button>
      </div>
      <div class="deal">
        <p class="price">${priceTag(deal, product.currency)} ${stock(product)}</p>
        ${this.button(product)}
      </div>
      ${deal.flash === null ? nothing : flashLine(deal.flash, this.clock)}
    </section>`;
  }

  private button(product: Product): TemplateResult {
    const { soldOut } = product;
    const only = singleVariant(product);
    const act = () => (only === null ? this.onDetails(product) : this.add(product, only));
    const icon = soldOut ? nothing : this.added ? icons.check : icons.cart;
    return html`<button class="button primary" ?disabled=${soldOut} @click=${act}>
      ${icon} ${this.label(soldOut, only !== null)}
    </button>`;
  }

  private label(soldOut: boolean, single: boolean): string {
    if (soldOut) return t('card.sold-out');
    if (this.added) return t('card.added');
    if (!single) return t('card.choose');
    return this.inCart > 0 ? t('card.add-another', { n: number(this.inCart, 0) }) : t('card.add');
  }

  /** Says for a while that it is in the cart. */
  celebrate(): void {
    this.added = true;
    clearTimeout(this.addedTimer);
    this.addedTimer = window.setTimeout(() => (this.added = false), ADDED_SHOWN_MS);
  }

  private add(product: Product, variant: Variant): void {
    this.onAdd(product, variant);
    this.celebrate();
  }

  /** From its first frame on it is all there; only its place moves. */
  private enter(): void {
    this.added = false;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    this.animate([{ translate: '0 14px' }, { translate: '0 0' }], {
      duration: 220,
      easing: 'cubic-bezier(0.2, 0.8, 0.2, 1)',
    });
  }
}

function stock({ soldOut, available }: Product): TemplateResult | typeof nothing {
  if (soldOut || available > FEW) return nothing;
  return html`<span class="few">${t('card.few', { n: number(available, 0) })}</span>`;
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-card': ComptoirCard;
  }
}
