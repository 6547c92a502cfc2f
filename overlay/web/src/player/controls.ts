/** `<comptoir-controls>`: the bar of buttons. It shows a view of the player and calls actions. */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { t } from '../shared/i18n';
import * as icons from '../shared/icons';
import { controlStyles } from './controls.css';
import type { PlayerView } from './view';

/** What the bar can ask for; the player element provides it. */
export interface ControlActions {
  togglePlay(): void;
  toggleMute(): void;
  setVolume(volume: number): void;
  goLive(): void;
  choose(rendition: string | null): void;
  toggleFullscreen(): void;
  togglePictureInPicture(): void;
}

export interface Abilities {
  readonly fullscreen: boolean;
  readonly pictureInPicture: boolean;
}

@customElement('comptoir-controls')
export class ComptoirControls extends LitElement {
  static override styles = controlStyles;

  @property({ attribute: false }) view!: PlayerView;
  @property({ attribute: false }) actions!: ControlActions;
  @property({ attribute: false }) abilities!: Abilities;
  @property({ type: Boolean }) muted = true;
  @property({ type: Number }) volume = 1;
  @property({ type: Boolean }) fullscreen = false;
  @state() private menuOpen = false;

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('pointerdown', this.onPointerDown);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('pointerdown', this.onPointerDown);
  }

  override render(): TemplateResult {
    const { view, actions, abilities } = this;
    const playLabel = t(view.paused ? 'player.play' : 'player.pause');
    const muteLabel = t(this.muted ? 'player.unmute' : 'player.mute');
    const fullLabel = t(this.fullscreen ? 'player.fullscreen.leave' : 'player.fullscreen');
    return html`<div class="bar" role="group" aria-label=${t('player.controls')}>
      ${button(playLabel, view.paused ? icons.play : icons.pause, () => actions.togglePlay())}
      ${button(muteLabel, this.muted ? icons.silence : icons.sound, () => actions.toggleMute())}
      <input
        class="volume"
        type="range"
        min="0"
        max="1"
        step="0.05"
        aria-label=${t('player.volume')}
        .value=${String(this.muted ? 0 : this.volume)}
        @input=${(event: Event) => actions.setVolume(valueOf(event))}
      />
      ${
        view.mayGoLive
          ? html`<button class="go-live" @click=${() => actions.goLive()}>
              ${t('player.go-live')}
            </button>`
          : nothing
      }
      <span class="space"></span>
      ${view.renditions.length > 1 ? this.qualityMenu() : nothing}
      ${
        abilities.pictureInPicture
          ? button(
              t('player.pip'),
              icons.pictureInPicture,
              () => actions.togglePictureInPicture(),
              'pip',
            )
          : nothing
      }
      ${
        abilities.fullscreen
          ? button(fullLabel, this.fullscreen ? icons.leaveFullscreen : icons.fullscreen, () =>
              actions.toggleFullscreen(),
            )
          : nothing
      }
    </div>`;
  }

  private qualityMenu(): TemplateResult {
    const { view } = this;
    const now = view.renditions.find(({ name }) => name === view.rendition)?.label;
    const auto = now ? t('player.quality.auto-now', { rendition: now }) : t('player.quality.auto');
    return html`<div class="menu-anchor" @keydown=${this.onMenuKey}>
      <button
        id="quality"
        class="icon"
        aria-label=${t('player.quality')}
        title=${t('player.quality')}
        aria-haspopup="menu"
        aria-expanded=${this.menuOpen}
        @click=${this.toggleMenu}
      >
        ${icons.quality}
      </button>
      ${
        this.menuOpen
          ? html`<div class="menu" role="menu" aria-labelledby="quality">
              ${this.choice(null, auto)}
              ${view.renditions.map(({ name, label }) => this.choice(name, label))}
            </div>`
          : nothing
      }
    </div>`;
  }

  private choice(name: string | null, label: string): TemplateResult {
    const chosen = this.view.chosen === name;
    return html`<button
      role="menuitemradio"
      aria-checked=${chosen}
      @click=${() => {
        this.actions.choose(name);
        this.closeMenu();
      }}
    >
      <span class="tick">${chosen ? icons.check : nothing}</span>${label}
    </button>`;
  }

  private toggleMenu = async (): Promise<void> => {
    this.menuOpen = !this.menuOpen;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>('[aria-checked="true"]')?.focus();
  };

  private closeMenu(): void {
    if (!this.menuOpen) return;
    this.menuOpen = false;
    this.renderRoot.querySelector<HTMLElement>('#quality')?.focus();
  }

  private onPointerDown = (event: Event): void => {
    if (!event.composedPath().includes(this)) this.menuOpen = false;
  };

  private onMenuKey = (event: KeyboardEvent): void => {
    if (!this.menuOpen) return;
    const items = [...this.renderRoot.querySelectorAll<HTMLElement>('[role="menuitemradio"]')];
    const at = items.indexOf((this.renderRoot as ShadowRoot).activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === 'Escape') this.closeMenu();
    else if (to !== undefined) items.at(to % items.length)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

function button(
  label: string,
  icon: TemplateResult,
  onClick: () => void,
  name = '',
): TemplateResult {
  return html`<button class="icon ${name}" aria-label=${label} title=${label} @click=${onClick}>
    ${icon}
  </button>`;
}

function valueOf(event: Event): number {
  return Number((event.target as HTMLInputElement).value);
}
