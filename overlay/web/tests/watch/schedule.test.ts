import { describe, expect, it } from 'vitest';

import type { Cue } from '../../src/shared/shop';
import { CardSchedule } from '../../src/watch/cards/schedule';

const SECOND = 90_000;
const FRAME = 3_000;

function pin(id: string, atS: number, more: Partial<Cue> = {}): Cue {
  return {
    id,
    revision: 1,
    type: 'pin',
    mediaEpoch: 'e1',
    pts: atS * SECOND,
    duration: 10 * SECOND,
    product: `product-${id}`,
    products: [`product-${id}`],
    ends: null,
    ...more,
  };
}

function unpin(id: string, atS: number, ends: string | null): Cue {
  return pin(id, atS, { type: 'unpin', product: null, ends });
}

function scheduleOf(...cues: Cue[]): CardSchedule {
  const schedule = new CardSchedule();
  for (const cue of cues) schedule.add(cue);
  return schedule;
}

function up(schedule: CardSchedule, tick: number, epoch = 'e1'): string | null {
  return schedule.at({ epoch, tick })?.id ?? null;
}

describe('several cards at once', () => {
  const ids = (schedule: CardSchedule, atS: number) =>
    schedule.upAt({ epoch: 'e1', tick: atS * SECOND }).map(({ id }) => id);

  it('shows the pins of one frame together, by id, three at most', () => {
    const together = ['b', 'a', 'd', 'c'].map((id) => pin(id, 5));
    expect(ids(scheduleOf(...together.slice(0, 2)), 6)).toEqual(['a', 'b']);
    expect(ids(scheduleOf(...together), 6)).toEqual(['b', 'c', 'd']);
  });

  it('takes each off by itself, and all by the next pin', () => {
    const schedule = scheduleOf(pin('a', 5), pin('b', 5), unpin('x', 7, 'b'), pin('c', 9));
    expect(ids(schedule, 6)).toEqual(['a', 'b']);
    expect(ids(schedule, 8)).toEqual(['a']);
    expect(ids(schedule, 9)).toEqual(['c']);
  });

  it('forgets a rehearsal, even where the media still carries it', () => {
    const schedule = scheduleOf(pin('before', 1), pin('rehearsed', 5));
    schedule.restore([pin('before', 1)]);
    expect(ids(schedule, 6)).toEqual(['before']);
    expect(schedule.add(pin('rehearsed', 5))).toBe(false);
    expect(schedule.add(pin('after', 6))).toBe(true);
    expect(ids(schedule, 6)).toEqual(['after']);
  });
});

describe('CardSchedule', () => {
  it('shows a pin on its frame and not before, until its duration has passed', () => {
    const schedule = scheduleOf(pin('a', 5));
    expect(up(schedule, 5 * SECOND - FRAME)).toBeNull();
    expect(up(schedule, 5 * SECOND)).toBe('a');
    expect(up(schedule, 15 * SECOND - FRAME)).toBe('a');
    expect(up(schedule, 15 * SECOND)).toBeNull();
  });

  it('bears the microseconds of browsers and the milliseconds of dates', () => {
    const schedule = scheduleOf(pin('a', 5));
    expect(up(schedule, 5 * SECOND - 90)).toBe('a');
    expect(up(schedule, 5 * SECOND - 91)).toBeNull();
    expect(up(schedule, 15 * SECOND - 90)).toBeNull();
  });

  it('takes a card off on the frame of the unpin that ends it', () => {
    const schedule = scheduleOf(pin('a', 5), unpin('x', 7, 'a'));
    expect(up(schedule, 7 * SECOND - FRAME)).toBe('a');
    expect(up(schedule, 7 * SECOND)).toBeNull();
    expect(up(schedule, 6 * SECOND)).toBe('a');
  });

  it('lets an unpin end nothing but what it names, long after its own announcement', () => {
    const schedule = scheduleOf(
      pin('a', 5),
      { ...unpin('x', 7, 'a'), duration: SECOND },
      pin('b', 8),
    );
    expect(up(schedule, 9 * SECOND)).toBe('b');
    expect(
      up(scheduleOf(pin('a', 5), { ...unpin('x', 7, 'a'), duration: SECOND }), 9e5),
    ).toBeNull();
    expect(up(scheduleOf(pin('a', 5), unpin('x', 7, 'other')), 9 * SECOND)).toBe('a');
  });

  it('lets an unpin without a name end what is up, and nothing later', () => {
    const schedule = scheduleOf(pin('a', 5), unpin('x', 7, null), pin('b', 8));
    expect([6, 7, 8].map((s) => up(schedule, s * SECOND))).toEqual(['a', null, 'b']);
  });

  it('replaces a pin by the next one for good', () => {
    const schedule = scheduleOf(pin('a', 5, { duration: 60 * SECOND }), pin('b', 8));
    expect([5, 8, 17, 18, 30].map((s) => up(schedule, s * SECOND))).toEqual([
      'a',
      'b',
      'b',
      null,
      null,
    ]);
  });

  it('counts one (id, revision) once, and the highest revision', () => {
    const schedule = new CardSchedule();
    expect(schedule.add(pin('a', 5))).toBe(true);
    expect(schedule.add(pin('a', 5))).toBe(false);
    expect(schedule.add(pin('a', 6, { revision: 3 }))).toBe(true);
    expect(schedule.add(pin('a', 1, { revision: 2 }))).toBe(false);
    expect(schedule.at({ epoch: 'e1', tick: 5 * SECOND })).toBeNull();
    expect(schedule.at({ epoch: 'e1', tick: 6 * SECOND })?.revision).toBe(3);
  });

  it('keeps media epochs apart, also the same id in two', () => {
    const schedule = scheduleOf(pin('a', 5), pin('a', 1, { mediaEpoch: 'e2', product: 'new' }));
    expect(up(schedule, SECOND)).toBeNull();
    expect(schedule.at({ epoch: 'e2', tick: SECOND })?.product).toBe('new');
    expect(up(schedule, 5 * SECOND)).toBe('a');
    expect(up(schedule, 5 * SECOND, 'e3')).toBeNull();
  });

  it('does not depend on the order of arrival', () => {
    const cues = [pin('a', 1), unpin('x', 3, 'a'), pin('b', 4), pin('c', 4), pin('d', 9)];
    const orders = [cues, [...cues].reverse(), [...cues, ...cues].sort((l, r) => r.pts - l.pts)];
    const runs = orders.map((order) =>
      Array.from({ length: 25 }, (_, s) => up(scheduleOf(...order), s * SECOND)),
    );
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
    expect(runs[0]?.slice(0, 10)).toEqual([null, 'a', 'a', null, 'c', 'c', 'c', 'c', 'c', 'd']);
  });

  it('forgets the oldest of very many', () => {
    const schedule = new CardSchedule();
    for (let i = 0; i < 2_000; i += 1) schedule.add(pin(`n${i}`, i));
    expect(up(schedule, SECOND)).toBeNull();
    expect(up(schedule, 1_999 * SECOND)).toBe('n1999');
  });
});
