/**
 * The watch page in a merchant's frame: asks the page around it before something goes into the cart,
 * and does what that page says. Which pages may frame it is the server's to say (`frame-ancestors`).
 */

import {
  ANSWER_WITHIN_MS,
  EVENT,
  type EventName,
  type FromFrame,
  type Verdict,
  sealed,
  unsealed,
} from '../embed/protocol';
import { asMap, isText, texts, textOr } from '../shared/checks';
import type { Product, Variant } from '../shared/product';
import { newId } from '../shared/random';
import type { ShowFeed } from '../shared/show-feed';
import { parseCart } from './cart/cart';
import type { ShopWindow } from './shop-window';

const MAX_LISTENS = 16;
const BUTTONS = ['cart', 'product', 'checkout'] as const;

export function connectParent(shop: ShopWindow, feed: ShowFeed): void {
  if (window.parent !== window) new Embedded(shop, feed).start();
}

class Embedded {
  /** The parent's origin, from its first word on. */
  private origin: string | null = null;
  private listens: readonly string[] = [];
  private currency: string | null = null;
  private readonly open = new Map<string, (verdict: Verdict) => void>();

  constructor(
    private readonly shop: ShopWindow,
    private readonly feed: ShowFeed,
  ) {}

  start(): void {
    addEventListener('message', (event) => this.hear(event));
    const { cart } = this.shop.counter;
    const add = this.shop.onAdd;
    this.shop.onAdd = (product, variant) => void this.add(product, variant, add);
    cart.onCheckout = () => this.checkout();
    this.shop.onCart = () =>
      this.tell(EVENT.CART_CHANGED, { items: cart.desk.cart, total_minor: cart.desk.seen?.totalMinor });
    this.shop.counter.player.addEventListener('statechange', (event) =>
      this.tell(EVENT.STATE, { ...(event as CustomEvent<object>).detail }),
    );
    // The page around may not be ready: it says hello, and hears this again.
    this.tell(EVENT.READY, {});
  }

  private hear({ source, origin, data }: MessageEvent): void {
    if (source !== window.parent || (this.origin !== null && origin !== this.origin)) return;
    const message = unsealed(data);
    if (message === null) return;
    this.origin = origin;
    this.obey(message);
  }

  private obey(message: Record<string, unknown>): void {
    const { cart } = this.shop.counter;
    switch (message['type']) {
      case 'hello':
        this.listens = texts(message['listens'], MAX_LISTENS);
        return;
      case 'configure':
        this.configure(asMap(message['settings']) ?? {});
        return;
      case 'answer': {
        const { success, reason } = asMap(message['verdict']) ?? {};
        const verdict = { success: success === true, reason: textOr(reason, null) };
        this.open.get(String(message['id']))?.(verdict);
        return;
      }
      case 'product':
        this.shop.override(String(message['id']), asMap(message['change']) ?? {});
        return;
      case 'cart':
        cart.desk.want(parseCart(message['items']));
        return;
      case 'checkout':
        cart.showCheckout(message['url']);
    }
  }

  private configure({ currency, buttons }: Record<string, unknown>): void {
    this.currency = isText(currency) ? currency : null;
    const wanted = asMap(buttons) ?? {};
    for (const name of BUTTONS) {
      document.body.classList.toggle(`hide-${name}`, wanted[name] === 'hide');
    }
  }

  private async add(
    product: Product,
    variant: Variant,
    put: (product: Product, variant: Variant) => void,
  ): Promise<void> {
    if (this.currency !== null && product.currency !== this.currency) {
      this.shop.counter.cart.refuse('currency', product.id);
      return;
    }
    if (this.listens.includes(EVENT.ADD_TO_CART)) {
      const { success, reason } = await this.ask(EVENT.ADD_TO_CART, {
        product: product.id,
        variant: variant.id,
        name: product.name,
        options: variant.options,
        quantity: 1,
        price_minor: variant.priceMinor,
        currency: product.currency,
      });
      if (!success) {
        this.shop.counter.cart.refuse(reason ?? 'refused', product.id);
        return;
      }
    }
    put(product, variant);
  }

  /** True where the page around sees to it. */
  private checkout(): boolean {
    if (!this.listens.includes(EVENT.CHECKOUT)) return false;
    const { cart } = this.shop.counter;
    void this.ask(EVENT.CHECKOUT, { items: cart.desk.cart }).then(({ success, reason }) => {
      if (!success) cart.refuse(reason ?? 'refused', null);
    });
    return true;
  }

  private ask(name: EventName, detail: Record<string, unknown>): Promise<Verdict> {
    const id = newId();
    return new Promise<Verdict>((resolve) => {
      const late = () => resolve({ success: false, reason: 'timeout' });
      const timer = window.setTimeout(late, ANSWER_WITHIN_MS);
      this.open.set(id, (verdict) => {
        clearTimeout(timer);
        resolve(verdict);
      });
      this.post({ type: 'event', name, id, detail });
    }).finally(() => this.open.delete(id));
  }

  private tell(name: EventName, detail: Record<string, unknown>): void {
    const { air } = this.feed.model;
    this.post({ type: 'event', name, id: null, detail: { show: air?.show ?? null, ...detail } });
  }

  /** Nothing secret is in it: before the first hello the parent's origin is not known. */
  private post(message: FromFrame): void {
    window.parent.postMessage(sealed(message), this.origin ?? '*');
  }
}
