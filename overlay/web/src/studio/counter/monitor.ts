/**
 * `<comptoir-monitor show="NAME">`: the show as a viewer gets it, small and silent: the picture,
 * the card on it, and how far it is behind the host. It is a viewer like any other.
 */

import { LitElement, type TemplateResult, html } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import type { Phase } from '../../player/machine';
import { engineOpener } from '../../player/open-engine';
import { PlayerSession } from '../../player/session';
import type { PlayerView } from '../../player/view';
import { statusOf } from '../../player/status';
import { tickAtUtc } from '../../player/timeline';
import { number, t } from '../../shared/i18n';
import { type Cue, TICKS_PER_SECOND, cueFromPayload } from '../../shared/shop';
import type { ShowFeed } from '../../shared/show-feed';
import { CardDirector } from '../../watch/cards/director';

const LOOK_EVERY_MS = 500;

@customElement('comptoir-monitor')
export class ComptoirMonitor extends LitElement {
  @property() show = '';
  @property({ attribute: false }) feed!: ShowFeed;
  @state() private view: PlayerView | null = null;
  @state() private card: Cue | null = null;
  @state() private behindHostS: number | null = null;
  private readonly video = document.createElement('video');
  private session: PlayerSession | null = null;
  private director: CardDirector | null = null;
  private unsubscribe = () => {};
  private timer = 0;

  constructor() {
    super();
    this.video.muted = true;
    this.video.defaultMuted = true;
    this.video.playsInline = true;
    this.video.setAttribute('aria-label', t('counter.monitor'));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const session = new PlayerSession(this.show, this.video, this.feed, engineOpener(), {
      changed: (view) => this.onView(view),
      metadata: (payload) => this.learn([cueFromPayload(payload)]),
    });
    const momentAt = (seconds: number) => session.momentAt(seconds);
    this.director = new CardDirector(this.video, momentAt, (cues) => (this.card = cues.at(-1) ?? null));
    this.session = session;
    this.unsubscribe = this.feed.subscribe(({ cues }) => this.learn(cues));
    this.learn(this.feed.model.cues);
    this.director.start();
    session.start();
    this.timer = window.setInterval(() => this.measure(), LOOK_EVERY_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
    this.unsubscribe();
    this.director?.stop();
    this.session?.stop();
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    const { phase } = this.view ?? { phase: 'connecting' as const };
    const onAir = phase === 'live' || phase === 'away';
    const name = this.feed.model.products.get(this.card?.product ?? '')?.name ?? null;
    return html`
      <div class="monitor-picture">${this.video}</div>
      <div class="monitor-words" data-shown-cue=${this.card?.id ?? ''}>
        <p>${onAir ? this.delay() : offAirText(phase)}</p>
        <p role="status">
          ${name === null ? t('counter.monitor.no-card') : t('counter.monitor.card', { name })}
        </p>
      </div>
    `;
  }

  private delay(): string {
    return this.behindHostS === null
      ? t('counter.monitor.no-delay')
      : t('counter.monitor.delay', { seconds: number(this.behindHostS, 1) });
  }

  private onView(view: PlayerView): void {
    if (this.view?.phase !== view.phase) this.director?.refresh();
    this.view = view;
  }

  private learn(cues: readonly (Cue | null)[]): void {
    this.director?.learn(cues.filter((cue) => cue !== null));
  }

  /** From the frame that viewers see to the tick that is now by the server's clock. */
  private measure(): void {
    const { anchor } = this.feed.model;
    const moment = this.director?.moment ?? null;
    const nowMs = this.feed.serverNowMs();
    if (anchor === null || nowMs === null || moment?.epoch !== anchor.epoch) {
      this.behindHostS = null;
      return;
    }
    this.behindHostS = Math.max(0, (tickAtUtc(anchor, nowMs) - moment.tick) / TICKS_PER_SECOND);
  }
}

function offAirText(phase: Phase): string {
  return t(phase === 'waiting' ? 'counter.monitor.waiting' : statusOf(phase).text);
}
