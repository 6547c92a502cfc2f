import { describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../src/shared/api';
import {
  type Cart,
  count,
  merge,
  parseCart,
  parseServerCart,
  quantityOf,
  withQuantity,
} from '../../src/watch/cart/cart';
import {
  type Attempt,
  parseAttempt,
  parseReceipt,
  place,
} from '../../src/watch/cart/checkout';
import { CartDesk } from '../../src/watch/cart/desk';
import { type Call, Viewer } from '../../src/watch/viewer';

const line = (product: string, quantity: number, variant = 'default') => ({
  product,
  variant,
  quantity,
});
const now = async () => {};

function answers(...list: unknown[]) {
  return vi.fn<Call>(async () => {
    const answer = list.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  });
}

function serverCart(version: number, ...items: ReturnType<typeof line>[]) {
  const priced = items.map((item) => ({ ...item, name: item.product, price_minor: 500 }));
  return { cart: { version, items: priced, total_minor: 500, currency: 'EUR' } };
}

describe('the cart', () => {
  it('adds, changes, bounds and removes', () => {
    let cart = withQuantity([], 'scarf', 'red', 1);
    cart = withQuantity(cart, 'scarf', 'blue', 2);
    expect(withQuantity(cart, 'scarf', 'red', 1e9)[0]).toEqual(line('scarf', 99, 'red'));
    expect(withQuantity(cart, 'scarf', 'red', 0)).toEqual([line('scarf', 2, 'blue')]);
    expect(count(cart)).toBe(3);
    expect([quantityOf(cart, 'scarf'), quantityOf(cart, 'scarf', 'blue')]).toEqual([3, 2]);
    const full = Array.from({ length: 50 }, (_, i) => line(`p${i}`, 1));
    expect(withQuantity(full, 'one-more', 'default', 1)).toBe(full);
    expect(withQuantity(full, 'p3', 'default', 2)[3]?.quantity).toBe(2);
  });

  it('does to theirs what was done here', () => {
    const base = [line('scarf', 2), line('jam', 1)];
    const mine = [line('scarf', 3), line('tea', 1)];
    const theirs = [line('scarf', 5), line('jam', 1), line('oil', 1)];
    expect(merge(base, mine, theirs)).toEqual([line('scarf', 6), line('oil', 1), line('tea', 1)]);
    expect(merge(base, base, theirs)).toEqual(theirs);
    expect(merge([], mine, [])).toEqual(mine);
  });

  it.each([
    [null, []],
    ['x', []],
    [[null, 4, { product: 'a' }, { product: '', quantity: 1 }], []],
    [[{ product: 'a', quantity: 2.9, more: 1 }], [line('a', 2)]],
    [[{ product: 'a', variant: 'red', quantity: 1 }], [line('a', 1, 'red')]],
    [[{ product: 'a', quantity: Number.NaN }, { product: 'b', quantity: -4 }], []],
  ])('reads %j from outside as %j', (given, cart) => {
    expect(parseCart(given)).toEqual(cart);
  });

  it('believes a cart of the server only as far as it is one', () => {
    const cart = parseServerCart({
      version: 3,
      items: [{ product: 'a', quantity: 1, price_minor: 5 }, { product: 'b' }, 7],
      total_minor: 5,
      currency: null,
    });
    expect(cart).toMatchObject({ version: 3, lines: [line('a', 1)], totalMinor: 5 });
    expect([null, {}, { version: -1, items: [] }, { version: 1 }].map(parseServerCart)).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });
});

describe('the cart and the server', () => {
  function desk(call: Call) {
    return new CartDesk('demo', { call }, now);
  }

  it('shows a change at once and then what the server made of it', async () => {
    const call = answers(serverCart(1, line('scarf', 1)));
    const cart = desk(call);
    cart.want([line('scarf', 1)]);
    expect([cart.cart, cart.pending]).toEqual([[line('scarf', 1)], true]);
    await cart.settled();
    expect([cart.pending, cart.seen?.version]).toEqual([false, 1]);
    expect(call.mock.calls[0]).toEqual([
      '/shows/demo/cart',
      { method: 'PUT', body: { items: [line('scarf', 1)] } },
    ]);
  });

  it('sends the newest wish alone after the one under way', async () => {
    const call = answers(serverCart(1, line('scarf', 1)), serverCart(2, line('scarf', 3)));
    const cart = desk(call);
    cart.want([line('scarf', 1)]);
    cart.want([line('scarf', 2)]);
    cart.want([line('scarf', 3)]);
    await cart.settled();
    expect(call.mock.calls.map(([, request]) => request?.body)).toEqual([
      { items: [line('scarf', 1)] },
      { items: [line('scarf', 3)], version: 1 },
    ]);
    expect(cart.cart).toEqual([line('scarf', 3)]);
  });

  it('does its change again upon the cart of whoever was first', async () => {
    const changed = new ApiError(409, 'cart_changed', 'Look again.', 'version');
    const call = answers(
      changed,
      serverCart(7, line('oil', 1)),
      serverCart(8, line('oil', 1), line('scarf', 1)),
    );
    const cart = desk(call);
    cart.want([line('scarf', 1)]);
    await cart.settled();
    expect(call.mock.calls[2]?.[1]?.body).toEqual({
      items: [line('oil', 1), line('scarf', 1)],
      version: 7,
    });
    expect(cart.refusal).toBeNull();
  });

  it('does not take its own echo for a change of somebody else', async () => {
    const call = vi.fn<Call>(async () => {
      cart.hear(parseServerCart(serverCart(1, line('scarf', 1)).cart)!);
      return serverCart(1, line('scarf', 1));
    });
    const cart = desk(call);
    cart.want([line('scarf', 1)]);
    await cart.settled();
    expect([cart.cart, call.mock.calls.length]).toEqual([[line('scarf', 1)], 1]);
  });

  it('keeps what the merchant changed while a wish was under way', async () => {
    const call = vi.fn<Call>(async () => {
      cart.hear(parseServerCart(serverCart(2, line('oil', 1)).cart)!);
      return serverCart(1, line('scarf', 1));
    });
    const cart = desk(call);
    cart.want([line('scarf', 1)]);
    await cart.settled();
    expect([cart.cart, cart.pending]).toEqual([[line('oil', 1)], false]);
  });

  it('knows its own wish again whose answer was lost', async () => {
    const changed = new ApiError(409, 'cart_changed', 'Look again.', 'version');
    const there = serverCart(1, line('scarf', 1));
    const call = answers(new TypeError('lost'), changed, there);
    const cart = desk(call);
    cart.want([line('scarf', 1)]);
    await cart.settled();
    expect([cart.cart, call.mock.calls.length]).toEqual([[line('scarf', 1)], 3]);
  });

  it('goes back to what the server has where it refuses, and says why', async () => {
    const call = answers(
      new ApiError(409, 'sold_out', 'None left.', 'scarf'),
      serverCart(4, line('oil', 1)),
    );
    const cart = desk(call);
    cart.want([line('scarf', 1)]);
    await cart.settled();
    expect(cart.refusal).toEqual({ code: 'sold_out', message: 'None left.', field: 'scarf' });
    expect(cart.cart).toEqual([line('oil', 1)]);
  });

  it('keeps the wish over a lost connection and a garbled answer', async () => {
    const call = answers(new TypeError('lost'), '<html>', serverCart(1, line('scarf', 1)));
    const cart = desk(call);
    cart.want([line('scarf', 1)]);
    await cart.settled();
    expect([call.mock.calls.length, cart.pending]).toEqual([3, false]);
  });

  it('hears what the merchant changes, and nothing older', () => {
    const cart = desk(answers());
    cart.hear(parseServerCart(serverCart(5, line('oil', 2)).cart)!);
    cart.hear(parseServerCart(serverCart(4, line('old', 1)).cart)!);
    expect(cart.cart).toEqual([line('oil', 2)]);
  });
});

describe('placing an order', () => {
  const attempt: Attempt = {
    key: 'k1',
    wanted: {
      items: [line('scarf', 1)],
      bundles: [],
      coupon: null,
      contact: null,
      checkout: null,
      expectMinor: null,
    },
  };
  const taken = {
    order: { number: 'C-1', state: 'confirmed', items: [], total_minor: 1_290, currency: 'EUR' },
  };

  it('tells the number, and asks for what was agreed to', async () => {
    const call = answers(taken);
    const whole = { ...attempt.wanted, coupon: 'LIVE10', expectMinor: 1_290 };
    await expect(place('demo', { key: 'k1', wanted: whole }, { call }, now)).resolves.toMatchObject({
      kind: 'placed',
      receipt: { number: 'C-1', totalMinor: 1_290, currency: 'EUR', state: 'confirmed' },
    });
    expect(call.mock.calls[0]).toEqual([
      '/shows/demo/orders',
      {
        method: 'POST',
        headers: { 'Idempotency-Key': 'k1' },
        body: { items: whole.items, coupon: 'LIVE10', expect_total_minor: 1_290 },
      },
    ]);
  });

  it('keeps the key over a lost connection, a restart and a garbled answer', async () => {
    const call = answers(new TypeError('lost'), new ApiError(503, '', '', null), '<html>', taken);
    await expect(place('demo', attempt, { call }, now)).resolves.toMatchObject({ kind: 'placed' });
    const keys = call.mock.calls.map(([, request]) => request?.headers?.['Idempotency-Key']);
    expect(keys).toEqual(['k1', 'k1', 'k1', 'k1']);
  });

  it('does not pretend to know what nobody answered', async () => {
    const call = vi.fn<Call>(async () => Promise.reject(new TypeError('lost')));
    await expect(place('demo', attempt, { call }, now)).resolves.toEqual({ kind: 'unknown' });
    expect(call).toHaveBeenCalledTimes(6);
  });

  it.each([
    [409, 'sold_out', 'scarf', { kind: 'sold-out', product: 'scarf' }],
    [409, 'price_changed', null, { kind: 'price-changed', message: 'No.' }],
    [409, 'offer_over', null, { kind: 'offer-over', message: 'No.' }],
    [422, 'bad', null, { kind: 'refused', message: 'No.' }],
  ])('tells %s %s without another try', async (status, code, field, outcome) => {
    const call = answers(new ApiError(status, code, 'No.', field));
    await expect(place('demo', attempt, { call }, now)).resolves.toEqual(outcome);
    expect(call).toHaveBeenCalledTimes(1);
  });

  it.each([null, {}, { ...taken.order, total_minor: -1 }, { ...taken.order, number: '' }])(
    'is not confirmed by %j',
    (value) => {
      expect(() => parseReceipt(value)).toThrow(/not an order/);
    },
  );

  it('goes to pay at addresses of the web alone', () => {
    const urls = ['https://pay.example/1', 'javascript:alert(1)', '//x', 7].map(
      (url) => parseReceipt({ ...taken.order, checkout_url: url }).checkoutUrl,
    );
    expect(urls).toEqual(['https://pay.example/1', null, null, null]);
  });

  it('recalls an open attempt', () => {
    expect(parseAttempt(JSON.parse(JSON.stringify(attempt)))).toEqual(attempt);
    const none = [null, {}, { key: '' }, 'k', { key: 'k', items: [] }].map(parseAttempt);
    expect(none).toEqual([null, null, null, null, null]);
  });
});

describe('the viewer', () => {
  const paths = (call: ReturnType<typeof answers>) => call.mock.calls.map(([path]) => path);

  it('asks for a session once a page, and again where it has run out', async () => {
    const call = answers(null, 'a', 'b', new ApiError(401, 'no_viewer', '', null), null, 'c');
    const viewer = new Viewer(call);
    const introduced = vi.fn();
    viewer.onIntroduced = introduced;
    await expect(viewer.call('/x', {})).resolves.toBe('a');
    await expect(viewer.call('/y', {})).resolves.toBe('b');
    await expect(viewer.call('/z', {})).resolves.toBe('c');
    expect(paths(call)).toEqual(['/viewer', '/x', '/y', '/z', '/viewer', '/z']);
    expect(introduced).toHaveBeenCalledTimes(2);
  });

  it('does not ask for sessions for ever', async () => {
    const call = answers(null, new ApiError(403, 'banned', 'No.', null));
    await expect(new Viewer(call).call('/x', {})).rejects.toMatchObject({ code: 'banned' });
  });

  it('asks once for many at once', async () => {
    const call = answers(null, 1, 2);
    const viewer = new Viewer(call);
    const cart: Cart = [];
    await Promise.all([viewer.call('/x', { body: cart }), viewer.call('/y', {})]);
    expect(paths(call).filter((path) => path === '/viewer')).toHaveLength(1);
  });
});
