/**
 * The event socket of a show: opened, kept alive, and opened again where it left off.
 *
 * Lifecycle: `start()` once, `stop()` once. In between it never gives up; attempts are spread by
 * `backoffMs`. What it says is judged by `hear`; a `'gap'` makes it begin anew.
 */

import { eventsUrl } from './api';
import { backoffMs } from './backoff';
import { type LogPlace, type Message, parseMessage } from './show-model';
import { Silence, TICK_MS } from './silence';
import { type Fields, JSON_WIRE, type Wire } from './wire';

/** A clock question that often keeps the way open; without any word for longer it is cut. */
const ASK_EVERY_MS = 10_000;
const SILENT_MS = 25_000;
/** A connection that is to replace another has this long to greet, else the other is given up. */
const SUCCEED_MS = 4_000;

export interface EventListener {
  /** From where the next connection resumes, or null to begin with a snapshot. */
  place(): LogPlace | null;
  hear(message: Message): 'ok' | 'gap';
  /** Messages of kinds that are none of the log's, as they came. */
  other?(message: Fields): void;
  /**
   * The subprotocol at the server's hello, null when the connection is lost. Told anew when one
   * connection has taken over from another: nothing that was asked of that one holds any more.
   */
  connected(protocol: string | null): void;
}

export class EventSocket {
  private socket: WebSocket | null = null;
  /** Still heard until its successor greets. */
  private retiring: WebSocket | null = null;
  private attempt = 0;
  private heardAtMs = 0;
  private greeted = false;
  private retryTimer = 0;
  private askTimer = 0;
  private succeedTimer = 0;
  private watchTimer = 0;
  private readonly silence = new Silence();
  private stopped = false;
  /** Of the retiring one nothing but media is heard: its log has a gap. */
  private deaf = false;

  constructor(
    private readonly show: string,
    private readonly listener: EventListener,
    private readonly wire: Wire = JSON_WIRE,
  ) {}

  start(): void {
    this.open(this.listener.place());
  }

  /** Another connection takes over where this one is, which is heard until then. */
  reopen(): void {
    const { socket } = this;
    if (this.stopped || socket === null) return;
    if (!this.greeted) {
      this.open(this.listener.place());
      return;
    }
    this.retire(socket);
    this.succeedTimer = window.setTimeout(() => this.onLost(), SUCCEED_MS);
    this.open(this.listener.place());
  }

  /** The same at once: the one that is, if there is one, is taken for dead and not heard any more. */
  renew(): void {
    this.silence.forget();
    this.attempt = 0;
    this.replace();
  }

  /**
   * While media comes there is always something to hear: a connection without a word for about two
   * seconds, and without an answer, is replaced.
   */
  expect(much: boolean): void {
    clearInterval(this.watchTimer);
    this.watchTimer = 0;
    if (!much || this.stopped) return;
    this.silence.began();
    this.watchTimer = window.setInterval(() => this.watch(), TICK_MS);
  }

  /** False where the message cannot go out now; nothing is kept for later. */
  send(message: Fields): boolean {
    if (!this.greeted || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.put(this.socket, message);
    return true;
  }

  /** How long it took the server to answer is of interest now. */
  ask(): void {
    const { socket } = this;
    if (socket?.readyState === WebSocket.OPEN) {
      this.put(socket, { type: 'clock', t: performance.now() });
    }
  }

  stop(): void {
    this.stopped = true;
    this.expect(false);
    this.dismiss();
    this.drop();
  }

  private open(since: LogPlace | null): void {
    this.drop();
    this.heardAtMs = performance.now();
    this.silence.began();
    const socket = new WebSocket(eventsUrl(this.show, since), [...this.wire.protocols]);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => this.ask();
    socket.onmessage = ({ data }: MessageEvent) => this.onMessage(socket, data);
    socket.onclose = () => this.onLost();
    this.askTimer = window.setInterval(() => this.keepAlive(), ASK_EVERY_MS);
  }

  private onMessage(socket: WebSocket, data: unknown): void {
    this.heardAtMs = performance.now();
    this.silence.heard();
    const fields = this.wire.decode(data);
    if (fields === null) return;
    const message = parseMessage(fields);
    if (message === null) {
      this.listener.other?.(fields);
      return;
    }
    if (this.deaf && socket === this.retiring) return;
    if (message.kind === 'hello' && socket === this.socket) this.dismiss();
    if (this.listener.hear(message) === 'gap') {
      this.onGap();
      return;
    }
    if (message.kind === 'hello' && !this.greeted) {
      this.greeted = true;
      this.attempt = 0;
      this.listener.connected(socket.protocol);
    }
  }

  /** A gap begins again from a snapshot: what was missed may not be there any more. Media goes on
   * meanwhile, and those who have the same gap at the same time do not come back in one instant. */
  private onGap(): void {
    const { socket } = this;
    if (!this.greeted || socket === null) {
      this.onLost(null);
      return;
    }
    this.retire(socket);
    this.deaf = true;
    const delayMs = backoffMs(this.attempt, Math.random());
    this.succeedTimer = window.setTimeout(() => this.onLost(null), delayMs + SUCCEED_MS);
    this.retryTimer = window.setTimeout(() => this.open(null), delayMs);
  }

  private retire(socket: WebSocket): void {
    this.dismiss();
    socket.onclose = () => this.dismiss();
    this.retiring = socket;
    this.socket = null;
    this.greeted = false;
  }

  private onLost(since: LogPlace | null = this.listener.place()): void {
    const known = this.greeted || this.retiring !== null;
    this.dismiss();
    this.drop();
    if (known) this.listener.connected(null);
    if (this.stopped) return;
    const delayMs = backoffMs(this.attempt, Math.random());
    this.attempt += 1;
    this.retryTimer = window.setTimeout(() => this.open(since), delayMs);
  }

  private watch(): void {
    if (this.socket === null && this.retiring === null) return;
    const finding = this.silence.tick();
    if (finding === 'ask') this.ask();
    if (finding !== 'dead') return;
    // A connection that has never greeted is a failed attempt, like any other.
    if (this.greeted || this.retiring !== null) this.replace();
    else this.onLost();
  }

  private replace(): void {
    if (this.stopped) return;
    const since = this.deaf ? null : this.listener.place();
    const known = this.greeted || this.retiring !== null;
    this.dismiss();
    this.drop();
    if (known) this.listener.connected(null);
    this.open(since);
  }

  private drop(): void {
    clearInterval(this.askTimer);
    clearTimeout(this.retryTimer);
    silence(this.socket);
    this.socket = null;
    this.greeted = false;
  }

  private dismiss(): void {
    clearTimeout(this.succeedTimer);
    silence(this.retiring);
    this.retiring = null;
    this.deaf = false;
  }

  private keepAlive(): void {
    if (performance.now() - this.heardAtMs > SILENT_MS) this.onLost();
    else this.ask();
  }

  private put(socket: WebSocket, message: Fields): void {
    socket.send(this.wire.encode(message, socket.protocol));
  }
}

function silence(socket: WebSocket | null): void {
  if (socket === null) return;
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.close();
}
