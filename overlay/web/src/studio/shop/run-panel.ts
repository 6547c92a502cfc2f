/**
 * `<comptoir-run>`: the run of show. Moments are moved by dragging or by their arrows, put on show (up
 * to three products at once), ticked off, and the last deed is undone.
 */

import { type TemplateResult, html, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';

import { number, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { newId } from '../../shared/random';
import { MAX_SHOWN } from '../../shared/shop';
import { momentOf } from '../counter/sender';
import type { HostApi } from './host-api';
import { ShopPanel } from './panel';
import { type RunItem, changed, moved, parseRun } from './run';

@customElement('comptoir-run')
export class ComptoirRun extends ShopPanel {
  @state() private run: readonly RunItem[] = [];
  @state() private dragged: string | null = null;
  private unsent: readonly RunItem[] | null = null;

  protected async load(api: HostApi): Promise<void> {
    if (this.unsent !== null) return this.flush();
    const run = parseRun(await api.send('run'));
    if (!this.busy && this.unsent === null && this.dragged === null) this.run = run;
  }

  protected override render(): TemplateResult {
    return html`
      <div class="row tools">
        <p class="hint">${t('run.hint')}</p>
        <button class="button" ?disabled=${this.busy} @click=${() => this.undo()}>
          ${icons.undo} ${t('run.undo')}
        </button>
      </div>
      ${this.trouble()}
      <ol class="run">
        ${repeat(
          this.run,
          ({ id }) => id,
          (item, i) => this.item(item, i),
        )}
      </ol>
      ${this.run.length === 0 ? html`<p class="hint">${t('run.empty')}</p>` : nothing}
      ${this.form()}
    `;
  }

  private item(item: RunItem, i: number): TemplateResult {
    const name = item.title || this.names(item) || t('run.moment', { n: number(i + 1, 0) });
    return html`<li
      class=${item.done ? 'done' : ''}
      data-item=${item.id}
      draggable="true"
      @dragstart=${() => (this.dragged = item.id)}
      @dragend=${() => (this.dragged = null)}
      @dragover=${(event: Event) => event.preventDefault()}
      @drop=${(event: Event) => this.drop(event, i)}
    >
      <label class="tick">
        <input
          type="checkbox"
          aria-label=${t('run.done', { name })}
          .checked=${item.done}
          @change=${() => this.put(changed(this.run, item.id, { done: !item.done }))}
        />
      </label>
      <div class="what">
        <strong>${name}</strong>
        ${item.title === '' ? nothing : html`<span>${this.names(item)}</span>`}
        ${item.note === '' ? nothing : html`<small>${item.note}</small>`}
      </div>
      <div class="deeds">
        ${this.arrow(i - 1, i === 0, 'run.up', name, item)}
        ${this.arrow(i + 1, i === this.run.length - 1, 'run.down', name, item)}
        <button
          class="icon"
          aria-label=${t('run.remove', { name })}
          @click=${() => this.put(this.run.filter(({ id }) => id !== item.id))}
        >
          ${icons.bin}
        </button>
        ${
          item.products.length === 0
            ? nothing
            : html`<button
                class="button"
                ?disabled=${this.busy}
                @click=${(event: Event) => this.pin(item, event)}
              >
                ${t('counter.pin')}
              </button>`
        }
      </div>
    </li>`;
  }

  private arrow(
    to: number,
    disabled: boolean,
    key: 'run.up' | 'run.down',
    name: string,
    { id }: RunItem,
  ): TemplateResult {
    return html`<button
      class="icon arrow"
      aria-label=${t(key, { name })}
      ?disabled=${disabled}
      @click=${() => this.move(id, to, key)}
    >
      ${key === 'run.up' ? icons.up : icons.down}
    </button>`;
  }

  private form(): TemplateResult {
    const products = [...this.feed.model.products.values()];
    return html`<form class="inline" @submit=${this.add}>
      <div class="field">
        <label for="run-title">${t('run.title')}</label>
        <input id="run-title" name="title" maxlength="120" autocomplete="off" />
      </div>
      ${Array.from(
        { length: MAX_SHOWN },
        (_, i) => html`<div class="field">
          <label for=${`run-product-${i}`}>${t('run.product', { n: number(i + 1, 0) })}</label>
          <select id=${`run-product-${i}`} name="product">
            <option value="">–</option>
            ${products.map(({ id, name }) => html`<option value=${id}>${name}</option>`)}
          </select>
        </div>`,
      )}
      <button class="button" ?disabled=${this.busy}>${icons.plus} ${t('run.add')}</button>
    </form>`;
  }

  private names({ products }: RunItem): string {
    const known = this.feed.model.products;
    return products.map((id) => known.get(id)?.name ?? id).join(' + ');
  }

  private add = (event: Event): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const data = new FormData(form);
    const title = String(data.get('title') ?? '').trim();
    const products = [...new Set(data.getAll('product').map(String).filter((id) => id !== ''))];
    if (title === '' && products.length === 0) return;
    this.put([...this.run, { id: newId(), title, note: '', products, done: false }]);
    form.reset();
  };

  private drop(event: Event, index: number): void {
    event.preventDefault();
    const id = this.dragged;
    this.dragged = null;
    if (id !== null) this.put(moved(this.run, id, index));
  }

  /** Shown at once; sent when what is under way is done, the newest alone. */
  private put(run: readonly RunItem[]): void {
    this.run = run;
    this.unsent = run;
    void this.flush();
  }

  private async flush(): Promise<void> {
    while (this.unsent !== null && !this.busy) {
      const items = this.unsent;
      this.unsent = null;
      await this.act((api) => api.send('run', 'PUT', { items }));
    }
  }

  /** Whoever moves a moment by its arrows goes with it. */
  private async move(id: string, to: number, key: 'run.up' | 'run.down'): Promise<void> {
    this.put(moved(this.run, id, to));
    await this.updateComplete;
    const arrows = this.querySelectorAll<HTMLButtonElement>(
      `li[data-item="${CSS.escape(id)}"] .arrow:not(:disabled)`,
    );
    (key === 'run.up' ? arrows[0] : arrows[arrows.length - 1])?.focus();
  }

  private pin(item: RunItem, event: Event): void {
    const clicked = this.publishing ? { clicked_at_ms: momentOf(event) } : {};
    const body = { request: newId(), ...clicked };
    void this.act((api) => api.send(`run/${encodeURIComponent(item.id)}/pin`, 'POST', body));
  }

  private undo(): void {
    void this.act((api) => api.send('run/undo', 'POST'));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-run': ComptoirRun;
  }
}
