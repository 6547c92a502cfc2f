/** `<comptoir-level>`: the level meter of a stream's sound, with a word when there is none. */

import { LitElement, type PropertyValues, type TemplateResult, html } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { t } from '../shared/i18n';
import { loudness } from './loudness';

const QUIET_AFTER_MS = 4_000;
const AUDIBLE = 0.02;
/** The bar falls slower than speech does, so that it can be read. */
const FALL = 0.9;

@customElement('comptoir-level')
export class ComptoirLevel extends LitElement {
  @property({ attribute: false }) stream: MediaStream | null = null;
  @state() private quiet = false;

  private context: AudioContext | null = null;
  private analyser: AnalyserNode | null = null;
  private source: MediaStreamAudioSourceNode | null = null;
  private samples = new Float32Array(1024);
  private frame = 0;
  private shown = 0;
  private heardAtMs = 0;

  protected override createRenderRoot(): this {
    return this;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    cancelAnimationFrame(this.frame);
    void this.context?.close();
    this.context = null;
    this.source = null;
  }

  protected override render(): TemplateResult {
    return html`
      <div
        class="level"
        role="meter"
        aria-label=${t('studio.level')}
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow="0"
      >
        <span></span>
      </div>
      <p class="quiet" role="status">${this.quiet ? t('studio.quiet') : ''}</p>
    `;
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('stream')) this.listen();
  }

  private listen(): void {
    cancelAnimationFrame(this.frame);
    this.source?.disconnect();
    this.source = null;
    this.heardAtMs = performance.now();
    if (!this.stream?.getAudioTracks().length) {
      this.quiet = this.stream !== null;
      this.show(0);
      return;
    }
    this.context ??= new AudioContext();
    this.analyser ??= new AnalyserNode(this.context, { fftSize: 1024 });
    void this.context.resume();
    this.source = new MediaStreamAudioSourceNode(this.context, { mediaStream: this.stream });
    this.source.connect(this.analyser);
    this.draw();
  }

  private draw = (): void => {
    this.frame = requestAnimationFrame(this.draw);
    if (this.analyser === null || this.context?.state !== 'running') return;
    this.analyser.getFloatTimeDomainData(this.samples);
    const now = performance.now();
    const level = loudness(this.samples);
    if (level > AUDIBLE) this.heardAtMs = now;
    this.quiet = now - this.heardAtMs > QUIET_AFTER_MS;
    this.show(Math.max(level, this.shown * FALL));
  };

  private show(level: number): void {
    if (Math.abs(level - this.shown) < 0.005) return;
    this.shown = level;
    const bar = this.querySelector<HTMLElement>('.level');
    bar?.style.setProperty('--level', level.toFixed(3));
    bar?.setAttribute('aria-valuenow', String(Math.round(level * 100)));
  }
}
