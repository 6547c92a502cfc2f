/** An order in words: taken, waiting for its payment, or over. */

import { type TemplateResult, html, nothing } from 'lit';

import { type MessageKey, t } from '../../shared/i18n';
import * as icons from '../../shared/icons';
import { money } from '../../shared/money';
import { countdown } from '../../shared/offers';
import type { OrderState, Receipt } from './checkout';

const WORDS: Readonly<Record<OrderState, MessageKey>> = {
  confirmed: 'cart.thanks',
  held: 'order.held',
  released: 'order.released',
  expired: 'order.expired',
  paid_late: 'order.paid-late',
  cancelled: 'order.cancelled',
};

export interface ReceiptActions {
  close(): void;
  pay(receipt: Receipt): void;
}

export function receiptView(
  receipt: Receipt,
  nowMs: number,
  actions: ReceiptActions,
): TemplateResult {
  const { number, state, expiresUs, totalMinor, currency } = receipt;
  const leftMs = expiresUs === null ? null : expiresUs / 1_000 - nowMs;
  const total = money(totalMinor, currency);
  return html`<div class="thanks" data-order-state=${state}>
    ${state === 'confirmed' ? icons.check : icons.alert}
    <p role="status">${t(WORDS[state])}</p>
    <p class="order-number" data-order-number=${number}>${t('cart.order-number', { number })}</p>
    <p>${t('cart.paid', { total })}</p>
    ${
      state === 'held'
        ? html`${
              leftMs === null || leftMs <= 0
                ? nothing
                : html`<p class="held" role="timer" aria-live="off">
                    ${t('order.pay-within', { time: countdown(leftMs) })}
                  </p>`
            }
            <button class="button primary" @click=${() => actions.pay(receipt)}>
              ${t('order.pay')}
            </button>`
        : nothing
    }
    <button class="button" @click=${() => actions.close()}>${t('cart.back')}</button>
  </div>`;
}
