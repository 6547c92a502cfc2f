/** What outlives a visit, one of each a show. Storage may be forbidden: then for this visit only. */

import { asMap, isText } from '../../shared/checks';
import { type Attempt, parseAttempt } from './checkout';

/** A coupon that was claimed. */
export interface Coupon {
  readonly offer: string;
  readonly code: string;
}

/** The order that was sent and not answered. */
export function loadAttempt(show: string): Attempt | null {
  return parseAttempt(load(`comptoir.attempt.${show}`));
}

export function saveAttempt(show: string, attempt: Attempt | null): void {
  save(`comptoir.attempt.${show}`, attempt);
}

export function loadCoupon(show: string): Coupon | null {
  const { offer, code } = asMap(load(`comptoir.coupon.${show}`)) ?? {};
  return isText(offer) && isText(code) ? { offer, code } : null;
}

export function saveCoupon(show: string, coupon: Coupon | null): void {
  save(`comptoir.coupon.${show}`, coupon);
}

/** The number of the order that waits for its payment. */
export function loadOpenOrder(show: string): string | null {
  const number = load(`comptoir.order.${show}`);
  return isText(number) ? number : null;
}

export function saveOpenOrder(show: string, number: string | null): void {
  save(`comptoir.order.${show}`, number);
}

function load(name: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(name) ?? 'null');
  } catch {
    return null;
  }
}

function save(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // A private window without storage.
  }
}
