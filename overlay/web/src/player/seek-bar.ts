/**
 * `<comptoir-seek-bar>`: the last minute of the show, to go back in. A slider of seconds from live, with
 * a picture of the place under the pointer, the finger or the keyboard's choice.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';

import { t } from '../shared/i18n';
import type { Preview } from './previews';
import { type Bar, clockOf, placeOf, shareOf } from './reach';
import { seekBarStyles } from './seek-bar.css';

/** What the bar asks for; the player element provides it. Places are seconds from live, 0 or less. */
export interface SeekActions {
  seekToPlace(seconds: number): void;
  /** Somebody looks at a place: the picture of it, as far as it is known. */
  previewOf(seconds: number): Preview | null;
}

/** The picture stays so long after a key, or a finger. */
const SHOWS_FOR_MS = 1_500;

@customElement('comptoir-seek-bar')
export class ComptoirSeekBar extends LitElement {
  static override styles = seekBarStyles;

  @property({ attribute: false }) bar!: Bar;
  @property({ attribute: false }) actions!: SeekActions;
  /** The place that is looked at, null for none. */
  @state() private looked: number | null = null;
  /** While it is dragged, the playhead does not move it. */
  @state() private dragged: number | null = null;
  private fading = 0;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.fading);
  }

  override render(): TemplateResult {
    const { bar } = this;
    const at = this.dragged ?? placeOf(bar, bar.now);
    return html`${this.looked === null ? nothing : this.preview(this.looked)}
      <input
        type="range"
        min=${bar.min}
        max="0"
        step="1"
        aria-label=${t('player.seek')}
        aria-valuetext=${spoken(at)}
        style="--track: ${track(bar, at)}"
        .value=${live(String(Math.round(at)))}
        @input=${this.onInput}
        @change=${this.onChange}
        @pointermove=${this.onPointer}
        @pointerdown=${this.onPointer}
        @pointerup=${this.fade}
        @pointerleave=${this.onLeave}
        @pointercancel=${this.lookAway}
        @blur=${this.lookAway}
      />`;
  }

  private preview(place: number): TemplateResult {
    const picture = this.actions.previewOf(place);
    return html`<div
      class="preview ${picture === null ? 'bare' : ''}"
      style="--at: ${100 * shareOf(this.bar, place)}%"
      aria-hidden="true"
    >
      ${picture === null ? nothing : html`<img src=${picture.url} alt="" />`}
      <span>${place === 0 ? t('player.live') : `−${clockOf(place)}`}</span>
    </div>`;
  }

  private onPointer = (event: PointerEvent): void => {
    const { left, width } = (event.target as Element).getBoundingClientRect();
    clearTimeout(this.fading);
    const share = (event.clientX - left) / (width || 1);
    this.looked = placeOf(this.bar, Math.min(0, this.bar.min * (1 - share)));
  };

  /** A finger leaves when it is lifted, before the slider has told of the change. */
  private onLeave = (): void => {
    if (this.dragged === null) this.lookAway();
  };

  private fade = (): void => {
    clearTimeout(this.fading);
    this.fading = window.setTimeout(this.lookAway, SHOWS_FOR_MS);
  };

  private lookAway = (): void => {
    clearTimeout(this.fading);
    this.looked = this.dragged = null;
  };

  private onInput = (event: Event): void => {
    this.dragged = placeOf(this.bar, Number((event.target as HTMLInputElement).value));
    this.looked = this.dragged;
  };

  private onChange = (event: Event): void => {
    const place = placeOf(this.bar, Number((event.target as HTMLInputElement).value));
    this.actions.seekToPlace(place);
    this.bar = { ...this.bar, now: place };
    this.dragged = null;
    this.looked = place;
    this.fade();
  };
}

function spoken(place: number): string {
  return place === 0 ? t('player.seek.live') : t('player.seek.behind', { time: clockOf(place) });
}

/** What was played, what there is, and what there is not. */
function track(bar: Bar, at: number): string {
  const [from, now] = [bar.from, at].map((seconds) => `${100 * shareOf(bar, seconds)}%`);
  return (
    'linear-gradient(to right, ' +
    `rgb(255 255 255 / 14%) ${from}, #f0b95b ${from} ${now}, rgb(255 255 255 / 42%) ${now})`
  );
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-seek-bar': ComptoirSeekBar;
  }
}
