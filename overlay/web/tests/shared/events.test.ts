import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EventSocket } from '../../src/shared/events';
import type { LogPlace, Message } from '../../src/shared/show-model';

class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = FakeSocket.OPEN;
  sent: string[] = [];
  closed = false;
  binaryType = '';
  readonly protocol: string;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    this.protocol = protocols[0]!;
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const hello = { type: 'hello', epoch: 'L', offset: 4, recovered: true, state: null };

function open(judge: (message: Message) => 'ok' | 'gap' = () => 'ok') {
  const connected: (string | null)[] = [];
  const heard: string[] = [];
  const others: unknown[] = [];
  let place: LogPlace | null = null;
  const socket = new EventSocket('demo', {
    place: () => place,
    hear: (message) => {
      heard.push(message.kind);
      place = { epoch: 'L', offset: 4 };
      return judge(message);
    },
    other: ({ type }) => others.push(type),
    connected: (protocol) => connected.push(protocol),
  });
  socket.start();
  return { socket, connected, heard, others };
}

function last(): FakeSocket {
  return FakeSocket.all.at(-1)!;
}

describe('EventSocket', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.all = [];
    vi.stubGlobal('WebSocket', FakeSocket);
    vi.stubGlobal('window', globalThis);
    vi.stubGlobal('location', { protocol: 'https:', host: 'shop.example' });
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it('begins with a snapshot and resumes from where it was', () => {
    const { connected } = open();
    expect(last().url).toBe('wss://shop.example/live/demo/events');
    expect(last().protocols).toEqual(['comptoir.v1.json']);
    last().say(hello);
    last().onclose?.();
    expect(connected).toEqual(['comptoir.v1.json', null]);
    vi.advanceTimersByTime(500);
    expect(FakeSocket.all).toHaveLength(2);
    expect(last().url).toBe('wss://shop.example/live/demo/events?since=L:4');
  });

  it('begins anew with a snapshot after a gap', () => {
    const { connected } = open(({ kind }) => (kind === 'event' ? 'gap' : 'ok'));
    last().say(hello);
    last().say({ type: 'event', epoch: 'L', offset: 9, event: 'order', data: {} });
    expect(FakeSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(500);
    expect(FakeSocket.all).toHaveLength(2);
    expect(last().url).not.toContain('since');
    last().say(hello);
    expect(connected).toEqual(['comptoir.v1.json', 'comptoir.v1.json']);
  });

  it('hears media of the old connection beside a gap, and nothing else', () => {
    const { heard, others, connected } = open(({ kind }) => (kind === 'event' ? 'gap' : 'ok'));
    last().say(hello);
    const old = last();
    old.say({ type: 'event', epoch: 'L', offset: 9, event: 'order', data: {} });
    old.say({ type: 'part', number: 5 });
    old.say({ type: 'event', epoch: 'L', offset: 10, event: 'order', data: {} });
    expect(heard).toEqual(['hello', 'event']);
    expect(others).toEqual(['part']);
    expect(old.closed).toBe(false);
    vi.advanceTimersByTime(500);
    last().say(hello);
    expect(old.closed).toBe(true);
    last().say({ type: 'air', state: 'live', epoch: 'e' });
    expect(heard).toEqual(['hello', 'event', 'hello', 'air']);
    expect(connected).toEqual(['comptoir.v1.json', 'comptoir.v1.json']);
  });

  it('gives the old connection up when no other comes after a gap', () => {
    const { connected } = open(({ kind }) => (kind === 'event' ? 'gap' : 'ok'));
    last().say(hello);
    const old = last();
    old.say({ type: 'event', epoch: 'L', offset: 9, event: 'order', data: {} });
    vi.advanceTimersByTime(4_500);
    expect(old.closed).toBe(true);
    expect(connected).toEqual(['comptoir.v1.json', null]);
    vi.advanceTimersByTime(1_000);
    expect(last().url).not.toContain('since');
  });

  it('gives up a connection that says nothing, but not one that answers', () => {
    open();
    last().onopen?.();
    last().say(hello);
    const answering = last();
    for (let i = 0; i < 6; i += 1) {
      vi.advanceTimersByTime(10_000);
      answering.say({ type: 'clock', t: 1, server_ms: 2 });
    }
    expect(FakeSocket.all).toHaveLength(1);
    expect(answering.sent.length).toBeGreaterThanOrEqual(6);
    vi.advanceTimersByTime(41_000);
    expect(answering.closed).toBe(true);
    expect(FakeSocket.all.length).toBeGreaterThan(1);
  });

  it('never gives up, waits longer each time, and ends when told', () => {
    const { socket } = open();
    for (let i = 0; i < 5; i += 1) {
      last().onclose?.();
      vi.advanceTimersByTime(8_000);
      expect(FakeSocket.all).toHaveLength(i + 2);
    }
    socket.stop();
    vi.advanceTimersByTime(1e6);
    expect(FakeSocket.all).toHaveLength(6);
    expect(last().closed).toBe(true);
  });

  it('hears the old connection until the new one greets', () => {
    const { socket, connected, heard } = open();
    last().say(hello);
    const old = last();
    socket.reopen();
    expect(FakeSocket.all).toHaveLength(2);
    expect(old.closed).toBe(false);
    old.say({ type: 'air', state: 'live', epoch: 'e' });
    expect(heard).toEqual(['hello', 'air']);
    last().say(hello);
    expect(old.closed).toBe(true);
    expect(connected).toEqual(['comptoir.v1.json', 'comptoir.v1.json']);
  });

  it('is lost when neither the old connection nor the new one is there', () => {
    const { socket, connected } = open();
    last().say(hello);
    socket.reopen();
    last().onclose?.();
    expect(connected).toEqual(['comptoir.v1.json', null]);
    vi.advanceTimersByTime(500);
    expect(FakeSocket.all).toHaveLength(3);
  });

  describe('while media is expected', () => {
    const part = { type: 'part', number: 5 };

    /** So long, with a part every 250 ms where there are any. */
    function pass(ms: number, socket?: FakeSocket): void {
      for (let at = 0; at < ms; at += 250) {
        socket?.say(part);
        vi.advanceTimersByTime(250);
      }
    }

    function watching() {
      const opened = open();
      last().say(hello);
      opened.socket.expect(true);
      return opened;
    }

    it('replaces a connection that has died, where it was, and hears it no more', () => {
      const { heard, others, connected } = watching();
      const old = last();
      pass(10_000, old);
      expect(FakeSocket.all).toHaveLength(1);
      const told = others.length;
      const asked = old.sent.length;
      pass(3_000);
      expect(old.sent.length).toBeGreaterThan(asked);
      expect(FakeSocket.all).toHaveLength(2);
      expect(last().url).toContain('since=L:4');
      expect(old.closed).toBe(true);
      old.say({ type: 'air', state: 'live', epoch: 'e' });
      old.say(part);
      expect(others).toHaveLength(told);
      last().say(hello);
      expect(heard).toEqual(['hello', 'hello']);
      expect(connected).toEqual(['comptoir.v1.json', null, 'comptoir.v1.json']);
    });

    it('leaves one alone that answers, or on which nothing is expected', () => {
      const { socket } = watching();
      for (let i = 0; i < 20; i += 1) {
        pass(1_500);
        last().say({ type: 'clock', t: 1, server_ms: 2 });
      }
      expect(FakeSocket.all).toHaveLength(1);
      socket.expect(false);
      pass(20_000);
      expect(FakeSocket.all).toHaveLength(1);
    });

    it('does not take its own absence for silence', () => {
      watching();
      vi.spyOn(performance, 'now').mockReturnValue(1e7);
      vi.advanceTimersByTime(250);
      expect(FakeSocket.all).toHaveLength(1);
    });

    it('does not hammer a server that greets and then says nothing', () => {
      watching();
      const born: number[] = [];
      for (let ms = 0; ms < 120_000; ms += 250) {
        const before = FakeSocket.all.length;
        vi.advanceTimersByTime(250);
        if (FakeSocket.all.length > before) {
          born.push(ms);
          last().say(hello);
        }
      }
      expect(born.length).toBeLessThan(14);
      expect(born.at(-1)! - born.at(-2)!).toBeGreaterThan(8_000);
    });

    it('does not hammer a server that is gone', () => {
      watching();
      pass(120_000);
      expect(FakeSocket.all.length).toBeLessThan(14);
    });

    it('begins at once when the browser has a network again', () => {
      const { socket, connected } = watching();
      const old = last();
      pass(60_000);
      const before = FakeSocket.all.length;
      socket.renew();
      expect(FakeSocket.all).toHaveLength(before + 1);
      expect(old.closed).toBe(true);
      last().say(hello);
      expect(connected.at(-1)).toBe('comptoir.v1.json');
      pass(3_000);
      expect(FakeSocket.all).toHaveLength(before + 2);
    });

    it('takes a snapshot when what dies had a gap', () => {
      const { socket } = open(({ kind }) => (kind === 'event' ? 'gap' : 'ok'));
      last().say(hello);
      last().say({ type: 'event', epoch: 'L', offset: 9, event: 'order', data: {} });
      socket.renew();
      expect(last().url).not.toContain('since');
    });

    it('ends when told', () => {
      const { socket } = watching();
      socket.stop();
      socket.renew();
      socket.expect(true);
      pass(60_000);
      expect(FakeSocket.all).toHaveLength(1);
    });
  });

  it('bears what is no message', () => {
    const { heard } = open();
    last().onmessage?.({ data: 'nonsense' });
    last().say({ type: 'from the future' });
    expect(heard).toEqual([]);
  });
});
