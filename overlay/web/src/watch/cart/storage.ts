/** The cart between visits, one a show. Storage may be forbidden: then for this visit only. */

import { type Cart, parseCart } from './cart';
import { type Attempt, parseAttempt } from './checkout';

export function loadCart(show: string): Cart {
  return parseCart(load(`comptoir.cart.${show}`));
}

export function saveCart(show: string, cart: Cart): void {
  save(`comptoir.cart.${show}`, cart.length === 0 ? null : cart);
}

/** The order that was sent and not answered. */
export function loadAttempt(show: string): Attempt | null {
  return parseAttempt(load(`comptoir.attempt.${show}`));
}

export function saveAttempt(show: string, attempt: Attempt | null): void {
  save(`comptoir.attempt.${show}`, attempt);
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
