/**
 * `<comptoir-offers>`: the offers that are not on a card: what is announced, coupons to claim, bundles
 * and gifts. Two at most over the picture; the newest first.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';

import { t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { type Offer, type ViewerClock, phaseAt } from '../../shared/offers';
import type { Product } from '../../shared/product';
import { benefit, timeLeft, unitsLeft } from './lines';

export interface OfferActions {
  /** Resolves to the sentence of a refusal, or null. */
  claim(offer: Offer): Promise<string | null>;
  addBundle(offer: Offer): void;
  codeOf(offer: Offer): string | null;
}

const MOST = 2;

@customElement('comptoir-offers')
export class ComptoirOffers extends LitElement {
  @property({ attribute: false }) offers: ReadonlyMap<string, Offer> = new Map();
  @property({ attribute: false }) products: ReadonlyMap<string, Product> = new Map();
  @property({ attribute: false }) clock: ViewerClock = { epoch: null, tick: null, utcMs: 0 };
  /** Products whose card is up: their flash offers are told there. */
  @property({ attribute: false }) onCards: readonly string[] = [];
  @property({ attribute: false }) actions: OfferActions | null = null;
  @state() private claiming: string | null = null;
  @state() private refusal: { readonly offer: string; readonly text: string } | null = null;

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    const shown = [...this.offers.values()].filter((offer) => this.isShown(offer)).slice(-MOST);
    return html`
      ${repeat(
        shown.toReversed(),
        (offer) => offer.id,
        (offer) => this.offer(offer),
      )}
      <p class="visually-hidden" role="status">
        ${shown.map((offer) => `${benefit(offer, this.products)}. `)}
      </p>
    `;
  }

  private isShown(offer: Offer): boolean {
    const phase = phaseAt(offer, this.clock);
    if (phase === 'over') return false;
    const told = offer.kind === 'flash' && this.onCards.includes(offer.product ?? '');
    return phase === 'coming' || !told;
  }

  private offer(offer: Offer): TemplateResult {
    return html`<section class="offer" data-offer=${offer.id} aria-label=${t('offer.region')}>
      <span class="offer-icon">${offer.kind === 'flash' ? icons.bolt : icons.tag}</span>
      <div class="offer-words">
        <strong>${offer.title || benefit(offer, this.products)}</strong>
        ${
          offer.title === ''
            ? nothing
            : html`<span class="offer-benefit">${benefit(offer, this.products)}</span>`
        }
        <span class="offer-when">${timeLeft(offer, this.clock)} ${unitsLeft(offer)}</span>
        <span role="alert">${this.refusal?.offer === offer.id ? this.refusal.text : ''}</span>
      </div>
      ${this.action(offer)}
    </section>`;
  }

  private action(offer: Offer): TemplateResult | typeof nothing {
    if (phaseAt(offer, this.clock) !== 'running' || this.actions === null) return nothing;
    const { actions } = this;
    if (offer.kind === 'bundle') {
      return html`<button class="button primary" @click=${() => actions.addBundle(offer)}>
        ${t('card.add')}
      </button>`;
    }
    if (offer.kind !== 'coupon') return nothing;
    const code = actions.codeOf(offer);
    return code === null
      ? html`<button
          class="button primary"
          ?disabled=${this.claiming === offer.id}
          @click=${() => this.claim(offer)}
        >
          ${t('offer.claim')}
        </button>`
      : html`<span class="claimed" data-code=${code}>${icons.check} ${code}</span>`;
  }

  private async claim(offer: Offer): Promise<void> {
    this.claiming = offer.id;
    const text = (await this.actions?.claim(offer)) ?? null;
    this.claiming = null;
    this.refusal = text === null ? null : { offer: offer.id, text };
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-offers': ComptoirOffers;
  }
}
