import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EventSocket } from '../../src/shared/events';
import type { LogPlace, Message } from '../../src/shared/show-model';

class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = FakeSocket.OPEN;
  sent: string[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
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
  const connected: boolean[] = [];
  const heard: string[] = [];
  let place: LogPlace | null = null;
  const socket = new EventSocket('demo', {
    place: () => place,
    hear: (message) => {
      heard.push(message.kind);
      place = { epoch: 'L', offset: 4 };
      return judge(message);
    },
    connected: (is) => connected.push(is),
  });
  socket.start();
  return { socket, connected, heard };
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
  });

  it('begins with a snapshot and resumes from where it was', () => {
    const { connected } = open();
    expect(last().url).toBe('wss://shop.example/live/demo/events');
    expect(last().protocols).toEqual(['comptoir.v1.json']);
    last().say(hello);
    last().onclose?.();
    expect(connected).toEqual([true, false]);
    vi.advanceTimersByTime(500);
    expect(FakeSocket.all).toHaveLength(2);
    expect(last().url).toBe('wss://shop.example/live/demo/events?since=L:4');
  });

  it('begins anew with a snapshot after a gap', () => {
    const { connected } = open(({ kind }) => (kind === 'event' ? 'gap' : 'ok'));
    last().say(hello);
    last().say({ type: 'event', epoch: 'L', offset: 9, event: 'order', data: {} });
    expect(last().closed).toBe(true);
    vi.advanceTimersByTime(500);
    expect(last().url).not.toContain('since');
    expect(connected).toEqual([true, false]);
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

  it('bears what is no message', () => {
    const { heard } = open();
    last().onmessage?.({ data: 'nonsense' });
    last().say({ type: 'from the future' });
    expect(heard).toEqual([]);
  });
});
