import { describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../src/shared/api';
import { parseProduct } from '../../src/shared/shop';
import { count, parseCart, sums, withQuantity, without } from '../../src/watch/cart/cart';
import { type Call, parseAttempt, parseReceipt, place } from '../../src/watch/cart/checkout';

const scarf = parseProduct({
  id: 'scarf',
  name: 'Scarf',
  price_minor: 1_290,
  currency: 'EUR',
  available: 3,
})!;

describe('the cart', () => {
  it('adds, changes, bounds and removes', () => {
    let cart = withQuantity([], 'scarf', 1);
    cart = withQuantity(cart, 'jam', 2);
    expect(withQuantity(cart, 'scarf', 1e9)[0]).toEqual({ product: 'scarf', quantity: 99 });
    expect(withQuantity(cart, 'scarf', 0)).toEqual([{ product: 'jam', quantity: 2 }]);
    expect(count(cart)).toBe(3);
    const full = Array.from({ length: 50 }, (_, i) => ({ product: `p${i}`, quantity: 1 }));
    expect(withQuantity(full, 'one-more', 1)).toBe(full);
    expect(withQuantity(full, 'p3', 2)[3]?.quantity).toBe(2);
  });

  it('keeps what was added while an order was under way', () => {
    const ordered = [{ product: 'scarf', quantity: 2 }];
    const now = [
      { product: 'scarf', quantity: 3 },
      { product: 'jam', quantity: 1 },
    ];
    expect(without(now, ordered)).toEqual([
      { product: 'scarf', quantity: 1 },
      { product: 'jam', quantity: 1 },
    ]);
    expect(without(ordered, ordered)).toEqual([]);
  });

  it('adds up by currency, without what is gone', () => {
    const products = new Map([
      ['scarf', scarf],
      ['tea', { ...scarf, id: 'tea', currency: 'CHF', priceMinor: 5 }],
    ]);
    const cart = ['scarf', 'gone', 'tea'].map((product) => ({ product, quantity: 2 }));
    expect(sums(cart, products)).toEqual([
      { currency: 'EUR', minor: 2_580 },
      { currency: 'CHF', minor: 10 },
    ]);
  });

  it.each([
    [null, []],
    ['x', []],
    [
      [null, 4, { product: 'a' }, { product: 'a', quantity: 'b' }, { product: '', quantity: 1 }],
      [],
    ],
    [[{ product: 'a', quantity: 2.9, more: 1 }], [{ product: 'a', quantity: 2 }]],
    [
      [
        { product: 'a', quantity: Number.NaN },
        { product: 'b', quantity: -4 },
      ],
      [],
    ],
  ])('reads %j from storage as %j', (stored, cart) => {
    expect(parseCart(stored)).toEqual(cart);
  });
});

describe('placing an order', () => {
  const attempt = { key: 'k1', items: [{ product: 'scarf', quantity: 1 }] };
  const taken = { order: { number: 'C-1', items: [], total_minor: 1_290, currency: 'EUR' } };
  const now = async () => {};

  function answers(...list: unknown[]) {
    return vi.fn<Call>(async () => {
      const answer = list.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    });
  }

  const known = () => ({ known: true });

  it('tells the number', async () => {
    const call = answers(taken);
    await expect(place('demo', attempt, known(), call, now)).resolves.toEqual({
      kind: 'placed',
      receipt: { number: 'C-1', totalMinor: 1_290, currency: 'EUR' },
    });
    expect(call.mock.calls[0]).toEqual([
      '/shows/demo/orders',
      { method: 'POST', headers: { 'Idempotency-Key': 'k1' }, body: { items: attempt.items } },
    ]);
  });

  it('keeps the key over a lost connection, a restart and a garbled answer', async () => {
    const call = answers(new TypeError('lost'), new ApiError(503, '', '', null), '<html>', taken);
    await expect(place('demo', attempt, known(), call, now)).resolves.toMatchObject({
      kind: 'placed',
    });
    const keys = call.mock.calls.map(([, request]) => request?.headers?.['Idempotency-Key']);
    expect(keys).toEqual(['k1', 'k1', 'k1', 'k1']);
  });

  it('does not pretend to know what nobody answered', async () => {
    const call = vi.fn<Call>(async () => Promise.reject(new TypeError('lost')));
    await expect(place('demo', attempt, known(), call, now)).resolves.toEqual({ kind: 'unknown' });
    expect(call).toHaveBeenCalledTimes(6);
  });

  it('asks for a viewer session once a page, and again where it has run out', async () => {
    const viewer = { known: false };
    const paths = (call: ReturnType<typeof answers>) => call.mock.calls.map(([path]) => path);
    const first = answers(null, taken);
    await expect(place('demo', attempt, viewer, first, now)).resolves.toMatchObject({
      kind: 'placed',
    });
    expect(paths(first)).toEqual(['/viewer', '/shows/demo/orders']);
    const later = answers(new ApiError(401, 'no_viewer', '', null), null, taken);
    await expect(place('demo', attempt, viewer, later, now)).resolves.toMatchObject({
      kind: 'placed',
    });
    expect(paths(later)).toEqual(['/shows/demo/orders', '/viewer', '/shows/demo/orders']);
  });

  it('does not ask for sessions for ever', async () => {
    const call = answers(null, new ApiError(403, 'banned', 'No.', null));
    await expect(place('demo', attempt, { known: false }, call, now)).resolves.toEqual({
      kind: 'refused',
      message: 'No.',
    });
  });

  it('tells what is sold out, and other refusals, without another try', async () => {
    const soldOut = answers(new ApiError(409, 'sold_out', 'None left.', 'scarf'));
    await expect(place('demo', attempt, known(), soldOut, now)).resolves.toEqual({
      kind: 'sold-out',
      product: 'scarf',
    });
    const refused = answers(new ApiError(422, 'bad', 'No such product.', null));
    await expect(place('demo', attempt, known(), refused, now)).resolves.toEqual({
      kind: 'refused',
      message: 'No such product.',
    });
    expect(refused).toHaveBeenCalledTimes(1);
  });

  it.each([null, {}, { order: {} }, { order: { ...taken.order, total_minor: -1 } }])(
    'is not confirmed by %j',
    (value) => {
      expect(() => parseReceipt(value)).toThrow(/not an order/);
    },
  );

  it('recalls an open attempt', () => {
    expect(parseAttempt(JSON.parse(JSON.stringify(attempt)))).toEqual(attempt);
    expect([null, {}, { key: '' }, 'k'].map(parseAttempt)).toEqual([null, null, null, null]);
  });
});
