import { describe, expect, it } from 'vitest';

import {
  type Offer,
  bestFlash,
  concerns,
  countdown,
  flashPrice,
  parseOffer,
  phaseAt,
  untilMs,
} from '../../src/shared/offers';
import { parseProduct } from '../../src/shared/product';

const SECOND = 90_000;
const jar = parseProduct({
  id: 'jar',
  name: 'Jar',
  price_minor: 999,
  currency: 'EUR',
  available: 4,
})!;
const only = jar.variants[0]!;

function offer(more: object = {}): Offer {
  return parseOffer({
    id: 'o1',
    kind: 'flash',
    state: 'running',
    product: 'jar',
    percent_off: 20,
    currency: 'EUR',
    media_epoch: 'e1',
    starts_pts: 10 * SECOND,
    ends_pts: 40 * SECOND,
    starts_us: 1_000_000_000,
    ends_us: 1_030_000_000,
    ...more,
  })!;
}

const seeing = (atS: number, utcMs = 0) => ({ epoch: 'e1', tick: atS * SECOND, utcMs });

describe('an offer', () => {
  it('lasts by what the viewer sees, whatever the clock says', () => {
    expect([9, 10, 39.9, 40].map((atS) => phaseAt(offer(), seeing(atS, 9e9)))).toEqual([
      'coming',
      'running',
      'running',
      'over',
    ]);
    expect(untilMs(offer(), 'ends', seeing(36))).toBe(4_000);
  });

  it('lasts by the clock where there is no picture, or another one', () => {
    const away = { epoch: null, tick: null, utcMs: 1_010_000 };
    expect([untilMs(offer(), 'ends', away), phaseAt(offer(), away)]).toEqual([20_000, 'running']);
    expect(untilMs(offer({ media_epoch: 'e0' }), 'ends', { ...seeing(5), utcMs: 1_010_000 })).toBe(
      20_000,
    );
  });

  it('ended by the host is over on the frame of its end; taken back or used up it is over at once', () => {
    expect(phaseAt(offer({ state: 'ended', ends_pts: 20 * SECOND }), seeing(19))).toBe('running');
    expect(phaseAt(offer({ state: 'ended', ends_pts: 20 * SECOND }), seeing(20))).toBe('over');
    expect(phaseAt(offer({ state: 'cancelled' }), seeing(19))).toBe('over');
    expect(phaseAt(offer({ quota: 5, left: 0 }), seeing(19))).toBe('over');
  });

  it('without times is what its state says', () => {
    const open = { starts_pts: null, ends_pts: null, starts_us: null, ends_us: null };
    expect(phaseAt(offer({ ...open, state: 'announced' }), seeing(1))).toBe('coming');
    expect(phaseAt(offer({ ...open, state: 'running' }), seeing(1))).toBe('running');
    expect(phaseAt(offer({ ...open, state: 'ended' }), seeing(1))).toBe('over');
  });

  it.each([
    [400, '0:01'],
    [61_000, '1:01'],
    [59_001, '1:00'],
    [3_725_000, '1:02:05'],
    [-5, '0:00'],
  ])('counts %d ms down as %s', (ms, text) => {
    expect(countdown(ms)).toBe(text);
  });

  it('rounds to the favour of the buyer and never makes anything dearer', () => {
    expect(flashPrice(offer(), only)).toBe(799);
    expect(flashPrice(offer({ percent_off: null, price_minor: 1_200 }), only)).toBe(999);
  });

  it('is the best of those that run, for the variant it is about', () => {
    const better = offer({ id: 'o2', percent_off: 50 });
    const coming = offer({ id: 'o3', percent_off: 90, starts_pts: 30 * SECOND });
    expect(bestFlash([offer(), better, coming], jar, only, seeing(12))?.id).toBe('o2');
    expect(bestFlash([offer({ variant: 'red' })], jar, only, seeing(12))).toBeNull();
    expect(concerns(offer({ items: [{ product: 'tea' }] }), 'tea', null)).toBe(true);
  });

  it.each([null, {}, { id: 'x' }, { id: 'x', kind: 'odd', state: 'running' }])(
    'is not %j',
    (value) => {
      expect(parseOffer(value)).toBeNull();
    },
  );
});
