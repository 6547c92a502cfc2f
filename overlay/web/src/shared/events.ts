/**
 * The event socket of a show: opened, kept alive, and opened again where it left off.
 *
 * Lifecycle: `start()` once, `stop()` once. In between it never gives up; attempts are spread by
 * `backoffMs`. What it says is judged by `hear`; a `'gap'` makes it begin anew.
 */

import { eventsUrl } from './api';
import { backoffMs } from './backoff';
import { type LogPlace, type Message, parseMessage } from './show-model';

export const EVENTS_PROTOCOL = 'comptoir.v1.json';

/** A clock question that often keeps the way open; without any word for longer it is cut. */
const ASK_EVERY_MS = 10_000;
const SILENT_MS = 25_000;

export interface EventListener {
  /** From where the next connection resumes, or null to begin with a snapshot. */
  place(): LogPlace | null;
  hear(message: Message): 'ok' | 'gap';
  /** True from the server's hello until the connection is lost. */
  connected(is: boolean): void;
}

export class EventSocket {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private heardAtMs = 0;
  private greeted = false;
  private retryTimer = 0;
  private askTimer = 0;
  private stopped = false;

  constructor(
    private readonly show: string,
    private readonly listener: EventListener,
  ) {}

  start(): void {
    this.open(this.listener.place());
  }

  /** Another connection takes up at once where this one is. */
  reopen(): void {
    if (!this.stopped && this.socket !== null) this.open(this.listener.place());
  }

  /** False where the message cannot go out now; nothing is kept for later. */
  send(message: Readonly<Record<string, unknown>>): boolean {
    if (!this.greeted || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retryTimer);
    this.drop();
  }

  private open(since: LogPlace | null): void {
    this.drop();
    this.heardAtMs = performance.now();
    const socket = new WebSocket(eventsUrl(this.show, since), [EVENTS_PROTOCOL]);
    this.socket = socket;
    socket.onopen = () => this.ask();
    socket.onmessage = ({ data }: MessageEvent) => this.onMessage(String(data));
    socket.onclose = () => this.onLost();
    this.askTimer = window.setInterval(() => this.keepAlive(), ASK_EVERY_MS);
  }

  private onMessage(text: string): void {
    this.heardAtMs = performance.now();
    const message = parseMessage(text);
    if (message === null) return;
    if (this.listener.hear(message) === 'gap') {
      this.onLost(null);
      return;
    }
    if (message.kind === 'hello' && !this.greeted) {
      this.greeted = true;
      this.attempt = 0;
      this.listener.connected(true);
    }
  }

  /** A gap begins again from a snapshot: what was missed may not be there any more. */
  private onLost(since: LogPlace | null = this.listener.place()): void {
    this.drop();
    if (this.stopped) return;
    const delayMs = backoffMs(this.attempt, Math.random());
    this.attempt += 1;
    this.retryTimer = window.setTimeout(() => this.open(since), delayMs);
  }

  private drop(): void {
    clearInterval(this.askTimer);
    clearTimeout(this.retryTimer);
    const { socket } = this;
    this.socket = null;
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    if (this.greeted) {
      this.greeted = false;
      this.listener.connected(false);
    }
  }

  private keepAlive(): void {
    if (performance.now() - this.heardAtMs > SILENT_MS) this.onLost();
    else if (this.socket?.readyState === WebSocket.OPEN) this.ask();
  }

  private ask(): void {
    this.socket?.send(JSON.stringify({ type: 'clock', t: performance.now() }));
  }
}
