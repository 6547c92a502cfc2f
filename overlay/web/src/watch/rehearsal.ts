/** `<comptoir-rehearsal>`: says that the show is being rehearsed, while it is. */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { t } from '../shared/i18n';
import * as icons from '../shared/icons';
import type { ShowFeed } from '../shared/show-feed';

@customElement('comptoir-rehearsal')
export class ComptoirRehearsal extends LitElement {
  @property({ attribute: false }) feed!: ShowFeed;
  @state() private on = false;
  private unsubscribe = () => {};

  override connectedCallback(): void {
    super.connectedCallback();
    this.unsubscribe = this.feed.subscribe(({ rehearsal }) => (this.on = rehearsal));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unsubscribe();
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult | typeof nothing {
    return this.on
      ? html`<p class="rehearsal" role="status">${icons.alert} ${t('watch.rehearsal')}</p>`
      : nothing;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-rehearsal': ComptoirRehearsal;
  }
}
