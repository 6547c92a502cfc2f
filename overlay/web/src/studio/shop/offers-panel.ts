/**
 * `<comptoir-offer-desk>`: the offers of the show in the host's hands: made, announced, started, ended,
 * taken back. A flash sale of a product is two clicks away: the product, and start.
 */

import { type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { keyed } from 'lit/directives/keyed.js';
import { repeat } from 'lit/directives/repeat.js';

import { tickAtUtc } from '../../player/timeline';
import { asList, asMap } from '../../shared/checks';
import { type MessageKey, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { type Offer, type OfferKind, type ViewerClock, parseOffer } from '../../shared/offers';
import { newId } from '../../shared/random';
import { benefit, timeLeft, unitsLeft } from '../../watch/offers/lines';
import { type Moment, clickMoment, momentOf } from '../counter/sender';
import type { HostApi } from './host-api';
import { type Draft, KINDS, draftOf, offerFields } from './offer-form';
import { ShopPanel } from './panel';

const ANNOUNCE_MS = 30_000;
const LOOK_EVERY_MS = 500;
const DEFAULT_MS = 300_000;

@customElement('comptoir-offer-desk')
export class ComptoirOfferDesk extends ShopPanel {
  /** The product that a new flash sale is for. */
  @property({ attribute: false }) product: string | null = null;
  @state() private offers: readonly Offer[] = [];
  @state() private kind: OfferKind = 'flash';
  private looking = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.looking = window.setInterval(() => this.requestUpdate(), LOOK_EVERY_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.looking);
  }

  protected async load(api: HostApi): Promise<void> {
    const answer = asMap(await api.send('offers'))?.['offers'];
    const list = Array.isArray(answer) ? answer : Object.values(asMap(answer) ?? {});
    this.offers = asList(list).map(parseOffer).filter((offer) => offer !== null);
  }

  protected override render(): TemplateResult {
    const clock = this.clock();
    return html`
      ${this.trouble()}
      <ul class="offers">
        ${repeat(
          this.offers,
          ({ id }) => id,
          (offer) => this.offer(offer, clock),
        )}
      </ul>
      ${this.offers.length === 0 ? html`<p class="hint">${t('offers.none')}</p>` : nothing}
      ${this.form()}
    `;
  }

  private offer(given: Offer, clock: ViewerClock): TemplateResult {
    const offer = this.feed.model.offers.get(given.id) ?? given;
    const { id, state } = offer;
    const standing: MessageKey = `offers.state.${state}`;
    const open = state === 'announced' || state === 'running';
    return html`<li class=${state} data-offer=${id}>
      ${offer.kind === 'flash' ? icons.bolt : icons.tag}
      <div class="what">
        <strong>${offer.title || benefit(offer, this.feed.model.products)}</strong>
        <span>${t(standing)} ${open ? timeLeft(offer, clock) : nothing} ${unitsLeft(offer)}</span>
      </div>
      ${state === 'draft' ? this.drafted(offer) : nothing}
      ${open ? this.button('offers.end', (api) => api.send(path(id, 'end'), 'POST')) : nothing}
      ${open ? this.button('offers.cancel', (api) => api.send(path(id, 'cancel'), 'POST')) : nothing}
    </li>`;
  }

  private drafted({ id }: Offer): TemplateResult {
    return html`
      ${this.button('offers.start', (api, event) => begin(api, id, DEFAULT_MS, 0, this.moment(event)))}
      ${this.button('offers.delete', (api) => api.send(path(id), 'DELETE'))}
    `;
  }

  private button(
    key: MessageKey,
    deed: (api: HostApi, event: Event) => Promise<unknown>,
  ): TemplateResult {
    return html`<button
      class="button"
      ?disabled=${this.busy}
      @click=${(event: Event) => this.act((api) => deed(api, event))}
    >
      ${t(key)}
    </button>`;
  }

  private form(): TemplateResult {
    const products = [...this.feed.model.products.values()];
    return html`<form class="inline offer-form" @submit=${this.submit}>
      <div class="field">
        <label for="offer-kind">${t('offers.kind')}</label>
        <select id="offer-kind" @change=${this.onKind} .value=${live(this.kind)}>
          ${KINDS.map(
            (kind) => html`<option value=${kind} ?selected=${kind === this.kind}>
              ${t(`offers.kind.${kind}`)}
            </option>`,
          )}
        </select>
      </div>
      ${keyed(`${this.kind} ${this.product}`, offerFields(this.kind, products, this.product))}
      <div class="row">
        <button class="button primary" name="deed" value="start" ?disabled=${this.busy}>
          ${t('offers.start')}
        </button>
        <button class="button" name="deed" value="announce" ?disabled=${this.busy}>
          ${t('offers.announce', { seconds: ANNOUNCE_MS / 1_000 })}
        </button>
        <button class="button" name="deed" value="keep" ?disabled=${this.busy}>
          ${t('offers.keep')}
        </button>
      </div>
    </form>`;
  }

  private submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const deed = (event.submitter as HTMLButtonElement | null)?.value ?? 'start';
    const currency = this.feed.model.products.values().next().value?.currency ?? 'EUR';
    const draft = draftOf(this.kind, new FormData(form), currency);
    void this.act((api) => this.make(api, draft, deed, event));
  };

  private async make(api: HostApi, draft: Draft, deed: string, event: Event): Promise<void> {
    const id = `offer-${newId()}`;
    await api.send(path(id), 'PUT', draft.terms);
    if (deed === 'keep') return;
    await begin(api, id, draft.durationMs, deed === 'announce' ? ANNOUNCE_MS : 0, this.moment(event));
  }

  /** Off air there is no frame to name. */
  private moment(event: Event): Moment | null {
    const { air, anchor } = this.feed.model;
    if (anchor === null || anchor.epoch !== air?.epoch || air.state === 'ended') return null;
    return clickMoment(momentOf(event), this.publishing, this.feed.serverNowMs());
  }

  /** The host is where the show is made: a countdown here is that of now. */
  private clock(): ViewerClock {
    const utcMs = this.feed.serverNowMs() ?? Date.now();
    const { anchor } = this.feed.model;
    if (anchor === null) return { epoch: null, tick: null, utcMs };
    return { epoch: anchor.epoch, tick: tickAtUtc(anchor, utcMs), utcMs };
  }

  private onKind = (event: Event): void => {
    this.kind = (event.target as HTMLSelectElement).value as OfferKind;
  };
}

function begin(
  api: HostApi,
  id: string,
  durationMs: number,
  announceMs: number,
  moment: Moment | null,
): Promise<unknown> {
  const announce = announceMs === 0 ? {} : { announce_ms: announceMs };
  const body = { duration_ms: durationMs, ...announce, ...moment };
  return api.send(path(id, 'start'), 'POST', body);
}

function path(id: string, deed?: string): string {
  return `offers/${encodeURIComponent(id)}${deed === undefined ? '' : `/${deed}`}`;
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-offer-desk': ComptoirOfferDesk;
  }
}
