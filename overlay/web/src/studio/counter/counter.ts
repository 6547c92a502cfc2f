/**
 * `<comptoir-counter show="NAME">`: the host's products, put on show and taken off by one key.
 *
 * A pressed product says *sending* until the server has taken it, and *on show* only then. What
 * viewers see, and when, is the monitor's to tell.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { tickAtUtc } from '../../player/timeline';
import { picture } from '../../shared/goods-picture';
import { type MessageKey, number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { money } from '../../shared/money';
import type { Product } from '../../shared/product';
import type { Cue } from '../../shared/shop';
import type { ShowFeed } from '../../shared/show-feed';
import { CardSchedule } from '../../watch/cards/schedule';
import { pinKey } from './keys';
import { clickMoment, type SendProblem, momentOf, sendCue } from './sender';

const MONITOR_KEY = 'comptoir.studio.monitor';
/** Pins end by themselves: the list is looked at again this often. */
const LOOK_EVERY_MS = 500;

@customElement('comptoir-counter')
export class ComptoirCounter extends LitElement {
  @property() show = '';
  @property({ attribute: false }) key = '';
  @property({ attribute: false }) feed!: ShowFeed;
  /** Whether this very page publishes the show. */
  @property({ attribute: false }) publishing = false;
  @state() private products: ReadonlyMap<string, Product> = new Map();
  @state() private pinned: Cue | null = null;
  /** The product being put on show, `''` for taking off, null for nothing under way. */
  @state() private sending: string | null = null;
  @state() private problem: SendProblem | { readonly kind: 'no-key' } | null = null;
  @state() private monitor = localFlag(MONITOR_KEY);
  @state() private monitorLoaded = false;
  private readonly schedule = new CardSchedule();
  private life = new AbortController();
  private unsubscribe = () => {};
  private timer = 0;
  private rehearsal = false;
  private queue: Promise<void> = Promise.resolve();

  override connectedCallback(): void {
    super.connectedCallback();
    this.life = new AbortController();
    const { signal } = this.life;
    document.addEventListener('keydown', (event) => this.onKey(event), { signal });
    this.unsubscribe = this.feed.subscribe(() => this.look());
    this.timer = window.setInterval(() => this.look(), LOOK_EVERY_MS);
    this.look();
    if (this.monitor) void this.loadMonitor();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
    this.unsubscribe();
    clearInterval(this.timer);
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    return html`
      <header>
        <h2>${t('counter.title')}</h2>
        <button
          class="button"
          ?disabled=${this.pinned === null || this.sending === ''}
          @click=${(event: Event) => this.unpin(event)}
        >
          <kbd>0</kbd> ${t('counter.unpin')}
        </button>
      </header>
      <p class="hint">${t(this.products.size === 0 ? 'counter.none' : 'counter.hint')}</p>
      <div role="alert">${this.problemText()}</div>
      <ol class="goods">
        ${[...this.products.values()].map((product, i) => this.product(product, i))}
      </ol>
      ${this.monitorPanel()}
    `;
  }

  private product(product: Product, i: number): TemplateResult {
    const pinned = this.pinned?.product === product.id;
    const sending = this.sending === product.id;
    return html`<li class=${pinned ? 'pinned' : ''}>
      <button
        aria-pressed=${pinned}
        aria-keyshortcuts=${i < 9 ? String(i + 1) : nothing}
        data-product=${product.id}
        @click=${(event: Event) => this.pin(product.id, event)}
      >
        ${i < 9 ? html`<kbd>${i + 1}</kbd>` : nothing} ${picture(product)}
        <span class="what">
          <strong>${product.name}</strong>
          <span>${money(product.priceMinor, product.currency)} · ${this.stock(product)}</span>
        </span>
        <span class="standing">
          ${sending ? t('counter.sending') : pinned ? t('counter.pinned') : t('counter.pin')}
        </span>
      </button>
    </li>`;
  }

  private stock({ soldOut, available }: Product): string {
    if (soldOut) return t('counter.sold-out');
    const key: MessageKey = this.feed.connected ? 'counter.stock' : 'counter.stock.stale';
    return t(key, { n: number(available, 0) });
  }

  private monitorPanel(): TemplateResult {
    return html`<div class="monitor">
      <label>
        <input type="checkbox" .checked=${this.monitor} @change=${this.onMonitor} />
        ${t('counter.monitor.on')}
      </label>
      ${
        this.monitor && this.monitorLoaded
          ? html`<comptoir-monitor show=${this.show} .feed=${this.feed}></comptoir-monitor>`
          : nothing
      }
    </div>`;
  }

  private problemText(): TemplateResult | typeof nothing {
    const { problem } = this;
    if (problem === null) return nothing;
    const message = problem.kind === 'refused' ? problem.message : '';
    const text = t(`counter.error.${problem.kind}`, { message });
    return html`<p class="problem">${icons.alert}<span>${text}</span></p>`;
  }

  private onKey(event: KeyboardEvent): void {
    const focused = event.composedPath()[0];
    const tag = focused instanceof Element ? focused.tagName : '';
    const wish = pinKey(event, tag);
    if (wish === null || document.querySelector('dialog[open]') !== null) return;
    if (wish === 'unpin') {
      this.unpin(event);
      return;
    }
    const product = [...this.products.keys()][wish.pin];
    if (product !== undefined) this.pin(product, event);
  }

  private pin(product: string, event: Event): void {
    this.send(product, momentOf(event));
  }

  private unpin(event: Event): void {
    if (this.pinned !== null || this.sending !== null) this.send(null, momentOf(event));
  }

  /** One after the other: what is unpinned must have been pinned. */
  private send(product: string | null, clickedAtMs: number): void {
    if (this.key === '') {
      this.problem = { kind: 'no-key' };
      return;
    }
    this.problem = null;
    this.sending = product ?? '';
    const { key } = this;
    const moment = clickMoment(clickedAtMs, this.publishing, this.feed.serverNowMs());
    this.queue = this.queue.then(async () => {
      const ends = product === null ? (this.pinned?.id ?? null) : null;
      const { cue, problem } = await sendCue(this.show, key, { product, ends, moment });
      if (this.sending === (product ?? '')) this.sending = null;
      if (problem !== null) this.problem = problem;
      if (cue !== null) this.schedule.add(cue);
      this.look();
    });
  }

  /** What is on show now by the server's word. */
  private look(): void {
    const { products, cues, anchor, air, rehearsal } = this.feed.model;
    if (this.rehearsal && !rehearsal) this.schedule.restore(cues);
    this.rehearsal = rehearsal;
    this.products = products;
    for (const cue of cues) this.schedule.add(cue);
    const nowMs = this.feed.serverNowMs() ?? Date.now();
    const onAir = anchor !== null && anchor.epoch === air?.epoch && air.state !== 'ended';
    this.pinned = onAir
      ? this.schedule.at({ epoch: anchor.epoch, tick: tickAtUtc(anchor, nowMs) })
      : null;
  }

  /** The player comes only to who wants it. */
  private async loadMonitor(): Promise<void> {
    await import('./monitor');
    this.monitorLoaded = true;
  }

  private onMonitor = (event: Event): void => {
    this.monitor = (event.target as HTMLInputElement).checked;
    if (this.monitor) void this.loadMonitor();
    try {
      localStorage.setItem(MONITOR_KEY, this.monitor ? 'on' : 'off');
    } catch {
      // Storage is forbidden: the choice is this visit's only.
    }
  };
}

/** On unless it was switched off before. */
function localFlag(name: string): boolean {
  try {
    return localStorage.getItem(name) !== 'off';
  } catch {
    return true;
  }
}
