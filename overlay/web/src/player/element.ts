/**
 * `<comptoir-player show="NAME">`: plays one show, by itself and again.
 *
 * For pages and tests around it, read-only:
 * - attribute `data-state`: `connecting` `waiting` `live` `away` `reconnecting` `busy` `ended`
 *   `unknown` `unsupported` (see `machine.ts`);
 * - attribute `data-delay-ms`: from the playhead to the newest media, absent while unknown;
 * - attribute `data-rendition`: the rendition on screen, absent while unknown;
 * - attribute `data-engine`: what plays: `push`, `hls` or `native`; absent while nothing does;
 * - event `statechange` (`StateChange`) whenever the state or the show's title changes;
 * - event `timedmetadata` (`TimedMetadata`) when the stream carries a payload: early, and often
 *   more than once; `momentAt(seconds)` tells which moment of the show a time of the video is.
 *
 * It hears of its show through `feed`, which the page starts and stops. Slots: `brand` and
 * `actions` in the bar on top; `card` over the picture, with the attribute `data-card` while
 * something is there.
 *
 * The `<video>` is a child of the element in the page's own DOM. With the attribute `page-keys` the
 * keyboard works wherever the focus is on the page.
 */

import { LitElement, type PropertyValues, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { posterUrl } from '../shared/api';
import { t } from '../shared/i18n';
import * as icons from '../shared/icons';
import markUrl from '../shared/mark.svg';
import type { ShowFeed } from '../shared/show-feed';
import './controls';
import './seek-bar';
import type { Abilities, ControlActions } from './controls';
import type { Moment } from './engine';
import { type Size, fitFor } from './fit';
import { actionFor } from './keys';
import type { Phase } from './machine';
import { engineOpener } from './open-engine';
import { playerStyles } from './player.css';
import { loadVolume, saveVolume } from './preferences';
import { type Preview, Previews } from './previews';
import { type Bar, barOf } from './reach';
import type { SeekActions } from './seek-bar';
import { PlayerSession } from './session';
import { delayText, statusOf } from './status';
import type { PlayerView } from './view';

export type TimedMetadata = CustomEvent<{ readonly payload: string }>;
export type StateChange = CustomEvent<{ readonly state: Phase; readonly title: string }>;

const HIDE_CONTROLS_MS = 3_000;
const SEEK_S = 5;
const VOLUME_STEP = 0.1;

interface IPhoneVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

@customElement('comptoir-player')
export class ComptoirPlayer extends LitElement implements ControlActions, SeekActions {
  static override styles = playerStyles;

  @property() show = '';
  @property({ attribute: false }) feed!: ShowFeed;
  @property({ type: Boolean, attribute: 'page-keys' }) pageKeys = false;
  @state() private view: PlayerView | null = null;
  @state() private idle = false;
  @state() private fullscreen = false;
  @state() private muted = true;

  readonly video: IPhoneVideo = document.createElement('video');
  private readonly sizes = new ResizeObserver(() => this.place());
  private session: PlayerSession | null = null;
  private life = new AbortController();
  private idleTimer = 0;
  private previews: Previews | null = null;

  constructor() {
    super();
    const { video } = this;
    video.muted = true;
    video.defaultMuted = true;
    video.playsInline = true;
    video.autoplay = true;
    video.disableRemotePlayback = true;
    video.volume = loadVolume();
    video.setAttribute('aria-label', t('player.region'));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.video.parentNode !== this) this.append(this.video);
    this.life = new AbortController();
    const options = { signal: this.life.signal };
    this.video.addEventListener('resize', () => this.place(), options);
    this.video.addEventListener('volumechange', () => this.onVolume(), options);
    this.video.addEventListener('click', (event) => this.onPictureClick(event), options);
    for (const kind of ['pointermove', 'pointerdown', 'keydown', 'focusin'] as const) {
      this.addEventListener(kind, () => this.wake(), options);
    }
    document.addEventListener('keydown', (event) => this.onKey(event), options);
    document.addEventListener('fullscreenchange', () => this.onFullscreen(), options);
    this.sizes.observe(this);
    this.session = new PlayerSession(this.show, this.video, this.feed, engineOpener(), {
      changed: (view) => (this.view = view),
      metadata: (payload) => this.emit('timedmetadata', { payload }),
    });
    this.previews = new Previews(this.show, () => this.requestUpdate());
    this.session.start();
    this.wake();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
    this.sizes.disconnect();
    clearTimeout(this.idleTimer);
    this.session?.stop();
    this.session = null;
  }

  /** Null while that is not known. */
  momentAt(seconds: number): Moment | null {
    return this.session?.momentAt(seconds) ?? null;
  }

  togglePlay(): void {
    if (this.session?.paused) this.session.play();
    else this.session?.pause();
  }

  toggleMute(): void {
    if (this.video.muted && this.video.volume < VOLUME_STEP) this.video.volume = 0.5;
    this.video.muted = !this.video.muted;
  }

  setVolume(volume: number): void {
    this.video.volume = Math.min(1, Math.max(0, volume));
    this.video.muted = this.video.volume === 0;
    saveVolume(this.video.volume);
  }

  goLive(): void {
    this.session?.goLive();
  }

  seekToPlace(seconds: number): void {
    const { reach } = this.view ?? {};
    if (seconds === 0) this.goLive();
    else if (reach != null) this.session?.seekTo(reach.liveS + seconds);
  }

  previewOf(seconds: number): Preview | null {
    const { reach } = this.view ?? {};
    if (reach == null) return null;
    this.previews?.look(performance.now());
    return this.previews?.at(this.momentAt(reach.liveS + seconds)) ?? null;
  }

  choose(rendition: string | null): void {
    this.session?.choose(rendition);
  }

  toggleFullscreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (this.requestFullscreen) void this.requestFullscreen().catch(() => undefined);
    else this.video.webkitEnterFullscreen?.();
  }

  togglePictureInPicture(): void {
    const done = document.pictureInPictureElement
      ? document.exitPictureInPicture()
      : this.video.requestPictureInPicture();
    void done.catch(() => undefined);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { view } = this;
    if (view === null) return nothing;
    const { cover } = statusOf(view.phase);
    return html`
      <slot></slot>
      ${this.poster(view)}
      <div class="cover ${cover}">${cover === 'none' ? nothing : this.card(view)}</div>
      <div class="top">
        <slot name="brand"></slot>
        <h1>${view.title || this.show}</h1>
        ${this.air(view)}
        <slot name="actions"></slot>
      </div>
      <div class="over"><slot name="card"></slot></div>
      ${this.prompt(view)}
      ${
        cover === 'plate'
          ? nothing
          : html`<div class="bottom">
              ${this.seekBar(view)}
              <comptoir-controls
                .view=${view}
                .actions=${this as ControlActions}
                .abilities=${this.abilities()}
                .muted=${this.muted}
                .volume=${this.video.volume}
                .fullscreen=${this.fullscreen}
              ></comptoir-controls>
            </div>`
      }
      <p class="visually-hidden" role="status">${this.spoken(view)}</p>
    `;
  }

  protected override updated(changed: PropertyValues): void {
    const { view } = this;
    if (view === null) return;
    const before = changed.get('view') as PlayerView | null | undefined;
    this.dataset['state'] = view.phase;
    setOrRemove(
      this,
      'data-delay-ms',
      view.behindS === null ? null : Math.round(view.behindS * 1e3),
    );
    setOrRemove(this, 'data-rendition', view.rendition);
    setOrRemove(this, 'data-engine', view.engine);
    this.toggleAttribute('data-reach', view.reach !== null && barOf(view.reach) !== null);
    const undisturbed = view.phase === 'live' && !view.paused && !view.mayGoLive;
    this.toggleAttribute('data-idle', this.idle && undisturbed);
    if (!changed.has('view')) return;
    if (before?.phase === view.phase && before.title === view.title) return;
    this.emit('statechange', { state: view.phase, title: view.title });
  }

  private emit(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  private card(view: PlayerView): TemplateResult {
    const status = statusOf(view.phase);
    return html`<div class="card" aria-hidden="true">
      ${
        status.busy
          ? html`<div class="spinner"></div>`
          : html`<img src=${markUrl} alt="" width="60" height="60" />`
      }
      <strong>${t(status.text)}</strong>
      ${status.hint === null ? nothing : html`<span>${t(status.hint)}</span>`}
    </div>`;
  }

  /** What the show looked like a moment ago, until the picture itself is there. */
  private poster(view: PlayerView): TemplateResult | typeof nothing {
    if (view.phase !== 'connecting' || !view.pictured) return nothing;
    return html`<img
      class="poster"
      src=${posterUrl(this.show)}
      alt=""
      @load=${this.onPoster}
      @error=${(event: Event) => (event.target as Element).remove()}
    />`;
  }

  private onPoster = ({ target }: Event): void => {
    const { naturalWidth, naturalHeight } = target as HTMLImageElement;
    if (this.video.videoWidth === 0) this.place({ width: naturalWidth, height: naturalHeight });
  };

  private seekBar(view: PlayerView): TemplateResult | typeof nothing {
    const bar: Bar | null = view.reach === null ? null : barOf(view.reach);
    if (bar === null) return nothing;
    return html`<comptoir-seek-bar
      .bar=${bar}
      .actions=${this as SeekActions}
    ></comptoir-seek-bar>`;
  }

  private air(view: PlayerView): TemplateResult | typeof nothing {
    if (view.phase !== 'live') return nothing;
    return html`<div class="air">
      ${
        view.behindS === null
          ? nothing
          : html`<span class="delay">${delayText(view.behindS)}</span>`
      }
      <span class="pill ${view.mayGoLive ? 'past' : ''}">${t('player.live')}</span>
    </div>`;
  }

  private prompt(view: PlayerView): TemplateResult | typeof nothing {
    if (statusOf(view.phase).cover === 'plate' && !view.blocked) return nothing;
    if (view.blocked) {
      return html`<button class="prompt" @click=${() => this.session?.play()}>
        ${icons.play} ${t('player.tap-play')}
      </button>`;
    }
    if (!this.muted || view.phase !== 'live') return nothing;
    return html`<button class="prompt" @click=${() => this.toggleMute()}>
      ${icons.silence} ${t('player.tap-sound')}
    </button>`;
  }

  private spoken(view: PlayerView): string {
    const { text, hint } = statusOf(view.phase);
    return hint === null ? t(text) : `${t(text)}. ${t(hint)}`;
  }

  private abilities(): Abilities {
    return {
      fullscreen:
        document.fullscreenEnabled === true || this.video.webkitEnterFullscreen !== undefined,
      pictureInPicture: document.pictureInPictureEnabled === true,
    };
  }

  private place(
    picture: Size = { width: this.video.videoWidth, height: this.video.videoHeight },
  ): void {
    this.dataset['fit'] = fitFor({ width: this.clientWidth, height: this.clientHeight }, picture);
    this.style.setProperty('--ratio', String(picture.width / picture.height || 16 / 9));
  }

  private wake(): void {
    this.idle = false;
    clearTimeout(this.idleTimer);
    this.idleTimer = window.setTimeout(() => (this.idle = true), HIDE_CONTROLS_MS);
  }

  /** A mouse's click plays and pauses; a finger's tap only brings the controls. */
  private onPictureClick(event: MouseEvent): void {
    if ((event as PointerEvent).pointerType === 'mouse') this.togglePlay();
  }

  private onVolume(): void {
    this.muted = this.video.muted;
    this.requestUpdate();
  }

  private onFullscreen(): void {
    this.fullscreen = document.fullscreenElement === this;
  }

  private onKey(event: KeyboardEvent): void {
    const path = event.composedPath();
    if (!this.pageKeys && !path.includes(this)) return;
    const focused = path[0] instanceof Element ? path[0].tagName : '';
    const action = actionFor(event, focused);
    if (action === null) return;
    event.preventDefault();
    this.wake();
    switch (action) {
      case 'play':
        return this.togglePlay();
      case 'mute':
        return this.toggleMute();
      case 'fullscreen':
        return this.toggleFullscreen();
      case 'back':
      case 'forward':
        return this.session?.seekBy(action === 'back' ? -SEEK_S : SEEK_S);
      case 'louder':
      case 'quieter':
        return this.setVolume(
          this.video.volume + (action === 'louder' ? VOLUME_STEP : -VOLUME_STEP),
        );
    }
  }
}

function setOrRemove(element: Element, name: string, value: string | number | null): void {
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, String(value));
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-player': ComptoirPlayer;
  }
}
