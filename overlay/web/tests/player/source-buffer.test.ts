import { describe, expect, it } from 'vitest';

import { KEEP_BACK_S, type Sink, SourceQueue } from '../../src/player/source-buffer';

/** A buffer in which each byte is a second; it ends an operation when it is told to. */
class FakeBuffer extends EventTarget implements Sink {
  updating = false;
  startS = 0;
  endS = 0;
  full = 0;
  readonly log: string[] = [];

  get buffered(): TimeRanges {
    const { startS, endS } = this;
    return { length: endS > startS ? 1 : 0, start: () => startS, end: () => endS };
  }

  appendBuffer(data: Uint8Array): void {
    if (this.full > 0) {
      this.full -= 1;
      throw new DOMException('no room', 'QuotaExceededError');
    }
    this.begin(`append ${data[0]}`);
    this.endS += data.length;
  }

  changeType(type: string): void {
    this.log.push(`type ${type}`);
  }

  remove(_start: number, end: number): void {
    this.begin(`remove ${end}`);
    this.startS = end;
  }

  abort(): void {}

  finish(): void {
    this.updating = false;
    this.dispatchEvent(new Event('updateend'));
  }

  finishAll(): void {
    while (this.updating) this.finish();
  }

  private begin(what: string): void {
    if (this.updating) throw new Error('busy');
    this.updating = true;
    this.log.push(what);
  }
}

function make(playheadS = () => 0) {
  const buffer = new FakeBuffer();
  const troubles: string[] = [];
  const queue = new SourceQueue(buffer, playheadS, (what) => troubles.push(what));
  return { buffer, queue, troubles };
}

const seconds = (mark: number, length = 1) => new Uint8Array(length).fill(mark);

describe('SourceQueue', () => {
  it('does one thing at a time, in order', () => {
    const { buffer, queue } = make();
    const done: string[] = [];
    queue.append(seconds(1), () => done.push('1'));
    queue.changeType('t');
    queue.append(seconds(2), () => done.push('2'));
    queue.end(() => done.push('end'));
    expect(buffer.log).toEqual(['append 1']);
    expect(done).toEqual([]);
    buffer.finish();
    expect(buffer.log).toEqual(['append 1', 'type t', 'append 2']);
    buffer.finish();
    expect(done).toEqual(['1', '2', 'end']);
  });

  it('removes what was played long ago, not with every part', () => {
    let playheadS = 0;
    const { buffer, queue } = make(() => playheadS);
    for (let i = 0; i < 100; i += 1) {
      queue.append(seconds(i));
      buffer.finishAll();
      playheadS += 1;
    }
    const removals = buffer.log.filter((line) => line.startsWith('remove'));
    expect(removals.length).toBeGreaterThan(0);
    expect(removals.length).toBeLessThan(6);
    expect(playheadS - buffer.startS).toBeGreaterThanOrEqual(KEEP_BACK_S);
  });

  it('makes room where there is none, and tries again', () => {
    const { buffer, queue, troubles } = make(() => 30);
    queue.append(seconds(1, 40));
    buffer.finishAll();
    buffer.full = 1;
    queue.append(seconds(2));
    buffer.finishAll();
    expect(buffer.log).toEqual(['append 1', 'remove 27', 'append 2']);
    expect(troubles).toEqual([]);
  });

  it('gives up once when that does not help', () => {
    const { buffer, queue, troubles } = make(() => 30);
    queue.append(seconds(1, 40));
    buffer.finishAll();
    buffer.full = 9;
    queue.append(seconds(2));
    queue.append(seconds(3));
    buffer.finishAll();
    expect(troubles).toEqual(['full']);
  });

  it('does not gather without end', () => {
    const { queue, troubles } = make();
    const piece = new Uint8Array(4 * 1024 * 1024);
    for (let i = 0; i < 20; i += 1) queue.append(piece);
    expect(troubles).toEqual(['overflow']);
  });
});
