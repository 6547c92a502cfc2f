/**
 * `<comptoir-card>`: the product card over the video.
 *
 * While a card is up the element has the attribute `data-cue-id`, set and removed within the very
 * call of `put`; without it nothing of it is seen or reached. Its content is in the page's own DOM.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { picture } from '../../shared/goods-picture';
import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { type Cue, type Product, money } from '../../shared/shop';

const FEW = 5;
const ADDED_SHOWN_MS = 2_500;

@customElement('comptoir-card')
export class ComptoirCard extends LitElement {
  /** How many of the product are in the cart. */
  @property({ type: Number }) inCart = 0;
  @property({ attribute: false }) onAdd: (product: Product) => void = () => {};
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
    const another = this.dataset['cueId'] !== cue.id;
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
    const { soldOut } = product;
    return html`<section class="product-card" aria-label=${t('card.region')}>
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
      </div>
      <div class="deal">
        <p class="price">
          <strong>${money(product.priceMinor, product.currency)}</strong>
          ${stock(product)}
        </p>
        <button class="button primary" ?disabled=${soldOut} @click=${() => this.add(product)}>
          ${soldOut ? nothing : this.added ? icons.check : icons.cart} ${this.label(soldOut)}
        </button>
      </div>
    </section>`;
  }

  private label(soldOut: boolean): string {
    if (soldOut) return t('card.sold-out');
    if (this.added) return t('card.added');
    return this.inCart > 0 ? t('card.add-another', { n: number(this.inCart, 0) }) : t('card.add');
  }

  private add(product: Product): void {
    this.onAdd(product);
    this.added = true;
    clearTimeout(this.addedTimer);
    this.addedTimer = window.setTimeout(() => (this.added = false), ADDED_SHOWN_MS);
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
