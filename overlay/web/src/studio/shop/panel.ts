/**
 * What the panels of the studio's shop have in common: the show, the host's key, and a question to the
 * server every few seconds and after each news of the show, so that a second device shows the same.
 */

import { LitElement, type TemplateResult, html, nothing } from 'lit';
import { property, state } from 'lit/decorators.js';

import * as icons from '../../shared/icons';
import type { ShowFeed } from '../../shared/show-feed';
import { HostApi, troubleText } from './host-api';

const ASK_EVERY_MS = 4_000;
const ASK_SOON_MS = 300;

export abstract class ShopPanel extends LitElement {
  @property() show = '';
  @property({ attribute: false }) key = '';
  @property({ attribute: false }) feed!: ShowFeed;
  /** Whether this very page publishes the show: only then do its clicks name frames. */
  @property({ attribute: false }) publishing = false;
  @state() protected problem: string | null = null;
  @state() protected busy = false;
  /** How soon after news of the show it asks again. */
  protected askSoonMs = ASK_SOON_MS;
  private unsubscribe = () => {};
  private timer = 0;
  private soon = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.unsubscribe = this.feed.subscribe(() => this.onNews());
    this.timer = window.setInterval(() => this.ask(), ASK_EVERY_MS);
    this.ask();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unsubscribe();
    clearInterval(this.timer);
    clearTimeout(this.soon);
  }

  protected override createRenderRoot(): this {
    return this;
  }

  /** Takes the server's word; rejects where there is none. */
  protected abstract load(api: HostApi): Promise<void>;

  protected get api(): HostApi {
    return new HostApi(this.show, this.key);
  }

  /** Does what the host asked for, one thing at a time, then looks again. True when it was done. */
  protected async act(deed: (api: HostApi) => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = null;
    try {
      await deed(this.api);
      return true;
    } catch (error) {
      this.problem = troubleText(error);
      return false;
    } finally {
      this.busy = false;
      this.ask();
    }
  }

  protected trouble(): TemplateResult {
    const { problem } = this;
    return html`<div role="alert">
      ${problem === null ? nothing : html`<p class="problem">${icons.alert}<span>${problem}</span></p>`}
    </div>`;
  }

  protected ask(): void {
    if (this.key === '' || document.hidden) return;
    this.load(this.api).catch(() => undefined);
  }

  private onNews(): void {
    this.requestUpdate();
    if (this.soon !== 0) return;
    this.soon = window.setTimeout(() => {
      this.soon = 0;
      this.ask();
    }, this.askSoonMs);
  }
}
