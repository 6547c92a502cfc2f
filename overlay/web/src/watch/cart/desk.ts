/**
 * The cart, here and at the server: a change shows at once, is sent as one wish at a time, and what
 * others changed meanwhile (another tab, the merchant) is kept.
 *
 * Nothing is queued but the newest wish. Without an answer it is sent again, spread by `backoffMs`;
 * a refusal takes the page back to the server's cart and is told.
 */

import { ApiError } from '../../shared/api';
import { backoffMs } from '../../shared/backoff';
import { asMap, textOr } from '../../shared/checks';
import type { Viewer } from '../viewer';
import { type Cart, type ServerCart, merge, parseServerCart, sameCart, wanted } from './cart';

export interface Refusal {
  readonly code: string;
  readonly message: string;
  /** The product that it is about. */
  readonly field: string | null;
}

type Pause = (ms: number) => Promise<void>;

export class CartDesk {
  /** As this page wants it. */
  cart: Cart = [];
  /** As the server said last. */
  seen: ServerCart | null = null;
  /** How the show takes orders: `form`, or elsewhere; null while unknown. */
  checkout: string | null = null;
  refusal: Refusal | null = null;
  /** True while the server has not taken the newest wish. */
  pending = false;
  onChange: () => void = () => {};
  /** The server's cart that `cart` was made from. */
  private base: Cart = [];
  private sending: Promise<void> | null = null;
  /** Heard while a wish was under way, whose own echo it may be: judged after its answer. */
  private heard: ServerCart | null = null;

  constructor(
    private readonly show: string,
    private readonly viewer: Pick<Viewer, 'call'>,
    private readonly pause: Pause = wait,
  ) {}

  /** Shows `cart` at once and sends it. */
  want(cart: Cart): void {
    this.refusal = null;
    this.cart = cart;
    this.pending = true;
    this.onChange();
    this.sending ??= this.send().finally(() => (this.sending = null));
  }

  /** The server's cart has changed, by whomever: this page's own wish among them. */
  hear(cart: ServerCart): void {
    if (!this.pending) this.become(cart);
    else if (this.heard === null || this.heard.version < cart.version) this.heard = cart;
  }

  /** Asks for the server's cart. What cannot be had now stays as it was. */
  async reload(): Promise<void> {
    if (this.pending) return;
    const cart = this.read(await this.viewer.call(this.path, {}).catch(() => null));
    if (cart !== null) this.hear(cart);
  }

  /** Resolves when the server has the newest wish, or has refused it. */
  async settled(): Promise<void> {
    while (this.sending !== null) await this.sending;
  }

  private get path(): string {
    return `/shows/${this.show}/cart`;
  }

  private async send(): Promise<void> {
    for (let failures = 0; this.pending;) {
      const sent = this.cart;
      try {
        const answer = await this.viewer.call(this.path, { method: 'PUT', body: this.wish(sent) });
        this.take(this.read(answer), sent);
        failures = 0;
      } catch (error) {
        if (error instanceof ApiError && !error.passing) await this.refused(error, sent);
        else await this.pause(backoffMs(failures++, Math.random()));
      }
      this.catchUp();
    }
  }

  private become(cart: ServerCart): void {
    if (this.seen !== null && cart.version < this.seen.version) return;
    const theirs = wanted(cart);
    this.cart = this.pending ? merge(this.base, this.cart, theirs) : theirs;
    this.base = theirs;
    this.seen = cart;
    this.onChange();
  }

  /** Only after an answer is it known whose cart a newer one is. */
  private catchUp(): void {
    const { heard, seen } = this;
    if (heard === null || seen === null) return;
    this.heard = null;
    if (heard.version > seen.version) this.become(heard);
  }

  private read(answer: unknown): ServerCart | null {
    const map = asMap(answer);
    this.checkout = textOr(map?.['checkout'], this.checkout);
    return parseServerCart(map?.['cart']);
  }

  private wish(items: Cart): object {
    return { items, ...(this.seen === null ? {} : { version: this.seen.version }) };
  }

  private take(cart: ServerCart | null, sent: Cart): void {
    if (cart === null) throw new Error('the server sent something that is not a cart');
    this.base = sent;
    this.pending = !sameCart(this.cart, sent);
    this.become(cart);
  }

  /**
   * Somebody else was first: once more, upon theirs; unless theirs is what was sent, by an attempt
   * whose answer was lost. Anything else is the server's last word.
   */
  private async refused(error: ApiError, sent: Cart): Promise<void> {
    const { code, message, field } = error;
    const cart = this.read(await this.viewer.call(this.path, {}).catch(() => null));
    if (code === 'cart_changed' && cart !== null) {
      if (sameCart(wanted(cart), sent)) this.take(cart, sent);
      else this.become(cart);
      return;
    }
    this.pending = false;
    this.refusal = { code, message: message || code, field };
    this.cart = this.base;
    if (cart !== null) this.become(cart);
    this.onChange();
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
