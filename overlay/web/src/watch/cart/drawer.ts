/**
 * `<comptoir-cart show="NAME">`: the cart's button, and the drawer with what is in it. On a phone
 * the drawer is a sheet at the bottom. The cart outlives the visit.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';

import { picture } from '../../shared/goods-picture';
import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { newId } from '../../shared/random';
import { type Product, money } from '../../shared/shop';
import {
  type Cart,
  type Line,
  MAX_QUANTITY,
  count,
  quantityOf,
  sums,
  withQuantity,
  without,
} from './cart';
import { type Outcome, type Receipt, type Viewer, place } from './checkout';
import { loadAttempt, loadCart, saveAttempt, saveCart } from './storage';

@customElement('comptoir-cart')
export class ComptoirCart extends LitElement {
  @property() show = '';
  @property({ attribute: false }) products: ReadonlyMap<string, Product> = new Map();
  /** Called whenever the cart changes, also from another tab. */
  @property({ attribute: false }) onChange: () => void = () => {};
  @state() private cart: Cart = [];
  @state() private placing = false;
  @state() private receipt: Receipt | null = null;
  @state() private failure: Exclude<Outcome, { kind: 'placed' }> | null = null;
  @query('dialog') private dialog!: HTMLDialogElement;
  private readonly viewer: Viewer = { known: false };
  private life = new AbortController();

  override connectedCallback(): void {
    super.connectedCallback();
    this.life = new AbortController();
    this.cart = loadCart(this.show);
    addEventListener('storage', () => this.reload(), { signal: this.life.signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  quantityOf(product: string): number {
    return quantityOf(this.cart, product);
  }

  add(product: string): void {
    this.set(product, this.quantityOf(product) + 1);
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    const n = count(this.cart);
    const label = t(n === 1 ? 'cart.button.one' : 'cart.button', { n: number(n, 0) });
    return html`
      <button class="cart-button" aria-label=${label} aria-haspopup="dialog" @click=${this.open}>
        ${icons.cart} ${n === 0 ? nothing : html`<span class="badge">${number(n, 0)}</span>`}
      </button>
      <dialog
        class="drawer"
        aria-labelledby="cart-title"
        @click=${this.onBackdrop}
        @close=${() => (this.receipt = null)}
        @keydown=${(event: Event) => event.stopPropagation()}
      >
        <div class="drawer-body">
          <header>
            <h2 id="cart-title">${t('cart.title')}</h2>
            <button class="icon" aria-label=${t('cart.close')} @click=${this.close}>
              ${icons.close}
            </button>
          </header>
          ${this.receipt === null ? this.contents() : this.thanks(this.receipt)}
        </div>
      </dialog>
    `;
  }

  private contents(): TemplateResult {
    if (this.cart.length === 0) return html`<p class="empty">${t('cart.empty')}</p>`;
    return html`
      <ul class="lines">
        ${this.cart.map((line) => this.line(line))}
      </ul>
      <footer>
        <div role="alert">${this.failureText()}</div>
        ${sums(this.cart, this.products).map(
          ({ minor, currency }) =>
            html`<p class="total">
              <span>${t('cart.total')}</span><strong>${money(minor, currency)}</strong>
            </p>`,
        )}
        <button
          class="button primary"
          aria-busy=${this.placing}
          ?disabled=${this.placing}
          @click=${this.order}
        >
          ${t(this.orderLabel())}
        </button>
      </footer>
    `;
  }

  private orderLabel(): 'cart.placing' | 'cart.again' | 'cart.place' {
    if (this.placing) return 'cart.placing';
    return this.failure?.kind === 'unknown' ? 'cart.again' : 'cart.place';
  }

  private line({ product: id, quantity }: Line): TemplateResult {
    const product = this.products.get(id);
    const name = product?.name ?? t('cart.gone');
    const soldOut =
      product?.soldOut || (this.failure?.kind === 'sold-out' && this.failure.product === id);
    return html`<li>
      ${picture(product ?? null)}
      <div class="what">
        <strong>${name}</strong>
        ${product === undefined ? nothing : price(product)}
        ${soldOut ? html`<span class="sold-out">${t('card.sold-out')}</span>` : nothing}
        ${product === undefined ? nothing : terms(product)}
      </div>
      <div class="stepper" role="group" aria-label=${t('cart.quantity', { name })}>
        ${this.stepButton(id, quantity - 1, quantity === 1 ? 'cart.remove' : 'cart.less', name)}
        <output>${number(quantity, 0)}</output>
        ${this.stepButton(id, quantity + 1, 'cart.more', name)}
      </div>
    </li>`;
  }

  private stepButton(
    id: string,
    quantity: number,
    key: 'cart.remove' | 'cart.less' | 'cart.more',
    name: string,
  ): TemplateResult {
    const icon = { 'cart.remove': icons.bin, 'cart.less': icons.minus, 'cart.more': icons.plus };
    return html`<button
      class="icon"
      aria-label=${t(key, { name })}
      ?disabled=${this.placing || quantity > MAX_QUANTITY}
      @click=${() => this.set(id, quantity)}
    >
      ${icon[key]}
    </button>`;
  }

  private thanks(receipt: Receipt): TemplateResult {
    return html`<div class="thanks" role="status">
      ${icons.check}
      <p>${t('cart.thanks')}</p>
      <p class="order-number" data-order-number=${receipt.number}>
        ${t('cart.order-number', { number: receipt.number })}
      </p>
      <p>${t('cart.paid', { total: money(receipt.totalMinor, receipt.currency) })}</p>
      <button class="button" @click=${this.close}>${t('cart.back')}</button>
    </div>`;
  }

  private failureText(): TemplateResult | typeof nothing {
    const { failure } = this;
    if (failure === null) return nothing;
    return html`<p class="problem">${icons.alert}<span>${this.failureWords(failure)}</span></p>`;
  }

  private failureWords(failure: Exclude<Outcome, { kind: 'placed' }>): string {
    switch (failure.kind) {
      case 'sold-out': {
        const name = this.products.get(failure.product ?? '')?.name ?? t('cart.an-item');
        return t('cart.sold-out', { name });
      }
      case 'refused':
        return t('cart.refused', { message: failure.message });
      case 'unknown':
        return t('cart.unknown');
    }
  }

  private open = (): void => {
    this.reload();
    if (!this.placing && loadAttempt(this.show) !== null) this.failure = { kind: 'unknown' };
    this.dialog.showModal();
  };

  private close = (): void => {
    this.dialog.close();
  };

  /** A click beside the drawer is one on the dialog itself. */
  private onBackdrop = (event: Event): void => {
    if (event.target === this.dialog && !this.placing) this.close();
  };

  private order = async (): Promise<void> => {
    const attempt = loadAttempt(this.show) ?? { key: newId(), items: this.cart };
    saveAttempt(this.show, attempt);
    this.placing = true;
    this.failure = null;
    const outcome = await place(this.show, attempt, this.viewer);
    this.placing = false;
    if (outcome.kind !== 'unknown') saveAttempt(this.show, null);
    if (outcome.kind !== 'placed') {
      this.failure = outcome;
      return;
    }
    this.receipt = outcome.receipt;
    this.become(without(this.cart, attempt.items));
  };

  private set(product: string, quantity: number): void {
    if (this.failure?.kind !== 'unknown') this.failure = null;
    this.become(withQuantity(this.cart, product, quantity));
  }

  private become(cart: Cart): void {
    this.cart = cart;
    saveCart(this.show, cart);
    this.onChange();
  }

  private reload(): void {
    if (this.placing) return;
    this.cart = loadCart(this.show);
    this.onChange();
  }
}

function price({ priceMinor, currency }: Product): TemplateResult {
  return html`<span>${money(priceMinor, currency)}</span>`;
}

function terms({ seller, returns }: Product): TemplateResult {
  return html`
    ${seller === '' ? nothing : html`<small>${t('cart.seller', { seller })}</small>`}
    ${returns === '' ? nothing : html`<small>${returns}</small>`}
  `;
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-cart': ComptoirCart;
  }
}
