/**
 * `<comptoir-shop-desk>`: the shop in the host's hands, in tabs: run of show, offers, stock, orders;
 * and the switch of the rehearsal, which is seen from everywhere while it is on.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { type MessageKey, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import type { ShowFeed } from '../../shared/show-feed';
import { HostApi, troubleText } from './host-api';
import './offers-panel';
import './orders-panel';
import './run-panel';
import './stock-panel';

const TABS = ['run', 'offers', 'stock', 'orders'] as const;
type Tab = (typeof TABS)[number];

@customElement('comptoir-shop-desk')
export class ComptoirShopDesk extends LitElement {
  @property() show = '';
  @property({ attribute: false }) key = '';
  @property({ attribute: false }) feed!: ShowFeed;
  @property({ attribute: false }) publishing = false;
  @state() private tab: Tab = 'run';
  @state() private flash: string | null = null;
  @state() private rehearsal = false;
  @state() private problem: string | null = null;
  private unsubscribe = () => {};

  override connectedCallback(): void {
    super.connectedCallback();
    this.rehearsal = this.feed.model.rehearsal;
    this.unsubscribe = this.feed.subscribe((model) => (this.rehearsal = model.rehearsal));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unsubscribe();
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    return html`
      <header>
        <h2>${t('shop.title')}</h2>
        <button
          class="button ${this.rehearsal ? 'danger' : ''}"
          aria-pressed=${this.rehearsal}
          @click=${() => this.rehearse()}
        >
          ${t(this.rehearsal ? 'shop.rehearsal.off' : 'shop.rehearsal.on')}
        </button>
      </header>
      ${
        this.rehearsal
          ? html`<p class="rehearsal-banner" role="status">
              ${icons.alert} <span>${t('shop.rehearsal.banner')}</span>
            </p>`
          : nothing
      }
      <div role="alert">
        ${
          this.problem === null
            ? nothing
            : html`<p class="problem">${icons.alert}<span>${this.problem}</span></p>`
        }
      </div>
      ${this.key === '' ? html`<p class="hint">${t('counter.error.no-key')}</p>` : this.tabs()}
    `;
  }

  private tabs(): TemplateResult {
    return html`
      <div class="tabs" role="tablist" aria-label=${t('shop.title')} @keydown=${this.onKey}>
        ${TABS.map(
          (tab) => html`<button
            role="tab"
            id=${`tab-${tab}`}
            aria-controls="shop-panel"
            aria-selected=${tab === this.tab}
            tabindex=${tab === this.tab ? 0 : -1}
            @click=${() => (this.tab = tab)}
          >
            ${t(`shop.tab.${tab}` satisfies MessageKey)}
          </button>`,
        )}
      </div>
      <div id="shop-panel" role="tabpanel" aria-labelledby=${`tab-${this.tab}`}>${this.panel()}</div>
    `;
  }

  private panel(): TemplateResult {
    const { show, key, feed, publishing } = this;
    switch (this.tab) {
      case 'run':
        return html`<comptoir-run
          show=${show}
          .key=${key}
          .feed=${feed}
          .publishing=${publishing}
        ></comptoir-run>`;
      case 'offers':
        return html`<comptoir-offer-desk
          show=${show}
          .key=${key}
          .feed=${feed}
          .publishing=${publishing}
          .product=${this.flash}
        ></comptoir-offer-desk>`;
      case 'stock':
        return html`<comptoir-stock
          show=${show}
          .key=${key}
          .feed=${feed}
          .onFlash=${(product: string) => this.flashSale(product)}
        ></comptoir-stock>`;
      case 'orders':
        return html`<comptoir-orders show=${show} .key=${key} .feed=${feed}></comptoir-orders>`;
    }
  }

  private flashSale(product: string): void {
    this.flash = product;
    this.tab = 'offers';
  }

  /** Arrows go from tab to tab, as the pattern of tabs has it. */
  private onKey = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (TABS.indexOf(this.tab) + step + TABS.length) % TABS.length;
    this.tab = TABS[next]!;
    void this.updateComplete.then(() =>
      this.querySelector<HTMLElement>(`#tab-${this.tab}`)?.focus(),
    );
  };

  private async rehearse(): Promise<void> {
    this.problem = null;
    try {
      const api = new HostApi(this.show, this.key);
      await api.send('rehearsal', 'POST', { on: !this.rehearsal });
    } catch (error) {
      this.problem = troubleText(error);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-shop-desk': ComptoirShopDesk;
  }
}
