/**
 * `<comptoir-cart show="NAME">`: the cart's button, and the drawer with what is in it, its order form
 * and its receipt. On a phone the drawer is a sheet at the bottom. The cart is the server's.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';

import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { money } from '../../shared/money';
import type { Offer } from '../../shared/offers';
import type { Product, Variant } from '../../shared/product';
import { newId } from '../../shared/random';
import type { Viewer } from '../viewer';
import { type Line, count, quantityOf, withQuantity } from './cart';
import {
  type BundleLine,
  type Contact,
  type Outcome,
  type Receipt,
  type Wanted,
  ownOrder,
  payUrl,
  payable,
  place,
} from './checkout';
import { contactForm } from './contact';
import { CartDesk } from './desk';
import { bundleLine, couponLine } from './extras';
import { type LineView, cartLine, lineSum } from './lines';
import { receiptView } from './receipt';
import {
  loadAttempt,
  loadCoupon,
  loadOpenOrder,
  saveAttempt,
  saveCoupon,
  saveOpenOrder,
} from './storage';
import { failureText, refusalText } from './words';

export type Failure = Exclude<Outcome, { kind: 'placed' }>;

@customElement('comptoir-cart')
export class ComptoirCart extends LitElement {
  @property() show = '';
  @property({ attribute: false }) viewer!: Viewer;
  @property({ attribute: false }) products: ReadonlyMap<string, Product> = new Map();
  @property({ attribute: false }) offers: ReadonlyMap<string, Offer> = new Map();
  /** By the server's clock; renews the countdowns. */
  @property({ type: Number }) nowMs = Date.now();
  /** Called whenever the cart changes, by whomever. */
  @property({ attribute: false }) onChange: () => void = () => {};
  /** Takes the order elsewhere where it is not null: false leaves it to this page. */
  @property({ attribute: false }) onCheckout: (() => boolean) | null = null;
  @state() private step: 'cart' | 'contact' = 'cart';
  @state() private placing = false;
  @state() private contact: Contact | null = null;
  @state() private bundles: readonly BundleLine[] = [];
  @state() private receipt: Receipt | null = null;
  @state() private checkoutUrl: string | null = null;
  @state() private failure: Failure | null = null;
  /** The sum that the shop refused last. */
  private refusedMinor: number | null = null;
  @query('dialog') private dialog!: HTMLDialogElement;
  desk!: CartDesk;

  override connectedCallback(): void {
    super.connectedCallback();
    this.desk = new CartDesk(this.show, this.viewer);
    this.desk.onChange = () => this.changed();
    if (this.viewer.remembered) void this.desk.reload();
  }

  /** Whether anything in sight counts down. */
  get counting(): boolean {
    return this.dialog?.open ?? false;
  }

  quantityOf(product: string): number {
    return quantityOf(this.desk.cart, product);
  }

  add(product: Product, variant: Variant, quantity = 1): void {
    const before = quantityOf(this.desk.cart, product.id, variant.id);
    this.set({ product: product.id, variant: variant.id }, before + quantity);
  }

  addBundle(offer: string): void {
    const before = this.bundles.find((each) => each.offer === offer)?.quantity ?? 0;
    this.setBundle(offer, before + 1);
    this.open();
  }

  couponCode(offer: string): string | null {
    const coupon = loadCoupon(this.show);
    return coupon?.offer === offer ? coupon.code : null;
  }

  takeCoupon(offer: string, code: string): void {
    saveCoupon(this.show, { offer, code });
    this.changed();
  }

  /** The page around this one would not have it. */
  refuse(code: string, product: string | null): void {
    this.desk.refusal = { code, message: code, field: product };
    this.open();
    this.requestUpdate();
  }

  /** The cart, and the way to pay where the page around this one names it. */
  showCheckout(url: unknown): void {
    this.checkoutUrl = payable(url);
    this.open();
  }

  open = (): void => {
    void this.desk.reload();
    if (!this.placing && loadAttempt(this.show) !== null) this.failure = { kind: 'unknown' };
    void this.recallOrder();
    if (!this.dialog.open) this.dialog.showModal();
  };

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    const n = this.total();
    const label = t(n === 1 ? 'cart.button.one' : 'cart.button', { n: number(n, 0) });
    return html`
      <button class="cart-button" aria-label=${label} aria-haspopup="dialog" @click=${this.open}>
        ${icons.cart} ${n === 0 ? nothing : html`<span class="badge">${number(n, 0)}</span>`}
      </button>
      <dialog
        class="drawer"
        aria-labelledby="cart-title"
        @click=${this.onBackdrop}
        @close=${this.onClose}
        @keydown=${(event: Event) => event.stopPropagation()}
      >
        <div class="drawer-body">
          <header>
            <h2 id="cart-title">${t('cart.title')}</h2>
            <button class="icon" aria-label=${t('cart.close')} @click=${this.close}>
              ${icons.close}
            </button>
          </header>
          ${this.receipt === null ? this.contents() : receiptView(this.receipt, this.nowMs, this)}
        </div>
      </dialog>
    `;
  }

  private contents(): TemplateResult {
    if (this.total() === 0) {
      return html`<p class="empty">${t('cart.empty')}</p>
        <div role="alert">${this.trouble()}</div>`;
    }
    return html`
      <div class="sheet-scroll">
        ${
          this.step === 'contact'
            ? contactForm(this.contact, (contact) => this.send(contact))
            : html`<ul class="lines">
                ${this.views().map((view) => cartLine(view, (line, n) => this.set(line, n)))}
                ${this.bundles.map((bundle) =>
                  bundleLine(bundle, this, this.placing, () => this.setBundle(bundle.offer, 0)),
                )}
              </ul>`
        }
      </div>
      <footer>
        <div role="alert">${this.trouble()}</div>
        ${this.coupon()} ${this.totalLine()} ${this.orderButton()}
      </footer>
    `;
  }

  private orderButton(): TemplateResult {
    if (this.checkoutUrl !== null) {
      return html`<a class="button primary" href=${this.checkoutUrl} target="_blank" rel="noopener">
        ${t('order.pay')}
      </a>`;
    }
    const form = this.step === 'contact';
    return html`<div class="actions">
      ${
        form
          ? html`<button class="button" @click=${() => (this.step = 'cart')}>
              ${t('contact.back')}
            </button>`
          : nothing
      }
      <button
        class="button primary"
        type=${form ? 'submit' : 'button'}
        form=${form ? 'contact' : nothing}
        aria-busy=${this.placing}
        ?disabled=${this.placing}
        @click=${form ? nothing : this.order}
      >
        ${t(this.orderLabel())}
      </button>
    </div>`;
  }

  private orderLabel() {
    if (this.placing) return 'cart.placing';
    if (this.failure?.kind === 'unknown') return 'cart.again';
    if (this.failure?.kind === 'price-changed') return 'cart.accept-price';
    return 'cart.place';
  }

  private coupon(): TemplateResult | typeof nothing {
    const coupon = loadCoupon(this.show);
    return coupon === null ? nothing : couponLine(coupon, this, () => this.dropCoupon());
  }

  /** By the server's word where it has the newest cart, else by the show's prices. */
  private totalLine(): TemplateResult | typeof nothing {
    const sum = this.sum();
    if (sum === null) return nothing;
    const currency = this.desk.seen?.currency ?? this.products.values().next().value?.currency;
    return html`<p class="total">
      <span>${t(loadCoupon(this.show) === null ? 'cart.total' : 'cart.total.before-coupon')}</span>
      <strong>${money(sum, currency ?? 'EUR')}</strong>
    </p>`;
  }

  private sum(): number | null {
    const bundles = this.bundles.map(({ offer, quantity }) => {
      const price = this.offers.get(offer)?.priceMinor ?? null;
      return price === null ? null : price * quantity;
    });
    return [...this.views().map(lineSum), ...bundles].reduce(
      (sum, each) => (sum === null || each === null ? null : sum + each),
      0,
    );
  }

  private views(): readonly LineView[] {
    const { failure } = this;
    return this.desk.cart.map((line) => ({
      line,
      priced:
        this.desk.seen?.lines.find(
          (each) => each.product === line.product && each.variant === line.variant,
        ) ?? null,
      product: this.products.get(line.product) ?? null,
      refused: failure?.kind === 'sold-out' && failure.product === line.product,
      locked: this.placing,
      nowMs: this.nowMs,
    }));
  }

  private trouble(): TemplateResult | typeof nothing {
    const { refusal } = this.desk;
    const text =
      this.failure !== null
        ? failureText(this.failure, this.products)
        : refusal === null
          ? null
          : refusalText(refusal, this.products);
    return text === null ? nothing : html`<p class="problem">${icons.alert}<span>${text}</span></p>`;
  }

  close = (): void => {
    this.dialog.close();
  };

  pay = async (receipt: Receipt): Promise<void> => {
    const url = receipt.checkoutUrl ?? (await payUrl(this.show, receipt.number, this.viewer));
    if (url !== null) location.assign(url);
    else this.receipt = (await ownOrder(this.show, receipt.number, this.viewer)) ?? receipt;
  };

  private onClose = (): void => {
    this.receipt = null;
    this.desk.refusal = null;
    this.step = 'cart';
    this.checkoutUrl = null;
  };

  /** A click beside the drawer is one on the dialog itself. */
  private onBackdrop = (event: Event): void => {
    if (event.target === this.dialog && !this.placing) this.close();
  };

  private order = async (event: Event): Promise<void> => {
    // The same button submits the form that this click may bring.
    event.preventDefault();
    if (this.onCheckout?.()) return;
    await this.desk.settled();
    if (this.desk.refusal !== null) return;
    const byForm = (this.desk.checkout ?? 'form') === 'form';
    const open = loadAttempt(this.show);
    if (byForm && open === null && this.contact === null) this.step = 'contact';
    else await this.send(this.contact);
  };

  private async send(contact: Contact | null): Promise<void> {
    this.contact = contact;
    const attempt = loadAttempt(this.show) ?? { key: newId(), wanted: this.wanted(contact) };
    saveAttempt(this.show, attempt);
    this.placing = true;
    this.failure = null;
    const outcome = await place(this.show, attempt, this.viewer);
    if (outcome.kind !== 'unknown') saveAttempt(this.show, null);
    if (outcome.kind === 'placed') this.placed(outcome.receipt);
    else await this.failed(outcome, attempt.wanted);
    this.placing = false;
  }

  /**
   * What the buyer sees is what they agree to; but where the shop has refused that very sum and named
   * another, they have agreed to the shop's word.
   */
  private wanted(contact: Contact | null): Wanted {
    const coupon = loadCoupon(this.show)?.code ?? null;
    const sum = this.sum();
    const plain = coupon === null && this.bundles.length === 0 && sum !== this.refusedMinor;
    return {
      items: this.desk.cart,
      bundles: this.bundles,
      coupon,
      contact,
      checkout: null,
      expectMinor: plain ? sum : null,
    };
  }

  private placed(receipt: Receipt): void {
    this.receipt = receipt;
    this.step = 'cart';
    this.bundles = [];
    saveCoupon(this.show, null);
    if (receipt.state === 'held') saveOpenOrder(this.show, receipt.number);
    this.desk.want([]);
    if (receipt.checkoutUrl !== null) location.assign(receipt.checkoutUrl);
  }

  private async failed(failure: Failure, { expectMinor }: Wanted): Promise<void> {
    this.failure = failure;
    if (failure.kind === 'price-changed') this.refusedMinor = expectMinor;
    if (failure.kind === 'sold-out' || failure.kind === 'offer-over') this.step = 'cart';
    await this.desk.reload();
  }

  /** The order that waited for its payment, when the buyer comes back. */
  private async recallOrder(): Promise<void> {
    const open = loadOpenOrder(this.show);
    if (open === null) return;
    const receipt = await ownOrder(this.show, open, this.viewer);
    if (receipt === null) return;
    if (receipt.state !== 'held') saveOpenOrder(this.show, null);
    this.receipt = receipt;
  }

  private set({ product, variant }: Pick<Line, 'product' | 'variant'>, quantity: number): void {
    if (this.failure?.kind !== 'unknown') this.failure = null;
    this.desk.want(withQuantity(this.desk.cart, product, variant, quantity));
  }

  private setBundle(offer: string, quantity: number): void {
    const others = this.bundles.filter((each) => each.offer !== offer);
    this.bundles = quantity === 0 ? others : [...others, { offer, quantity }];
  }

  private dropCoupon(): void {
    saveCoupon(this.show, null);
    this.changed();
  }

  private total(): number {
    const bundles = this.bundles.reduce((sum, { quantity }) => sum + quantity, 0);
    return count(this.desk.cart) + bundles;
  }

  private changed(): void {
    // Whoever has just pressed a button is told why nothing came of it.
    if (this.desk.refusal !== null && !this.dialog.open) this.dialog.showModal();
    this.requestUpdate();
    this.onChange();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-cart': ComptoirCart;
  }
}
