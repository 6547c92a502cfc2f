/**
 * All that a page hears of its show: the event socket, and `/live/{show}/state` where the socket
 * has nothing to say. One per page; the player, the cards, the cart and the studio share it.
 *
 * Lifecycle: `start()` once, `stop()` once.
 */

import { fetchState } from './api';
import { EventSocket } from './events';
import { type MediaLine, SocketMedia } from './media-line';
import type { ShowReport } from './report';
import { RoundTrips } from './round-trips';
import { type Message, NOTHING_KNOWN, type ShowModel, absorb, fold } from './show-model';
import { JSON_WIRE, MSGPACK_PROTOCOL, type Wire } from './wire';

type Listener = (model: ShowModel) => void;
type CartListener = (cart: unknown) => void;

/** In the mean: those who hear of a new epoch together must not ask together. */
const COMPLETE_AFTER_MS = 1_500;

export class ShowFeed {
  model: ShowModel = NOTHING_KNOWN;
  connected = false;
  private readonly socket: EventSocket;
  private readonly listeners = new Set<Listener>();
  private readonly cartListeners = new Set<CartListener>();
  private completing = 0;
  private stopped = false;
  private readonly life = new AbortController();
  private readonly roundTrips = new RoundTrips();
  private readonly carried: SocketMedia | null;

  /** `wire` decides whether the socket can carry media too. */
  constructor(
    private readonly show: string,
    wire: Wire = JSON_WIRE,
  ) {
    const able = wire.protocols.includes(MSGPACK_PROTOCOL);
    this.carried = able
      ? new SocketMedia({
          send: (message) => this.tell(message),
          ask: () => this.socket.ask(),
          renew: () => this.socket.renew(),
          expect: (much) => this.socket.expect(much),
        })
      : null;
    this.socket = new EventSocket(
      show,
      {
        place: () => this.model.log,
        hear: (message) => this.hear(message),
        other: (message) => this.carried?.hear(message),
        connected: (protocol) => this.onConnected(protocol),
      },
      wire,
    );
  }

  /** The media that this page's socket can carry, or null where it can carry none. */
  get media(): MediaLine | null {
    return this.carried;
  }

  /** Seconds there and back, or null before the first answer. */
  get roundTripS(): number | null {
    return this.roundTrips.typicalS;
  }

  start(): void {
    this.socket.start();
    // Of another network than before, most often: what was connected there says nothing any more.
    addEventListener('online', () => this.socket.renew(), { signal: this.life.signal });
  }

  stop(): void {
    this.stopped = true;
    this.life.abort();
    clearTimeout(this.completing);
    this.socket.stop();
    this.listeners.clear();
    this.cartListeners.clear();
  }

  /** `listener` hears of this viewer's own cart, which nobody else does. */
  onCart(listener: CartListener): void {
    this.cartListeners.add(listener);
  }

  /** The page has become a known viewer: the socket must say so, and takes up where it was. */
  introduced(): void {
    this.socket.reopen();
  }

  /** False where nobody is listening just now. */
  tell(message: Readonly<Record<string, unknown>>): boolean {
    return this.socket.send(message);
  }

  /** `listener` hears every change from now on. The answer ends that. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The server's Unix time in milliseconds, or null before it has told. */
  serverNowMs(): number | null {
    const { offsetMs } = this.roundTrips;
    return offsetMs === null ? null : performance.now() + offsetMs;
  }

  /**
   * How the show fares: what the socket told, else fetched. Rejects when the server cannot be
   * reached. The answer may be older than what listeners were told meanwhile by an instant.
   */
  async ask(): Promise<ShowReport | 'unknown'> {
    const { air } = this.model;
    return this.connected && air !== null ? air : this.fetch();
  }

  /** The same, from the server's snapshot in any case. */
  async fetch(): Promise<ShowReport | 'unknown'> {
    const snapshot = await fetchState(this.show);
    if (snapshot === 'unknown') return 'unknown';
    this.become(absorb(this.model, snapshot));
    if (snapshot.air === null) throw new Error('the server did not say how the show fares');
    return snapshot.air;
  }

  private hear(message: Message): 'ok' | 'gap' {
    if (message.kind === 'clock') {
      this.roundTrips.read(message.sentMs, message.serverMs, performance.now());
    }
    if (message.kind === 'cart') {
      for (const listener of this.cartListeners) listener(message.cart);
    }
    const next = fold(this.model, message);
    if (next === 'gap') return 'gap';
    this.become(next);
    return 'ok';
  }

  private become(model: ShowModel): void {
    if (model === this.model) return;
    this.model = model;
    for (const listener of this.listeners) listener(model);
    this.completeLater();
  }

  /** The socket tells that a media epoch has begun, but not where its tick 0 lies. */
  private completeLater(): void {
    const { air, anchor } = this.model;
    const complete = air === null || air.epoch === null || air.epoch === anchor?.epoch;
    if (complete || this.completing !== 0 || this.stopped) return;
    const delayMs = COMPLETE_AFTER_MS * (0.5 + Math.random());
    this.completing = window.setTimeout(() => {
      void this.fetch()
        .catch(() => undefined)
        .then(() => {
          this.completing = 0;
          this.completeLater();
        });
    }, delayMs);
  }

  private onConnected(protocol: string | null): void {
    this.connected = protocol !== null;
    this.carried?.connected(protocol);
  }
}
