/** `<comptoir-stock>`: what is left of each variant; its stock set, marked sold out and taken back. */

import { type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { picture } from '../../shared/goods-picture';
import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { type Product, type Variant, choiceText } from '../../shared/product';
import type { HostApi } from './host-api';
import { ShopPanel } from './panel';
import { MAX_STOCK, type Stock, parseStocks, stockKey, typedStock } from './stock';

@customElement('comptoir-stock')
export class ComptoirStock extends ShopPanel {
  @property({ attribute: false }) onFlash: (product: string) => void = () => {};
  /** Every order is news here: a rush must not become a rush of questions. */
  protected override askSoonMs = 2_000;
  @state() private stocks: ReadonlyMap<string, Stock> = new Map();
  /** What the host has typed and not saved, by `stockKey`: news of the stock leaves it alone. */
  private readonly typed = new Map<string, string>();

  /** The show itself tells what is left; what is held and sold is the host's to know. */
  protected async load(api: HostApi): Promise<void> {
    this.stocks = parseStocks(await api.send('stock'));
  }

  protected override render(): TemplateResult {
    return html`
      ${this.trouble()}
      <ul class="stock">
        ${[...this.feed.model.products.values()].map((product) => this.product(product))}
      </ul>
    `;
  }

  private product(product: Product): TemplateResult {
    return html`<li data-product=${product.id}>
      ${picture(product)}
      <div class="what">
        <strong>${product.name}</strong>
        <ul class="variants">
          ${product.variants.map((variant) => this.variant(product, variant))}
        </ul>
      </div>
      <div class="deeds">
        <button class="button small" @click=${() => this.onFlash(product.id)}>
          ${icons.bolt} ${t('stock.flash')}
        </button>
        ${
          product.variants.some(({ soldOut }) => soldOut)
            ? html`<button
                class="button small"
                ?disabled=${this.busy}
                aria-label=${t('stock.back.of', { name: product.name })}
                @click=${() => this.sellAgain(product)}
              >
                ${icons.undo} ${t('stock.back')}
              </button>`
            : nothing
        }
      </div>
    </li>`;
  }

  private variant(product: Product, variant: Variant): TemplateResult {
    const { available, soldOut } = variant;
    const choice = choiceText(variant);
    const name = choice === '' ? product.name : `${product.name}, ${choice}`;
    return html`<li data-variant=${variant.id} class=${soldOut ? 'sold-out' : ''}>
      <span>${choice === '' ? nothing : `${choice}: `}${
        soldOut ? t('counter.sold-out') : t('counter.stock', { n: number(available, 0) })
      }</span>
      ${
        soldOut
          ? nothing
          : html`<button
              class="button small"
              ?disabled=${this.busy}
              aria-label=${t('stock.sold-out.of', { name })}
              @click=${() => this.markSoldOut(product, variant)}
            >
              ${t('stock.sold-out')}
            </button>`
      }
      ${this.stockForm(product, variant, name)}
    </li>`;
  }

  private stockForm(product: Product, variant: Variant, name: string): TemplateResult | typeof nothing {
    const key = stockKey(product.id, variant.id);
    const stock = this.stocks.get(key);
    if (stock === undefined) return nothing;
    return html`<form
      class="restock"
      novalidate
      @submit=${(event: SubmitEvent) => this.restock(event, product, variant)}
    >
      <label>
        <span>${t('stock.in-all')}</span>
        <input
          type="number"
          name="stock"
          inputmode="numeric"
          min="0"
          max=${MAX_STOCK}
          step="1"
          aria-label=${t('stock.in-all.of', { name })}
          .value=${this.typed.get(key) ?? String(stock.inAll)}
          @input=${(event: InputEvent) => this.typed.set(key, (event.target as HTMLInputElement).value)}
        />
      </label>
      <small>${t('stock.taken', { sold: number(stock.sold, 0), held: number(stock.held, 0) })}</small>
      <button
        class="button small"
        ?disabled=${this.busy}
        aria-label=${t('stock.save.of', { name })}
      >
        ${t('stock.save')}
      </button>
    </form>`;
  }

  private restock(event: SubmitEvent, { id }: Product, { id: variant }: Variant): void {
    event.preventDefault();
    const typed = String(new FormData(event.target as HTMLFormElement).get('stock') ?? '');
    const stock = typedStock(typed);
    if (stock === null) {
      this.problem = t('stock.error.number', { most: number(MAX_STOCK, 0) });
      return;
    }
    const address = `products/${encodeURIComponent(id)}/stock`;
    void this.act(async (api) => {
      const answer = await api.send(address, 'PUT', { variant, stock });
      const key = stockKey(id, variant);
      if (this.typed.get(key) === typed) this.typed.delete(key);
      return answer;
    });
  }

  private markSoldOut({ id }: Product, { id: variant }: Variant): void {
    void this.act((api) => api.send(path(id), 'POST', { variant }));
  }

  /** All of its variants that were marked; what is sold stays sold. */
  private sellAgain({ id }: Product): void {
    void this.act((api) => api.send(path(id), 'DELETE'));
  }
}

function path(product: string): string {
  return `products/${encodeURIComponent(product)}/sold-out`;
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-stock': ComptoirStock;
  }
}
