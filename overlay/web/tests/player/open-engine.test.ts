import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { EngineListener, EngineRequest } from '../../src/player/engine';
import { engineOpener } from '../../src/player/open-engine';

const made: EngineListener[] = [];
const push = { fed: false };

/** Engines need a browser: these are only told apart. */
vi.mock('../../src/player/push-engine', () => ({
  PushEngine: class {
    static isSupported = () => true;
    readonly kind = 'push';
    readonly fed = push.fed;

    constructor(_video: unknown, _media: unknown, _epoch: unknown, listener: EngineListener) {
      made.push(listener);
    }
  },
}));
vi.mock('../../src/player/hls-engine', () => ({
  HlsEngine: class {
    static isSupported = () => true;
    readonly kind = 'hls';

    constructor(_video: unknown, _url: unknown, listener: EngineListener) {
      made.push(listener);
    }
  },
}));
const native = { supported: false };
vi.mock('../../src/player/native-engine', () => ({
  NativeEngine: class {
    static isSupported = () => native.supported;
    readonly kind = 'native';

    constructor(_video: unknown, _url: unknown, listener: EngineListener) {
      made.push(listener);
    }
  },
}));

const media = { open: true, refused: false };

function request(): EngineRequest {
  const listener = { broken: () => {} };
  return { video: {}, url: '', epoch: 'E', media, anchor: () => null, listener } as never;
}

describe('engineOpener', () => {
  let opened: () => Promise<string | undefined>;

  beforeEach(() => {
    vi.useFakeTimers();
    Object.assign(media, { open: true, refused: false });
    native.supported = false;
    const open = engineOpener();
    opened = async () => (await open(request()))?.kind;
  });

  afterEach(() => vi.useRealTimers());

  const breaks = (reason: string) => made.at(-1)!.broken(reason);

  it('prefers push, except over a socket that carries no media', async () => {
    expect(await opened()).toBe('push');
    media.refused = true;
    expect(await opened()).toBe('hls');
  });

  it('leaves push that brought no picture alone for a minute', async () => {
    push.fed = false;
    await opened();
    breaks('silent');
    expect(await opened()).toBe('hls');
    vi.advanceTimersByTime(60_000);
    expect(await opened()).toBe('push');
  });

  it('leaves push that stands still again and again', async () => {
    push.fed = true;
    await opened();
    breaks('stuck');
    expect(await opened()).toBe('push');
    vi.advanceTimersByTime(9_000);
    breaks('stuck');
    expect(await opened()).toBe('hls');
  });

  it.each(['ended', 'unknown', 'lost'])('is not to be blamed for: %s', async (reason) => {
    push.fed = true;
    for (let i = 0; i < 4; i += 1) {
      expect(await opened()).toBe('push');
      breaks(reason);
    }
  });

  it('does not wait again for a socket that was not there, until it is', async () => {
    push.fed = false;
    await opened();
    media.open = false;
    breaks('closed');
    expect(await opened()).toBe('hls');
    media.open = true;
    expect(await opened()).toBe('push');
  });

  describe('without push', () => {
    beforeEach(() => {
      media.refused = true;
      native.supported = true;
    });

    async function failsTwice(reason: string): Promise<void> {
      for (let i = 0; i < 2; i += 1) {
        expect(await opened()).toBe('hls');
        breaks(reason);
        vi.advanceTimersByTime(1_000);
      }
    }

    it('leaves the stream to the browser where hls.js fails again and again', async () => {
      await failsTwice('bufferAppendError');
      expect(await opened()).toBe('native');
      breaks('native');
      expect(await opened()).toBe('hls');
    });

    it('tries hls.js again after a minute, and has nothing else where the browser cannot', async () => {
      await failsTwice('stuck');
      vi.advanceTimersByTime(60_000);
      expect(await opened()).toBe('hls');
      native.supported = false;
      await failsTwice('stuck');
      expect(await opened()).toBe('hls');
    });

    it.each(['network', 'busy'])('does not blame hls.js for: %s', async (reason) => {
      await failsTwice(reason);
      expect(await opened()).toBe('hls');
    });
  });
});
