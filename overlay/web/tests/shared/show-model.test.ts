import { describe, expect, it } from 'vitest';

import { pictureUrl } from '../../src/shared/checks';
import { money } from '../../src/shared/money';
import { parseProduct } from '../../src/shared/product';
import { parseCue } from '../../src/shared/shop';
import {
  type Message,
  NOTHING_KNOWN,
  type ShowModel,
  absorb,
  fold,
  parseMessage,
  parseSnapshot,
} from '../../src/shared/show-model';

const product = {
  id: 'scarf',
  name: 'Scarf',
  facts: ['Silk'],
  picture: '/demo/scarf.svg',
  price_minor: 12_900,
  currency: 'EUR',
  seller: 'Léa',
  returns: '30 days',
  available: 3,
  sold_out: false,
};
const cue = {
  id: 'c1',
  revision: 1,
  type: 'pin',
  media_epoch: 'e1',
  pts: 450_000,
  duration: 900_000,
  product: 'scarf',
  ends: null,
};
const state = {
  show: 'demo',
  title: 'Demo',
  state: 'live',
  epoch: 'e1',
  anchor_utc_us: 1_700_000_000_000_000,
  log: { epoch: 'L', offset: 4 },
  products: { scarf: product },
  cues: [cue],
};

function hear(model: ShowModel, ...messages: object[]): ShowModel | 'gap' {
  return messages.reduce<ShowModel | 'gap'>((now, message) => {
    const parsed = parseMessage({ ...message });
    return now === 'gap' || parsed === null ? now : fold(now, parsed);
  }, model);
}

function known(): ShowModel {
  return hear(NOTHING_KNOWN, {
    type: 'hello',
    epoch: 'L',
    offset: 4,
    recovered: false,
    state,
  }) as ShowModel;
}

function event(offset: number, kind: string, data: object, epoch = 'L'): object {
  return { type: 'event', epoch, offset, event: kind, data };
}

describe('what a page knows of a show', () => {
  it('begins with the snapshot of the hello', () => {
    const model = known();
    expect(model.air).toEqual({
      show: 'demo',
      title: 'Demo',
      state: 'live',
      epoch: 'e1',
      poster: false,
    });
    expect(model.anchor).toEqual({ epoch: 'e1', utcUs: 1_700_000_000_000_000 });
    expect(model.log).toEqual({ epoch: 'L', offset: 4 });
    expect(model.products.get('scarf')?.priceMinor).toBe(12_900);
    expect(model.cues).toHaveLength(1);
  });

  it('follows events in order and ignores what it knows', () => {
    const next = { ...cue, id: 'c2' };
    const model = hear(
      known(),
      event(5, 'cue', next),
      event(5, 'cue', next),
      event(6, 'stock', { product: 'scarf', available: 0, sold_out: true }),
      event(7, 'order', { product: 'scarf', quantity: 1 }),
      event(3, 'product_gone', { id: 'scarf' }),
    ) as ShowModel;
    expect(model.log?.offset).toBe(7);
    expect(model.cues.map(({ id }) => id)).toEqual(['c1', 'c2']);
    expect(model.products.get('scarf')).toMatchObject({ available: 0, soldOut: true });
    const gone = hear(model, event(8, 'product_gone', { id: 'scarf' })) as ShowModel;
    expect(gone.products.size).toBe(0);
    const back = hear(gone, event(9, 'product', product)) as ShowModel;
    expect(back.products.get('scarf')?.available).toBe(3);
  });

  it('changes nothing for what it cannot read, and goes on', () => {
    const model = hear(
      known(),
      event(5, 'stock', { product: 'scarf', available: -1 }),
      event(6, 'cue', { ...cue, pts: 'soon' }),
      event(7, 'stock', { product: 'nothing', available: 1 }),
      event(8, 'some future event', {}),
    ) as ShowModel;
    expect(model.products).toEqual(known().products);
    expect(model.cues).toEqual(known().cues);
    expect(model.log?.offset).toBe(8);
  });

  it('sees a gap, another log, and a recovery that is not its own', () => {
    expect(hear(known(), event(6, 'order', {}))).toBe('gap');
    expect(hear(known(), event(5, 'order', {}, 'other'))).toBe('gap');
    expect(hear(NOTHING_KNOWN, event(1, 'order', {}))).toBe('gap');
    const hello = { type: 'hello', offset: 9, recovered: true, state: null };
    expect(hear(known(), { ...hello, epoch: 'other' })).toBe('gap');
    const model = known();
    expect(hear(model, { ...hello, epoch: 'L' })).toBe(model);
  });

  it('starts over with the snapshot of another log', () => {
    const other = { ...state, log: { epoch: 'M', offset: 1 }, products: {}, cues: [] };
    const model = hear(known(), {
      type: 'hello',
      epoch: 'M',
      offset: 1,
      recovered: false,
      state: other,
    }) as ShowModel;
    expect(model.products.size).toBe(0);
    expect(model.log).toEqual({ epoch: 'M', offset: 1 });
  });

  it('takes the air state at once and keeps the rest', () => {
    const model = hear(known(), { type: 'air', state: 'live', epoch: 'e2' }) as ShowModel;
    expect(model.air).toMatchObject({ epoch: 'e2', title: 'Demo' });
    expect(model.anchor?.epoch).toBe('e1');
    expect(hear(model, { type: 'air', state: 'odd', epoch: 'e3' })).toBe(model);
  });

  it('never goes back to an older fetched snapshot, but believes its air', () => {
    const ahead = hear(known(), event(5, 'product_gone', { id: 'scarf' })) as ShowModel;
    const fetched = parseSnapshot({ ...state, state: 'away' });
    const model = absorb(ahead, fetched);
    expect(model.products.size).toBe(0);
    expect(model.log?.offset).toBe(5);
    expect(model.air?.state).toBe('away');
    expect(absorb(known(), fetched)).toBe(fetched);
  });

  it('follows variants, offers and the rehearsal', () => {
    const offer = { id: 'o1', kind: 'flash', state: 'running', product: 'scarf', currency: 'EUR' };
    const model = hear(
      known(),
      event(5, 'stock', { product: 'scarf', variant: 'default', available: 1, sold_out: false }),
      event(6, 'offer', { ...offer, quota: 9, left: 9 }),
      event(7, 'offer_left', { offer: 'o1', left: 4 }),
      event(8, 'offer_left', { offer: 'unknown', left: 4 }),
      event(9, 'rehearsal', { on: true }),
    ) as ShowModel;
    expect(model.products.get('scarf')?.variants[0]?.available).toBe(1);
    expect([model.offers.get('o1')?.left, model.rehearsal]).toEqual([4, true]);
    const gone = hear(model, event(10, 'offer_gone', { id: 'o1' })) as ShowModel;
    expect(gone.offers.size).toBe(0);
    expect(hear(gone, event(11, 'rehearsal', { on: false }))).toBe('gap');
  });

  it('hears what is for this viewer alone', () => {
    const message: Message = { kind: 'cart', cart: { version: 1 } };
    expect(parseMessage({ type: 'cart', cart: { version: 1 } })).toEqual(message);
    expect(fold(NOTHING_KNOWN, message)).toBe(NOTHING_KNOWN);
  });

  it.each([{}, { type: 'hello' }, { type: 'event' }, { type: 'clock', t: 'x' }])(
    'hears nothing in %j',
    (fields) => {
      expect(parseMessage(fields)).toBeNull();
    },
  );

  it('hears the clock', () => {
    const message: Message = { kind: 'clock', sentMs: 5, serverMs: 9 };
    expect(parseMessage({ type: 'clock', t: 5, server_ms: 9 })).toEqual(message);
    expect(fold(NOTHING_KNOWN, message)).toBe(NOTHING_KNOWN);
  });
});

describe('products and cues', () => {
  it.each([
    [{ ...product, id: '' }],
    [{ ...product, price_minor: 1.5 }],
    [{ ...product, price_minor: '12' }],
    [{ ...product, currency: 'euro' }],
    [{ ...product, available: -1 }],
    [null],
  ])('are not made of %j', (value) => {
    expect(parseProduct(value)).toBeNull();
    expect(parseCue(value)).toBeNull();
  });

  it('are sold out when none is left, whatever else is said', () => {
    expect(parseProduct({ ...product, available: 0 })?.soldOut).toBe(true);
  });

  it.each([
    ['/demo/a.svg', true],
    ['https://example.org/a.png', true],
    ['http://example.org/a.png', true],
    ['//example.org/a.png', false],
    ['/\\example.org/a.png', false],
    ['javascript:alert(1)', false],
    ['data:image/png;base64,AA', false],
    ['https:///x', false],
    ['a.png', false],
    [null, false],
  ])('show the picture %j: %j', (address, shown) => {
    expect(pictureUrl(address)).toBe(shown ? address : null);
  });

  it('say prices with the decimals of the currency', () => {
    expect(money(1_290, 'EUR')).toBe('€12.90');
    expect(money(1_290, 'JPY')).toBe('¥1,290');
  });
});
