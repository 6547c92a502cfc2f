/** `<comptoir-orders>`: the show's orders, found, looked through, cancelled, and taken away as CSV. */

import { type TemplateResult, html, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import { asList, asMap, countOrNull, isCount, isCurrency, isText, textOr } from '../../shared/checks';
import { type MessageKey, language, t } from '../../shared/i18n';
import { money } from '../../shared/money';
import type { HostApi } from './host-api';
import { ShopPanel } from './panel';

const STATES = ['held', 'confirmed', 'released', 'expired', 'paid_late', 'cancelled'] as const;
type OrderState = (typeof STATES)[number];

interface OrderRow {
  readonly number: string;
  readonly utcUs: number;
  readonly state: OrderState;
  readonly what: string;
  readonly who: string;
  readonly totalMinor: number;
  readonly currency: string;
}

@customElement('comptoir-orders')
export class ComptoirOrders extends ShopPanel {
  @state() private orders: readonly OrderRow[] = [];
  @state() private query = '';
  @state() private wanted: OrderState | '' = '';

  protected async load(api: HostApi): Promise<void> {
    const query = new URLSearchParams({ limit: '50' });
    if (this.query !== '') query.set('query', this.query);
    if (this.wanted !== '') query.set('state', this.wanted);
    const answer = asMap(await api.send(`orders?${query}`));
    this.orders = asList(answer?.['orders']).flatMap(parseOrder);
  }

  protected override render(): TemplateResult {
    return html`
      <div class="inline">
        <div class="field">
          <label for="orders-query">${t('orders.search')}</label>
          <input
            id="orders-query"
            type="search"
            maxlength="100"
            .value=${this.query}
            @input=${this.onQuery}
          />
        </div>
        <div class="field">
          <label for="orders-state">${t('orders.state')}</label>
          <select id="orders-state" @change=${this.onState}>
            <option value="">${t('orders.all')}</option>
            ${STATES.map((each) => html`<option value=${each}>${t(wordOf(each))}</option>`)}
          </select>
        </div>
        <button class="button" ?disabled=${this.busy} @click=${() => this.save()}>
          ${t('orders.csv')}
        </button>
      </div>
      ${this.trouble()}
      <div class="table">
        <table>
          <thead>
            <tr>
              ${(['number', 'time', 'who', 'what', 'total', 'state'] as const).map(
                (name) => html`<th scope="col">${t(`orders.column.${name}`)}</th>`,
              )}
              <th><span class="visually-hidden">${t('orders.column.deeds')}</span></th>
            </tr>
          </thead>
          <tbody>
            ${this.orders.map((order) => this.row(order))}
          </tbody>
        </table>
      </div>
      ${this.orders.length === 0 ? html`<p class="hint">${t('orders.none')}</p>` : nothing}
    `;
  }

  private row(order: OrderRow): TemplateResult {
    const { number, utcUs, state, what, who, totalMinor, currency } = order;
    const time = new Date(utcUs / 1_000).toLocaleString(language(), {
      dateStyle: 'short',
      timeStyle: 'short',
    });
    const open = state === 'held' || state === 'confirmed';
    return html`<tr data-order=${number}>
      <td>${number}</td>
      <td>${time}</td>
      <td>${who}</td>
      <td>${what}</td>
      <td class="amount">${money(totalMinor, currency)}</td>
      <td>${t(wordOf(state))}</td>
      <td>
        ${
          open
            ? html`<button
                class="button small"
                aria-label=${t('orders.cancel.of', { number })}
                ?disabled=${this.busy}
                @click=${() => this.cancel(number)}
              >
                ${t('orders.cancel')}
              </button>`
            : nothing
        }
      </td>
    </tr>`;
  }

  private cancel(number: string): void {
    if (!confirm(t('orders.cancel.question', { number }))) return;
    const path = `orders/${encodeURIComponent(number)}/cancel`;
    void this.act((api) => api.send(path, 'POST', {}));
  }

  private save(): void {
    void this.act((api) => api.save('orders.csv', `orders-${this.show}.csv`));
  }

  private onQuery = (event: Event): void => {
    this.query = (event.target as HTMLInputElement).value.trim();
    this.ask();
  };

  private onState = (event: Event): void => {
    this.wanted = (event.target as HTMLSelectElement).value as OrderState | '';
    this.ask();
  };
}

function wordOf(state: OrderState): MessageKey {
  return `orders.state.${state}`;
}

/** An order in an answer of the server; none where it is malformed. */
export function parseOrder(value: unknown): OrderRow[] {
  const map = asMap(value) ?? {};
  const { number, state, currency } = map;
  const known = STATES.find((each) => each === state);
  if (!isText(number) || known === undefined || !isCurrency(currency)) return [];
  const contact = asMap(map['contact']) ?? {};
  const items = asList(map['items']).map((item) => {
    const { quantity, name, choice } = asMap(item) ?? {};
    const words = [textOr(name, ''), textOr(choice, '')].filter((word) => word !== '').join(', ');
    return `${isCount(quantity) ? quantity : 1} × ${words}`;
  });
  return [
    {
      number,
      utcUs: countOrNull(map['utc_us']) ?? 0,
      state: known,
      what: items.join('; '),
      who: textOr(contact['name'], textOr(contact['email'], '–')),
      totalMinor: countOrNull(map['total_minor']) ?? 0,
      currency,
    },
  ];
}

declare global {
  interface HTMLElementTagNameMap {
    'comptoir-orders': ComptoirOrders;
  }
}
