import { describe, expect, it } from 'vitest';

import { type PushAction, PushCore } from '../../src/player/push-core';
import { type PushMessage, parsePush } from '../../src/player/push-messages';

const bytes = Uint8Array.of(1);

function subscribed(number: number, rendition = 'low', epoch = 'E'): PushMessage {
  return { kind: 'subscribed', epoch, rendition, number, partMs: 333 };
}

function init(rendition = 'low', generation = 0, codecs = 'avc1.42,mp4a'): PushMessage {
  return { kind: 'init', epoch: 'E', rendition, generation, codecs, data: bytes };
}

function part(number: number, more: Partial<Extract<PushMessage, { kind: 'part' }>> = {}): PushMessage {
  return {
    kind: 'part',
    epoch: 'E',
    rendition: 'low',
    generation: 0,
    number,
    decodeTime: number * 30_000,
    duration: 30_000,
    independent: number % 3 === 0,
    data: bytes,
    ...more,
  };
}

/** What is done, in short: `i:low/0`, `p3`, with `!` where the playhead must jump. */
function told(action: PushAction): string {
  switch (action.do) {
    case 'init':
      return `i:${action.init.rendition}/${action.init.generation}${action.changes ? '*' : ''}`;
    case 'part':
      return `p${action.part.number}${action.jumps ? '!' : ''}`;
    case 'ask':
      return `ask ${action.from}`;
    default:
      return action.do;
  }
}

function feed(core: PushCore, ...messages: PushMessage[]): string[] {
  return messages.flatMap((message) => core.take(message)).map(told);
}

function playing(): PushCore {
  const core = new PushCore();
  feed(core, subscribed(3), init(), part(3), part(4));
  return core;
}

describe('PushCore', () => {
  it('appends the init once, then every part', () => {
    const core = new PushCore();
    expect(feed(core, subscribed(3), init(), part(3), part(4), part(5))).toEqual([
      'i:low/0',
      'p3',
      'p4',
      'p5',
    ]);
    expect([core.epoch, core.next]).toEqual(['E', 6]);
  });

  it('switches where the new rendition begins with its init and a key', () => {
    const switched = [part(5), subscribed(6, 'high'), init('high'), part(6, { rendition: 'high' })];
    expect(feed(playing(), ...switched)).toEqual(['p5', 'i:high/0', 'p6']);
  });

  it('changes the type of the buffer when the codecs of a generation are others', () => {
    const next = init('low', 1, 'avc1.64,mp4a');
    expect(feed(playing(), part(5), next, part(6, { generation: 1 }))).toEqual([
      'p5',
      'i:low/1*',
      'p6',
    ]);
  });

  it('goes on after a reconnect without appending anything twice', () => {
    const again = [subscribed(3), init(), part(3), part(4), part(5)];
    expect(feed(playing(), ...again)).toEqual(['p5']);
  });

  it('jumps to a key where the server left parts out', () => {
    const skipped: PushMessage = { kind: 'skipped', from: 5, to: 8 };
    expect(feed(playing(), skipped, part(9), part(10))).toEqual(['p9!', 'p10']);
  });

  it('jumps when it is live again after a silence', () => {
    expect(feed(playing(), subscribed(12), init(), part(12), part(13))).toEqual(['p12!', 'p13']);
  });

  it('asks once for what is missing, and takes nothing that hangs on it', () => {
    const core = playing();
    expect(feed(core, part(7), part(8))).toEqual(['ask 5']);
    expect(feed(core, subscribed(5), part(5), part(6))).toEqual(['p5', 'p6']);
  });

  it('waits for a key of another rendition', () => {
    const other = (number: number) => part(number, { rendition: 'high' });
    expect(feed(playing(), init('high'), other(5), other(6))).toEqual(['i:high/0', 'p6!']);
  });

  it('asks for the init that it has not got', () => {
    expect(feed(playing(), part(5, { generation: 7 }))).toEqual(['ask 5']);
  });

  it('takes nothing of another epoch', () => {
    expect(feed(playing(), part(5, { epoch: 'F' }), part(5))).toEqual(['p5']);
  });

  it('of a known epoch takes nothing that was under way of the one before', () => {
    const core = new PushCore('E');
    const old = [subscribed(70, 'low', 'D'), { ...init(), epoch: 'D' }, part(70, { epoch: 'D' })];
    expect(feed(core, ...(old as PushMessage[]))).toEqual([]);
    expect(core.epoch).toBe('E');
    expect(feed(core, subscribed(0), init(), part(0))).toEqual(['i:low/0', 'p0']);
  });

  it('begins anew where it was left for live', () => {
    const core = playing();
    core.forget();
    expect(feed(core, subscribed(30), init(), part(30), part(31))).toEqual(['p30!', 'p31']);
  });

  it('tells the end, and why there is nothing', () => {
    const core = playing();
    expect(feed(core, { kind: 'over', reason: 'ended' })).toEqual(['ended']);
    expect(core.take({ kind: 'over', reason: 'full' })).toEqual([{ do: 'refused', reason: 'full' }]);
  });

  it('never appends a part twice, out of order, or without its key, whatever comes', () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let run = 0; run < 300; run += 1) {
      const core = new PushCore();
      const has = { number: -1, line: '' };
      for (let i = 0; i < 60; i += 1) {
        const rendition = ['low', 'high'][random(2)]!;
        const number = Math.max(0, has.number + random(5) - 1);
        const kinds: PushMessage[] = [
          subscribed(number, rendition),
          init(rendition, random(2)),
          part(number, { rendition, generation: random(2), independent: random(3) === 0 }),
          part(has.number + 1, { rendition }),
          { kind: 'skipped', from: number, to: number + random(4) },
        ];
        for (const action of core.take(kinds[random(kinds.length)]!)) {
          if (action.do === 'init') has.line = `${action.init.rendition}/${action.init.generation}?`;
          if (action.do !== 'part') continue;
          const line = `${action.part.rendition}/${action.part.generation}`;
          expect(action.part.number).toBeGreaterThan(has.number);
          if (has.line !== line || action.part.number !== has.number + 1) {
            expect(action.part.independent).toBe(true);
          }
          expect(has.line.replace('?', '')).toBe(line);
          has.line = line;
          has.number = action.part.number;
        }
      }
    }
  });
});

describe('parsePush', () => {
  const given = {
    type: 'part',
    epoch: 'E',
    rendition: 'low',
    generation: 0,
    number: 3,
    msn: 1,
    index: 0,
    decode_time: 90_000,
    duration: 30_000,
    independent: true,
    discontinuity: false,
    data: bytes,
  };

  it('reads a part and leaves its bytes where they are', () => {
    const read = parsePush(given);
    expect(read).toEqual(part(3, { decodeTime: 90_000 }));
    expect(read?.kind === 'part' && read.data).toBe(bytes);
  });

  it.each(['epoch', 'rendition', 'generation', 'number', 'decode_time', 'duration', 'data'])(
    'reads none without a fit %s',
    (field) => {
      for (const value of [undefined, null, -1, 1.5, Number.NaN, {}, []]) {
        expect(parsePush({ ...given, [field]: value })).toBeNull();
      }
    },
  );

  it('leaves out what is no rendition, and knows no other messages', () => {
    const one = { name: 'low', codecs: 'avc1', width: 640, height: 360, bandwidth: 5e5 };
    const renditions = [one, { name: 'x' }, null, 7, { ...one, name: 'wild', height: 'tall' }];
    expect(parsePush({ type: 'renditions', epoch: 'E', renditions })).toEqual({
      kind: 'renditions',
      epoch: 'E',
      renditions: [one, { ...one, name: 'wild', height: 0 }],
    });
    for (const type of ['hello', '', undefined]) expect(parsePush({ type })).toBeNull();
  });
});
