/**
 * `<comptoir-product>`: all there is to know of one product, and the choice of its variant. A dialog;
 * on a phone a sheet at the bottom. It follows the show while it is open.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';

import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import type { Offer, ViewerClock } from '../../shared/offers';
import {
  type Product,
  type Variant,
  chosenVariant,
  firstChoice,
  valueStanding,
} from '../../shared/product';
import { dealOf, priceTag } from './price';
import { flashLine } from '../offers/lines';

const FEW = 5;

@customElement('comptoir-product')
export class ComptoirProduct extends LitElement {
  @property({ attribute: false }) products: ReadonlyMap<string, Product> = new Map();
  @property({ attribute: false }) offers: ReadonlyMap<string, Offer> = new Map();
  @property({ attribute: false }) clock: ViewerClock = { epoch: null, tick: null, utcMs: 0 };
  @property({ attribute: false }) onAdd: (product: Product, variant: Variant) => void = () => {};
  @state() private shown: string | null = null;
  @state() private chosen: readonly (string | null)[] = [];
  @state() private picture = 0;
  @query('dialog') private dialog!: HTMLDialogElement;

  get isOpen(): boolean {
    return this.shown !== null;
  }

  open(product: Product): void {
    this.show(product);
    if (!this.dialog.open) this.dialog.showModal();
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    const product = this.products.get(this.shown ?? '');
    return html`<dialog
      class="drawer sheet"
      aria-labelledby="product-name"
      @click=${this.onBackdrop}
      @close=${() => (this.shown = null)}
      @keydown=${(event: Event) => event.stopPropagation()}
    >
      ${product === undefined ? nothing : this.body(product)}
    </dialog>`;
  }

  private show(product: Product): void {
    this.shown = product.id;
    this.chosen = firstChoice(product);
    this.picture = 0;
  }

  private body(product: Product): TemplateResult {
    const variant = chosenVariant(product, this.chosen);
    const deal = dealOf(product, variant, this.offers.values(), this.clock);
    return html`<div class="drawer-body">
      <header>
        <h2 id="product-name">${product.name}</h2>
        <button class="icon" aria-label=${t('cart.close')} @click=${this.close}>
          ${icons.close}
        </button>
      </header>
      <div class="sheet-scroll">
        ${this.gallery(product, variant)}
        <p class="price">${priceTag(deal, product.currency)}</p>
        ${deal.flash === null ? nothing : flashLine(deal.flash, this.clock)}
        ${product.options.map((_, i) => this.picker(product, i))}
        ${words(product)} ${this.related(product)}
      </div>
      <footer>
        <p class="standing" role="status">${standing(product, variant)}</p>
        <button
          class="button primary"
          ?disabled=${variant === null || variant.soldOut}
          @click=${() => this.add(product, variant)}
        >
          ${icons.cart} ${t(variant?.soldOut ? 'card.sold-out' : 'card.add')}
        </button>
      </footer>
    </div>`;
  }

  private gallery(product: Product, variant: Variant | null): TemplateResult | typeof nothing {
    const own = variant?.picture ?? null;
    const pictures = own === null ? product.pictures : [own, ...product.pictures];
    const all = [...new Set(pictures)];
    const address = all[Math.min(this.picture, all.length - 1)];
    if (address === undefined) return nothing;
    return html`<div class="gallery">
      ${keyed(
        address,
        html`<img src=${address} alt=${product.name} referrerpolicy="no-referrer" />`,
      )}
      ${
        all.length < 2
          ? nothing
          : html`<div class="thumbs" role="group" aria-label=${t('product.pictures')}>
              ${all.map(
                (each, i) =>
                  html`<button
                    aria-label=${t('product.picture', { n: number(i + 1, 0) })}
                    aria-pressed=${each === address}
                    @click=${() => (this.picture = i)}
                  >
                    <img src=${each} alt="" referrerpolicy="no-referrer" />
                  </button>`,
              )}
            </div>`
      }
    </div>`;
  }

  private picker(product: Product, index: number): TemplateResult {
    const option = product.options[index]!;
    return html`<fieldset class="option">
      <legend>${option.name}</legend>
      <div class="values">
        ${option.values.map((value) => this.value(product, index, value))}
      </div>
    </fieldset>`;
  }

  private value(product: Product, index: number, value: string): TemplateResult {
    const standing = valueStanding(product, this.chosen, index, value);
    return html`<label>
      <input
        type="radio"
        name=${`option-${index}`}
        .value=${value}
        .checked=${this.chosen[index] === value}
        ?disabled=${standing === 'none'}
        @change=${() => this.choose(index, value)}
      />
      <span>
        ${value}
        ${
          standing === 'open'
            ? nothing
            : html`<small>${t(standing === 'none' ? 'product.none' : 'card.sold-out')}</small>`
        }
      </span>
    </label>`;
  }

  private related(product: Product): TemplateResult | typeof nothing {
    const others = product.related
      .map((id) => this.products.get(id))
      .filter((each) => each !== undefined);
    if (others.length === 0) return nothing;
    return html`<section class="related" aria-label=${t('product.related')}>
      <h3>${t('product.related')}</h3>
      ${others.map(
        (each) => html`<button class="button" @click=${() => this.show(each)}>${each.name}</button>`,
      )}
    </section>`;
  }

  private choose(index: number, value: string): void {
    this.chosen = this.chosen.map((before, i) => (i === index ? value : before));
    this.picture = 0;
  }

  private add(product: Product, variant: Variant | null): void {
    if (variant === null) return;
    this.onAdd(product, variant);
    this.close();
  }

  private close = (): void => {
    this.dialog.close();
  };

  private onBackdrop = (event: Event): void => {
    if (event.target === this.dialog) this.close();
  };
}

function standing(product: Product, variant: Variant | null): string {
  if (variant === null) return t('product.choose');
  if (variant.soldOut) return product.soldOut ? '' : t('product.choice-sold-out');
  return variant.available <= FEW ? t('card.few', { n: number(variant.available, 0) }) : '';
}

function words(product: Product): TemplateResult {
  const { description, facts, seller, returns, cap, liveOnly } = product;
  return html`
    ${facts.length === 0 ? nothing : html`<ul>${facts.map((fact) => html`<li>${fact}</li>`)}</ul>`}
    ${description === '' ? nothing : html`<p class="description">${description}</p>`}
    ${cap === null ? nothing : html`<p>${t('product.cap', { n: number(cap, 0) })}</p>`}
    ${liveOnly ? html`<p>${t('product.live-only')}</p>` : nothing}
    ${seller === '' ? nothing : html`<p class="terms">${t('cart.seller', { seller })}</p>`}
    ${returns === '' ? nothing : html`<p class="terms">${returns}</p>`}
  `;
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-product': ComptoirProduct;
  }
}
