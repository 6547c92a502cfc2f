import { beforeEach, describe, expect, it, vi } from 'vitest';

import { SocketMedia } from '../../src/shared/media-line';
import { MSGPACK_PROTOCOL } from '../../src/shared/wire';

describe('SocketMedia', () => {
  const expected: boolean[] = [];
  let line: SocketMedia;
  let hangUp: () => void;

  beforeEach(() => {
    vi.stubGlobal('window', globalThis);
    expected.splice(0);
    line = new SocketMedia({
      send: () => true,
      ask: () => {},
      renew: () => {},
      expect: (much) => expected.push(much),
    });
    hangUp = line.listen({ hear: () => {}, connected: () => {} });
    return () => hangUp();
  });

  const subscribed = () => {
    line.connected(MSGPACK_PROTOCOL);
    line.send({ type: 'subscribe' });
  };

  it('expects media from when it is asked for, and through a loss', () => {
    expect(line.send({ type: 'subscribe' })).toBe(false);
    expect(expected).toEqual([]);
    subscribed();
    line.connected(null);
    subscribed();
    expect(expected).toEqual([true]);
  });

  it.each([
    ['the show is over', () => line.hear({ type: 'media_over', reason: 'ended' })],
    ['it is not wanted any more', () => line.send({ type: 'unsubscribe' })],
    ['nobody listens', () => hangUp()],
  ])('expects none when %s', (_, happens) => {
    subscribed();
    happens();
    expect(expected).toEqual([true, false]);
  });

  it('expects none either when it ends while there is no connection', () => {
    subscribed();
    line.connected(null);
    line.send({ type: 'unsubscribe' });
    expect(expected).toEqual([true, false]);
  });
});
