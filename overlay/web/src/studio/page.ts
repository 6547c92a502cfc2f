/**
 * `<comptoir-studio show="NAME">`: the host's page. It holds what the host chose, the captured
 * stream and the `Broadcast`; the parts of the page are drawn by `panels.ts`.
 */

import { LitElement, type TemplateResult, html } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';

import { t } from '../shared/i18n';
import { ShowFeed } from '../shared/show-feed';
import { Broadcast } from './broadcast';
import {
  CaptureError,
  type CaptureProblem,
  type Choice,
  type Devices,
  capture,
  listDevices,
  stopStream,
} from './capture';
import './counter/counter';
import { keepKey, takeKey } from './key';
import './level';
import * as panels from './panels';
import './shop/shop';

@customElement('comptoir-studio')
export class ComptoirStudio extends LitElement {
  @property() show = '';
  @state() exists = true;
  @state() key = '';
  @state() keyMissing = false;
  @state() editingKey = true;
  @state() choice: Choice = { source: 'camera', camera: '', microphone: '' };
  @state() devices: Devices = { cameras: [], microphones: [] };
  @state() stream: MediaStream | null = null;
  @state() capturing = false;
  @state() captureProblem: CaptureProblem | 'source-ended' | null = null;
  @state() copied = false;

  broadcast!: Broadcast;
  feed!: ShowFeed;
  @query('dialog') private dialog!: HTMLDialogElement;
  private life = new AbortController();
  private keyRefused = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.life = new AbortController();
    const { signal } = this.life;
    this.broadcast = new Broadcast(this.show, () => this.onBroadcast());
    this.feed = new ShowFeed(this.show);
    this.feed.start();
    this.key = takeKey(this.show);
    this.editingKey = this.key === '';
    if (!window.isSecureContext) this.captureProblem = 'insecure';
    navigator.mediaDevices?.addEventListener?.('devicechange', () => this.look(), { signal });
    addEventListener('beforeunload', (event) => this.onBeforeUnload(event), { signal });
    addEventListener('pagehide', () => this.broadcast.end(), { signal });
    void this.look();
    void this.learnWhetherItExists();
    void this.previewWhereAllowed();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
    this.feed.stop();
    this.broadcast.end();
    stopStream(this.stream);
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render(): TemplateResult {
    if (!this.exists) return html`<p class="nowhere">${t('studio.unknown')}</p>`;
    return html`
      <div class="columns">
        ${panels.preview(this)}
        <div class="side">${panels.air(this)} ${panels.keyForm(this)} ${panels.sources(this)}</div>
        ${panels.counter(this)} ${panels.shop(this)} ${panels.link(this)}
      </div>
      ${panels.endDialog(this)}
    `;
  }

  setKey(key: string): void {
    this.key = key.trim();
    this.keyMissing = false;
  }

  changeKey(): void {
    this.editingKey = true;
    void this.updateComplete.then(() => this.focusKey());
  }

  /**
   * Captures anew where a picture is shown already, and stays with what there was if that fails;
   * without a picture the choice waits for the preview.
   */
  async choose(change: Partial<Choice>): Promise<void> {
    const before = this.choice;
    this.choice = { ...before, ...change };
    if (this.stream === null && !this.broadcast.wanted) return;
    if (!(await this.capture())) this.choice = before;
  }

  /** True when there is a picture now. */
  async capture(): Promise<boolean> {
    if (this.capturing) return false;
    this.capturing = true;
    this.captureProblem = null;
    try {
      this.take(await this.captureChoice());
    } catch (error) {
      this.captureProblem = error instanceof CaptureError ? error.problem : 'capture';
    } finally {
      this.capturing = false;
    }
    void this.look();
    return this.captureProblem === null;
  }

  async goLive(): Promise<void> {
    if (this.key === '') {
      this.keyMissing = true;
      this.changeKey();
      return;
    }
    if (this.stream === null && !(await this.capture())) return;
    if (this.stream === null) return;
    this.keyRefused = false;
    this.editingKey = false;
    keepKey(this.show, this.key);
    this.broadcast.go(this.outgoing(this.stream), this.key);
  }

  askToEnd(): void {
    if (this.broadcast.onAir) this.dialog.showModal();
    else this.broadcast.end();
  }

  endNow(): void {
    this.dialog.close();
    this.broadcast.end();
  }

  stayOnAir(): void {
    this.dialog.close();
  }

  async copyLink(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.watchUrl);
      this.copied = true;
      setTimeout(() => (this.copied = false), 2_500);
    } catch {
      const field = this.querySelector<HTMLInputElement>('#watch-link');
      field?.focus();
      field?.select();
    }
  }

  get watchUrl(): string {
    return `${location.origin}/watch/${this.show}`;
  }

  /** Some devices open once only: the old stream goes where the new cannot start beside it. */
  private async captureChoice(): Promise<MediaStream> {
    try {
      return await capture(this.choice, navigator.mediaDevices);
    } catch (error) {
      const busy = error instanceof CaptureError && error.problem === 'in-use';
      if (!busy || this.stream === null || this.choice.source === 'screen') throw error;
      stopStream(this.stream);
      return capture(this.choice, navigator.mediaDevices);
    }
  }

  private take(stream: MediaStream): void {
    const before = this.stream;
    this.stream = stream;
    const [picture] = stream.getVideoTracks();
    picture?.addEventListener('ended', () => this.onSourceEnded(stream));
    void this.broadcast.swap(this.outgoing(stream)).then(() => stopStream(before));
  }

  private outgoing(stream: MediaStream): { stream: MediaStream; isScreen: boolean } {
    return { stream, isScreen: this.choice.source === 'screen' };
  }

  private onSourceEnded(stream: MediaStream): void {
    if (this.stream !== stream) return;
    stopStream(stream);
    this.stream = null;
    this.captureProblem = 'source-ended';
  }

  private onBroadcast(): void {
    if (this.broadcast.model.problem?.code === 'key' && !this.keyRefused) {
      this.keyRefused = true;
      keepKey(this.show, '');
      this.changeKey();
    }
    if (!this.broadcast.onAir && this.dialog?.open) this.dialog.close();
    this.requestUpdate();
  }

  private onBeforeUnload(event: BeforeUnloadEvent): void {
    if (this.broadcast.onAir) event.preventDefault();
  }

  private focusKey(): void {
    this.querySelector<HTMLInputElement>('#host-key')?.focus();
  }

  private async look(): Promise<void> {
    this.devices = await listDevices(navigator.mediaDevices);
  }

  private async learnWhetherItExists(): Promise<void> {
    const report = await this.feed.fetch().catch(() => null);
    this.exists = report !== 'unknown';
  }

  /** A host who has allowed the camera before sees the picture at once; nobody is asked unasked. */
  private async previewWhereAllowed(): Promise<void> {
    try {
      const names = ['camera', 'microphone'] as PermissionName[];
      const answers = await Promise.all(names.map((name) => navigator.permissions.query({ name })));
      if (answers.every(({ state: answer }) => answer === 'granted')) await this.capture();
    } catch {
      // This browser does not tell: the host presses the button.
    }
  }
}
