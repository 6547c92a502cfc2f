/**
 * What the merchant's page and the player in its frame say to each other, by `postMessage`. Both ends
 * check who speaks: the page hears its own frame alone, at the server's origin; the frame hears its own
 * parent alone, and from the first word on one origin of it.
 */

import { asMap, isText } from '../shared/checks';

export const EVENT = {
  /** The player has come up. */
  READY: 'ready',
  /** How the show fares: `connecting` `waiting` `live` … */
  STATE: 'state',
  /** The viewer wants something in the cart: answer by the callback. */
  ADD_TO_CART: 'add-to-cart',
  /** The cart has changed, by whomever. */
  CART_CHANGED: 'cart-changed',
  /** The viewer wants to pay: answer by the callback, or call `showCheckout`. */
  CHECKOUT: 'checkout',
} as const;

export type EventName = (typeof EVENT)[keyof typeof EVENT];

export interface Settings {
  /** ISO 4217: what is sold in another one cannot be put into the cart. */
  readonly currency?: string;
  /** `en` or `fr`. */
  readonly locale?: string;
  readonly buttons?: {
    readonly cart?: 'show' | 'hide';
    readonly product?: 'show' | 'hide';
    readonly checkout?: 'show' | 'hide';
  };
}

/** The answer to a question: taken, or not and why. */
export interface Verdict {
  readonly success: boolean;
  /** `out-of-stock`, `timeout`, or a word of the merchant's. */
  readonly reason: string | null;
}

export type FromPage =
  | { readonly type: 'hello'; readonly listens: readonly string[] }
  | { readonly type: 'configure'; readonly settings: Settings }
  | { readonly type: 'answer'; readonly id: string; readonly verdict: Verdict }
  | { readonly type: 'product'; readonly id: string; readonly change: Record<string, unknown> }
  | { readonly type: 'cart'; readonly items: unknown }
  | { readonly type: 'checkout'; readonly url: string | null };

export type FromFrame = {
  readonly type: 'event';
  readonly name: EventName;
  /** Where an answer is awaited. */
  readonly id: string | null;
  readonly detail: Record<string, unknown>;
};

export const ANSWER_WITHIN_MS = 30_000;
const MARK = 'comptoir.v1';

/** A message as it goes out. */
export function sealed(message: FromPage | FromFrame): object {
  return { [MARK]: message };
}

/** The message within, or null where it is none of ours. */
export function unsealed(data: unknown): Record<string, unknown> | null {
  const message = asMap(asMap(data)?.[MARK]);
  return message !== null && isText(message['type']) ? message : null;
}

/** `true`, `false` or `{success, reason}`: anything else is a no. */
export function verdictOf(answer: unknown): Verdict {
  if (answer === true) return { success: true, reason: null };
  const map = asMap(answer);
  const success = map?.['success'] === true;
  const reason = map?.['reason'];
  return { success, reason: success ? null : isText(reason) ? reason.slice(0, 100) : 'refused' };
}
