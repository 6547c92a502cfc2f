import { describe, expect, it } from 'vitest';

import { draftOf } from '../../src/studio/shop/offer-form';
import { parseOrder } from '../../src/studio/shop/orders-panel';
import { type RunItem, changed, moved, parseRun } from '../../src/studio/shop/run';
import { parseStocks, stockKey, typedStock } from '../../src/studio/shop/stock';

const item = (id: string, more: Partial<RunItem> = {}): RunItem => ({
  id,
  title: id,
  note: '',
  products: [],
  done: false,
  ...more,
});
const run = ['a', 'b', 'c'].map((id) => item(id));
const ids = (list: readonly RunItem[]) => list.map(({ id }) => id).join('');

describe('the run of show', () => {
  it('moves a moment to a place', () => {
    expect(ids(moved(run, 'a', 1))).toBe('bac');
    expect(ids(moved(run, 'c', 0))).toBe('cab');
    expect(ids(moved(run, 'a', 99))).toBe('bca');
    expect(ids(moved(run, 'a', -1))).toBe('abc');
    expect(moved(run, 'none', 0)).toBe(run);
  });

  it('changes one moment alone', () => {
    expect(changed(run, 'b', { done: true }).map(({ done }) => done)).toEqual([false, true, false]);
  });

  it('is read from either form of the answer, with three products at most', () => {
    const items = [{ id: 'a', title: 'A', products: ['1', '2', '3', '4'], done: true }, {}, null];
    const read = [item('a', { title: 'A', products: ['1', '2', '3'], done: true })];
    expect(parseRun({ items })).toEqual(read);
    expect(parseRun({ run: { items } })).toEqual(read);
    expect([null, {}, { items: 'x' }].map(parseRun)).toEqual([[], [], []]);
  });
});

function form(fields: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
}

describe('a new offer', () => {
  it('says what its kind needs and nothing that was left empty', () => {
    const given = form({ product: 'honey', percent: '20', minutes: '0.5', quota: '', title: ' ' });
    expect(draftOf('flash', given, 'EUR')).toEqual({
      terms: { kind: 'flash', currency: 'EUR', product: 'honey', percent_off: 20 },
      durationMs: 30_000,
    });
    const coupon = form({ percent: '10', least: '30.5', minutes: '5', quota: '100' });
    expect(draftOf('coupon', coupon, 'EUR').terms).toEqual({
      kind: 'coupon',
      currency: 'EUR',
      quota: 100,
      percent_off: 10,
      least_total_minor: 3_050,
      shared_code: true,
    });
  });

  it('names variants, and knows a currency without cents', () => {
    const given = form({ product: 'jar default', second: 'apron s-red', price: '22', minutes: '5' });
    expect(draftOf('bundle', given, 'JPY').terms).toMatchObject({
      items: [
        { product: 'jar', variant: 'default', quantity: 1 },
        { product: 'apron', variant: 's-red', quantity: 1 },
      ],
      price_minor: 22,
    });
    const gift = form({ product: 'oil', second: 'apron s-red', minutes: '5' });
    expect(draftOf('gift', gift, 'EUR').terms).toMatchObject({
      product: 'oil',
      gift: { product: 'apron', variant: 's-red' },
    });
  });
});

describe('an order in the list', () => {
  it('is told in words', () => {
    const [row] = parseOrder({
      number: 'A-1',
      state: 'held',
      utc_us: 5,
      total_minor: 900,
      currency: 'EUR',
      contact: { email: 'ada@example.org' },
      items: [{ quantity: 2, name: 'Apron', choice: 'S' }],
    });
    expect(row).toMatchObject({ what: '2 × Apron, S', who: 'ada@example.org', state: 'held' });
    expect([null, {}, { number: 'A', state: 'odd', currency: 'EUR' }].flatMap(parseOrder)).toEqual([]);
  });
});

describe('the stock of a variant', () => {
  it('is read from the answer, without what is not in order', () => {
    const good = { product: 'oil', variant: 'default', stock: 9, available: 4, held: 2, sold: 3 };
    const read = parseStocks({ stock: [good, null, {}, { ...good, variant: 'x', sold: -1 }] });
    expect([...read]).toEqual([[stockKey('oil', 'default'), { inAll: 9, held: 2, sold: 3 }]]);
    expect([null, {}, { stock: 'x' }].map((plain) => parseStocks(plain).size)).toEqual([0, 0, 0]);
  });

  it('is a whole number that the shop can hold', () => {
    expect([' 12 ', '0', '10000000'].map(typedStock)).toEqual([12, 0, 10_000_000]);
    const wrong = ['', '-1', '1.5', '1e3', 'many', '10000001', '99999999999999999999'];
    expect(wrong.map(typedStock)).toEqual(wrong.map(() => null));
  });
});
