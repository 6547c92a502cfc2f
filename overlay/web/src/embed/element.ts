/**
 * `<comptoir-player show="NAME">` on a merchant's page: the show in a frame, and the cart between both.
 * `server` names another origin than the one that this script came from.
 */

import { asMap, isText, textOr } from '../shared/checks';
import {
  ANSWER_WITHIN_MS,
  EVENT,
  type EventName,
  type FromPage,
  type Settings,
  type Verdict,
  sealed,
  unsealed,
  verdictOf,
} from './protocol';

export type Answer = (verdict: boolean | { success: boolean; reason?: string }) => void;
export type Listener = (event: Readonly<Record<string, unknown>>, callback: Answer) => void;

const MAX_WAITING = 100;
const NAMES: readonly string[] = Object.values(EVENT);
const SCRIPT_ORIGIN =
  document.currentScript instanceof HTMLScriptElement
    ? new URL(document.currentScript.src).origin
    : location.origin;

export class ComptoirPlayerFrame extends HTMLElement {
  static observedAttributes = ['show', 'server'];
  /** The names of events, for `on`. */
  readonly EVENT = EVENT;
  private readonly listeners = new Map<string, Set<Listener>>();
  private frame: HTMLIFrameElement | null = null;
  private settings: Settings = {};
  /** Said before the frame could hear. Bounded: the oldest is forgotten. */
  private waiting: FromPage[] = [];
  private ready = false;
  private life = new AbortController();

  connectedCallback(): void {
    this.life = new AbortController();
    addEventListener('message', (event) => this.hear(event), { signal: this.life.signal });
    this.build();
  }

  disconnectedCallback(): void {
    this.life.abort();
    this.frame?.remove();
    this.frame = null;
  }

  attributeChangedCallback(): void {
    if (this.isConnected && this.frame !== null) this.build();
  }

  /** `listener` gets the event, and a callback for those that ask. Returns what ends it. */
  on(name: EventName, listener: Listener): () => void {
    if (!NAMES.includes(name)) {
      throw new Error(`comptoir-player has no event "${name}": it has ${NAMES.join(', ')}.`);
    }
    const all = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, all.add(listener));
    this.greet();
    return () => this.off(name, listener);
  }

  off(name: EventName, listener: Listener): void {
    this.listeners.get(name)?.delete(listener);
    this.greet();
  }

  /** Currency, language and buttons. A new language loads the player anew. */
  configure(settings: Settings): void {
    const another = settings.locale !== undefined && settings.locale !== this.settings.locale;
    this.settings = { ...this.settings, ...settings };
    if (another && this.frame !== null) this.build();
    else if (this.ready) this.say({ type: 'configure', settings: this.settings });
  }

  /** What the merchant knows better: `{name, description, soldOut}`. Prices are the server's. */
  updateProduct(id: string, change: Record<string, unknown>): void {
    this.say({ type: 'product', id, change });
  }

  /** The cart is now `[{product, variant, quantity}]`. */
  updateCart(items: unknown): void {
    this.say({ type: 'cart', items });
  }

  /** Opens the cart; with an address, the way to it. */
  showCheckout(url?: string): void {
    this.say({ type: 'checkout', url: url ?? null });
  }

  private get origin(): string {
    const server = this.getAttribute('server');
    return server === null ? SCRIPT_ORIGIN : new URL(server, location.href).origin;
  }

  private build(): void {
    const show = this.getAttribute('show') ?? '';
    const frame = document.createElement('iframe');
    const { locale } = this.settings;
    const asked = locale === undefined ? '' : `&lang=${encodeURIComponent(locale)}`;
    frame.src = `${this.origin}/watch/${encodeURIComponent(show)}?embed=1${asked}`;
    frame.title = this.getAttribute('title') ?? show;
    frame.allow = 'autoplay; fullscreen; picture-in-picture';
    frame.style.cssText = 'display:block;width:100%;height:100%;border:0';
    this.frame?.remove();
    this.frame = frame;
    this.ready = false;
    if (getComputedStyle(this).display === 'inline') this.style.display = 'block';
    this.append(frame);
  }

  private hear({ source, origin, data }: MessageEvent): void {
    if (this.frame === null || source !== this.frame.contentWindow || origin !== this.origin) return;
    const message = unsealed(data);
    if (message?.['type'] !== 'event' || !isText(message['name'])) return;
    const { name, detail } = message;
    if (name === EVENT.READY) this.begin();
    this.deliver(name, asMap(detail) ?? {}, textOr(message['id'], null));
  }

  /** The first answer counts; none in time is a no. */
  private deliver(name: string, detail: Record<string, unknown>, id: string | null): void {
    let open = id !== null;
    const reply = (verdict: Verdict) => {
      if (!open || id === null) return;
      open = false;
      clearTimeout(timer);
      this.say({ type: 'answer', id, verdict });
    };
    const late = () => reply({ success: false, reason: 'timeout' });
    const timer = open ? window.setTimeout(late, ANSWER_WITHIN_MS) : 0;
    const listeners = [...(this.listeners.get(name) ?? [])];
    if (listeners.length === 0) reply({ success: false, reason: 'no-listener' });
    for (const listener of listeners) listener(detail, (answer) => reply(verdictOf(answer)));
  }

  private begin(): void {
    this.ready = true;
    this.greet();
    this.say({ type: 'configure', settings: this.settings });
    for (const message of this.waiting.splice(0)) this.say(message);
  }

  private greet(): void {
    if (!this.ready) return;
    const listens = NAMES.filter((name) => (this.listeners.get(name)?.size ?? 0) > 0);
    this.say({ type: 'hello', listens });
  }

  private say(message: FromPage): void {
    if (this.ready) this.frame?.contentWindow?.postMessage(sealed(message), this.origin);
    else this.waiting = [...this.waiting, message].slice(-MAX_WAITING);
  }
}
