import { describe, expect, it } from 'vitest';

import { isWebKit } from '../../src/player/engine';
import { fitFor } from '../../src/player/fit';
import { actionFor } from '../../src/player/keys';
import { pollDelayMs } from '../../src/player/polling';
import { DEFAULT_WATCHDOG, Watchdog } from '../../src/player/watchdog';

describe('Watchdog', () => {
  const { starvedMs, stuckMs, startMs } = DEFAULT_WATCHDOG;

  it('tells each change once', () => {
    const dog = new Watchdog();
    expect(dog.observe(0, 0, true)).toBe('same');
    expect(dog.observe(100, 0.1, true)).toBe('moving');
    expect(dog.observe(200, 0.2, true)).toBe('same');
    expect(dog.observe(200 + starvedMs, 0.2, true)).toBe('starved');
    expect(dog.observe(300 + starvedMs, 0.2, true)).toBe('same');
    expect(dog.observe(400 + starvedMs, 0.3, true)).toBe('moving');
    expect(dog.observe(400 + starvedMs + stuckMs, 0.3, true)).toBe('stuck');
  });

  it('is patient with a stream that has yet to move', () => {
    const dog = new Watchdog();
    dog.observe(0, 0, true);
    expect(dog.observe(startMs - 1, 0, true)).toBe('same');
    expect(dog.observe(startMs, 0, true)).toBe('stuck');
  });

  it('lets a paused playhead stand for any time', () => {
    const dog = new Watchdog();
    dog.observe(0, 0, true);
    dog.observe(100, 0.1, true);
    expect(dog.observe(1e9, 0.1, false)).toBe('same');
    expect(dog.observe(1e9 + starvedMs - 1, 0.1, true)).toBe('same');
    expect(dog.observe(1e9 + starvedMs, 0.1, true)).toBe('starved');
  });
});

describe('fitFor', () => {
  const wide = { width: 1280, height: 720 };
  const tall = { width: 720, height: 1280 };
  it.each([
    ['a landscape picture on an upright phone', { width: 360, height: 640 }, wide, 'top'],
    ['an upright picture on an upright phone', { width: 360, height: 640 }, tall, 'cover'],
    ['an upright picture on a long phone', { width: 430, height: 932 }, tall, 'cover'],
    ['a landscape picture on a desktop', { width: 1280, height: 800 }, wide, 'contain'],
    ['a landscape picture in its own shape', { width: 1600, height: 900 }, wide, 'cover'],
    ['an upright picture on a desktop', { width: 1280, height: 800 }, tall, 'contain'],
    [
      'a square picture on an upright phone',
      { width: 360, height: 640 },
      { width: 9, height: 9 },
      'top',
    ],
    ['no picture', { width: 360, height: 640 }, { width: 0, height: 0 }, 'contain'],
  ])('%s', (_what, box, picture, fit) => {
    expect(fitFor(box, picture)).toBe(fit);
  });
});

describe('actionFor', () => {
  const press = (key: string, more = {}) => ({
    key,
    altKey: false,
    ctrlKey: false,
    metaKey: false,
    defaultPrevented: false,
    ...more,
  });

  it('knows its keys in either case', () => {
    expect(
      [' ', 'K', 'm', 'F', 'ArrowLeft', 'ArrowUp', 'x'].map((key) => actionFor(press(key), 'BODY')),
    ).toEqual(['play', 'play', 'mute', 'fullscreen', 'back', 'louder', null]);
  });

  it('leaves keys to what has the focus, and to the browser', () => {
    expect(actionFor(press(' '), 'button')).toBeNull();
    expect(actionFor(press('m'), 'button')).toBe('mute');
    expect(actionFor(press('ArrowUp'), 'INPUT')).toBeNull();
    expect(actionFor(press('f', { ctrlKey: true }), 'BODY')).toBeNull();
    expect(actionFor(press('f', { defaultPrevented: true }), 'BODY')).toBeNull();
  });
});

describe('pollDelayMs', () => {
  it('is spread by a quarter either way', () => {
    expect([0, 0.5, 1].map((random) => pollDelayMs('waiting', false, random))).toEqual([
      1_500, 2_000, 2_500,
    ]);
  });

  it('is rare on a hidden page that plays nothing', () => {
    expect(pollDelayMs('waiting', true, 0.5)).toBe(15_000);
    expect(pollDelayMs('live', true, 0.5)).toBe(pollDelayMs('live', false, 0.5));
  });
});

describe('isWebKit', () => {
  const safari =
    'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15';
  const iphoneChrome =
    'Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile Safari/604.1';
  const chrome =
    'Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
  const firefox = 'Mozilla/5.0 (X11; rv:127.0) Gecko/20100101 Firefox/127.0';
  it.each([
    [safari, true],
    [iphoneChrome, true],
    [chrome, false],
    [firefox, false],
  ])('%s', (agent, expected) => {
    expect(isWebKit(agent)).toBe(expected);
  });
});
