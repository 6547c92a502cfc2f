import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { EngineListener } from '../../src/player/engine';
import { PushEngine } from '../../src/player/push-engine';
import type { MediaLine, MediaListener } from '../../src/shared/media-line';
import type { Fields } from '../../src/shared/wire';

const EPOCH = 'E';
const PART_S = 1 / 3;
const bytes = Uint8Array.of(1);

/** One range for everything that was appended: what is appended says itself where it lies. */
class FakeMedia {
  list: [number, number][] = [];

  get ranges(): TimeRanges {
    const { list } = this;
    return { length: list.length, start: (i) => list[i]![0], end: (i) => list[i]![1] };
  }
}

class FakeBuffer extends EventTarget {
  updating = false;

  constructor(
    private readonly media: FakeMedia,
    private readonly coming: () => [number, number] | null,
  ) {
    super();
  }

  get buffered(): TimeRanges {
    return this.media.ranges;
  }

  appendBuffer(data: Uint8Array): void {
    const range = data === bytes ? this.coming() : null;
    if (range !== null) {
      const last = this.media.list.at(-1);
      if (last !== undefined && Math.abs(last[1] - range[0]) < 1e-6) last[1] = range[1];
      else this.media.list.push(range);
    }
    this.dispatchEvent(new Event('updateend'));
  }

  changeType(): void {}
  remove(): void {}
  abort(): void {}
}

class FakeVideo extends EventTarget {
  readonly media = new FakeMedia();
  currentTime = 0;
  readyState = 4;
  seeking = false;
  src = '';
  clientWidth = 0;
  clientHeight = 0;

  get buffered(): TimeRanges {
    return this.media.ranges;
  }

  removeAttribute(): void {}
  load(): void {}
}

class FakeLine implements MediaLine {
  open = true;
  refused = false;
  renewed = 0;
  readonly sent: Fields[] = [];
  private listener: MediaListener | null = null;

  send(message: Fields): boolean {
    if (this.open) this.sent.push(message);
    return this.open;
  }

  renew(): void {
    this.renewed += 1;
    this.become(false);
  }

  listen(listener: MediaListener): () => void {
    this.listener = listener;
    return () => (this.listener = null);
  }

  say(message: Fields): void {
    this.listener?.hear(message);
  }

  become(open: boolean): void {
    this.open = open;
    this.listener?.connected(open);
  }

  /** What was sent since, in short. */
  told(): string[] {
    return this.sent
      .splice(0)
      .map(({ type, rendition, at }) => (type === 'subscribe' ? `${rendition} ${at}` : String(type)));
  }
}

class World {
  readonly line = new FakeLine();
  readonly video = new FakeVideo();
  readonly broken: string[] = [];
  private readonly due: [number, number][] = [];
  private source: EventTarget | null = null;
  readonly engine: PushEngine;

  constructor() {
    const open = (source: EventTarget) => (this.source = source);
    const { due, video } = this;
    class FakeSource extends EventTarget {
      static isTypeSupported = () => true;
      readyState = 'open';
      duration = 0;

      constructor() {
        super();
        open(this);
      }

      addSourceBuffer = () => new FakeBuffer(video.media, () => due.shift() ?? null);
      setLiveSeekableRange = () => {};
      endOfStream = () => (this.readyState = 'ended');
    }
    vi.stubGlobal('window', Object.assign(globalThis, { MediaSource: FakeSource }));
    const listener: EngineListener = {
      broken: (reason) => this.broken.push(reason),
      drained: () => {},
      renditions: () => {},
      rendition: () => {},
      metadata: () => {},
    };
    this.engine = new PushEngine(this.video as never, this.line, EPOCH, listener);
    this.source?.dispatchEvent(new Event('sourceopen'));
  }

  subscribed(number: number, rendition = 'low', epoch = EPOCH): this {
    this.line.say({ type: 'subscribed', epoch, rendition, number, buffer_ms: 500, part_ms: 333 });
    const init = { type: 'init', epoch, rendition, generation: 0, codecs: 'c' };
    this.line.say({ ...init, data: Uint8Array.of(0) });
    return this;
  }

  parts(from: number, to: number, rendition = 'low', epoch = EPOCH): this {
    for (let number = from; number < to; number += 1) {
      if (epoch === EPOCH) this.due.push([number * PART_S, (number + 1) * PART_S]);
      this.line.say({
        type: 'part',
        epoch,
        rendition,
        generation: 0,
        number,
        decode_time: number * 30_000,
        duration: 30_000,
        independent: number % 3 === 0,
        data: bytes,
      });
    }
    return this;
  }

  /** On air with the rendition `low`, up to part 9. */
  playing(): this {
    this.subscribed(3).parts(3, 9);
    this.line.told();
    return this;
  }

  happen(event: string): this {
    this.video.dispatchEvent(new Event(event));
    return this;
  }
}

let world: World;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('navigator', { userAgent: 'Chrome/156' });
  vi.stubGlobal('document', { hidden: false, fullscreenElement: null });
  vi.stubGlobal('HTMLMediaElement', { HAVE_FUTURE_DATA: 3 });
  vi.stubGlobal('devicePixelRatio', 1);
  vi.stubGlobal('screen', { width: 0, height: 0 });
  vi.stubGlobal('URL', { createObjectURL: () => 'blob:', revokeObjectURL: () => {} });
  world = new World();
});

afterEach(() => {
  world.engine.destroy();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('PushEngine', () => {
  it('subscribes at once, and plays near the newest part', () => {
    expect(world.line.told()).toEqual(['null live']);
    world.playing();
    expect(world.engine.behindS).toBeLessThan(0.6);
    expect(world.engine.momentAt(2)).toEqual({ epoch: EPOCH, tick: 180_000 });
  });

  it('does not move a picture that has been playing', () => {
    world.playing();
    world.video.currentTime = 2;
    vi.advanceTimersByTime(1_500);
    world.parts(9, 15);
    expect(world.video.currentTime).toBe(2);
  });

  it('is not moved by what was under way of the show before', () => {
    world.subscribed(9_000, 'low', 'D').parts(9_000, 9_003, 'low', 'D');
    expect(world.engine.fed).toBe(false);
    world.playing();
    expect(world.video.currentTime).toBeLessThan(3);
  });

  it('takes no media for a picture that the browser does not let begin', () => {
    world.playing();
    vi.advanceTimersByTime(30_000);
    expect(world.line.told()).toEqual(['unsubscribe']);
    world.happen('play');
    expect(world.line.told()).toEqual(['low live']);
  });

  it('takes media for as long as it plays', () => {
    world.playing().happen('play');
    vi.advanceTimersByTime(300_000);
    expect(world.line.told()).toEqual([]);
  });

  it('keeps a choice that cannot be told now', () => {
    world.playing();
    world.line.become(false);
    world.engine.choose('high');
    world.line.become(true);
    expect(world.line.told()).toEqual(['low 9', 'high 9']);
  });

  it('keeps a choice that was made in a long pause, and takes nothing until then', () => {
    world.playing().happen('pause');
    vi.advanceTimersByTime(30_000);
    world.line.told();
    world.engine.choose('high');
    expect(world.line.told()).toEqual([]);
    world.happen('play');
    expect(world.line.told()).toEqual(['high live']);
  });

  it('goes on with what is on screen when the connection is lost before a switch', () => {
    world.playing();
    world.engine.choose('high');
    expect(world.line.told()).toEqual(['high 9']);
    world.line.become(false);
    world.line.become(true);
    expect(world.line.told()).toEqual(['low 9', 'high 9']);
    world.subscribed(9).parts(9, 12);
    world.line.become(false);
    world.line.become(true);
    expect(world.line.told()).toEqual(['low 12', 'high 12']);
  });

  it('leaps over a hole, however small, and out of one that a seek ended in', () => {
    world.playing();
    const { video } = world;
    video.media.list = [[1, 5], [5.06, 9], [11, 12]];
    video.currentTime = 5;
    world.happen('waiting');
    expect(video.currentTime).toBe(5.06);
    video.currentTime = 8.95;
    world.happen('waiting');
    expect(video.currentTime).toBe(8.95);
    video.readyState = 2;
    world.happen('waiting');
    expect(video.currentTime).toBe(11);
    video.currentTime = 10;
    video.seeking = true;
    world.happen('seeking');
    expect(video.currentTime).toBe(11);
  });

  it('asks again for what it played, and not where the server wants it to play otherwise', () => {
    world.playing();
    world.line.say({ type: 'media_over', reason: 'unknown' });
    vi.advanceTimersByTime(500);
    expect(world.line.told()).toEqual(['low 9']);
    expect(world.broken).toEqual([]);
    world.line.say({ type: 'media_over', reason: 'full' });
    expect(world.broken).toEqual(['full']);
  });

  it('takes the next lower rendition when it ran dry, not when it has just begun', () => {
    const rung = { codecs: 'c', width: 640, height: 360 };
    const renditions = [
      { ...rung, name: 'low', bandwidth: 1e6 },
      { ...rung, name: 'lower', bandwidth: 5e5 },
    ];
    world.line.say({ type: 'renditions', epoch: EPOCH, renditions });
    world.playing();
    world.video.currentTime = 3;
    expect(world.happen('waiting').line.told()).toEqual([]);
    vi.advanceTimersByTime(2_000);
    world.video.currentTime = 2.5;
    expect(world.happen('waiting').line.told()).toEqual([]);
    world.video.currentTime = 2.95;
    expect(world.happen('waiting').line.told()).toEqual(['lower 9']);
  });

  it('is stuck only where another connection does not help', () => {
    world.playing();
    vi.advanceTimersByTime(7_000);
    world.engine.giveUp();
    expect([world.line.renewed, world.broken]).toEqual([1, []]);
    world.line.become(true);
    vi.advanceTimersByTime(6_000);
    expect([world.line.renewed, world.broken]).toEqual([1, ['stuck']]);
  });

  it('goes on where another connection helps', () => {
    world.playing();
    vi.advanceTimersByTime(7_000);
    world.engine.giveUp();
    world.line.become(true);
    world.subscribed(30).parts(30, 33);
    vi.advanceTimersByTime(60_000);
    expect(world.broken).toEqual([]);
    world.engine.giveUp();
    expect(world.line.renewed).toBe(2);
  });

  it('does not replace a connection twice', () => {
    world.playing();
    vi.advanceTimersByTime(2_500);
    world.line.become(false);
    world.line.become(true);
    vi.advanceTimersByTime(4_500);
    world.engine.giveUp();
    expect([world.line.renewed, world.broken]).toEqual([0, ['stuck']]);
  });

  it('says whose fault it is that it stands still', () => {
    world.playing().engine.giveUp();
    world.line.become(false);
    world.engine.giveUp();
    expect(world.broken).toEqual(['stuck', 'lost']);
  });
});
