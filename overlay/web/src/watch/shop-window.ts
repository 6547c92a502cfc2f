/**
 * Ties the cards, the offers, the product sheet and the cart of the watch page to the show and to the
 * frames of its video.
 */

import type { ComptoirPlayer, TimedMetadata } from '../player/element';
import { isText } from '../shared/checks';
import { t } from '../shared/i18n';
import { type Offer, type ViewerClock, phaseAt } from '../shared/offers';
import type { Product, Variant } from '../shared/product';
import { type Cue, MAX_SHOWN, cueFromPayload } from '../shared/shop';
import type { ShowFeed } from '../shared/show-feed';
import type { ShowModel } from '../shared/show-model';
import type { ComptoirCard } from './cards/card';
import { CardDirector } from './cards/director';
import { parseServerCart } from './cart/cart';
import type { ComptoirCart } from './cart/drawer';
import { claimText } from './cart/words';
import { Claims } from './offers/claims';
import type { ComptoirOffers, OfferActions } from './offers/strip';
import { PlayheadReports } from './playhead';
import type { ComptoirProduct } from './product/sheet';
import type { Viewer } from './viewer';

/** A card whose product is unknown asks for the state of the show, this often at most. */
const ASK_EVERY_MS = 2_000;
const COUNTDOWN_EVERY_MS = 250;
/** An offer makes viewers known; not all in one instant. */
const INTRODUCE_WITHIN_MS = 4_000;
const MAX_OVERRIDES = 500;

export interface Counter {
  readonly player: ComptoirPlayer;
  readonly cards: readonly ComptoirCard[];
  readonly offers: ComptoirOffers;
  readonly sheet: ComptoirProduct;
  readonly cart: ComptoirCart;
}

/** Something that was put into the cart by a button of this page. */
export type Added = (product: Product, variant: Variant) => void;

export class ShopWindow implements OfferActions {
  /** Called when the viewer wants something; the default puts it into the cart. */
  onAdd: Added = (product, variant) => this.counter.cart.add(product, variant);
  /** Called whenever the cart has changed. */
  onCart: () => void = () => {};
  private readonly director: CardDirector;
  private readonly claims: Claims;
  private cues: readonly Cue[] = [];
  private shown: readonly Cue[] = [];
  private rehearsal = false;
  private askedAtMs = -Infinity;
  private renewedAtMs = -Infinity;
  private introducing = 0;
  /** What the page around this one says of products. Bounded. */
  private readonly overrides = new Map<string, Partial<Product>>();

  constructor(
    private readonly show: string,
    private readonly feed: ShowFeed,
    private readonly viewer: Viewer,
    readonly counter: Counter,
  ) {
    const { player } = counter;
    this.claims = new Claims(this.show, viewer);
    this.director = new CardDirector(
      player.video,
      (seconds) => player.momentAt(seconds),
      (cues) => {
        this.shown = cues;
        this.put();
      },
    );
  }

  /** Lasts as long as the page. */
  start(): void {
    const { player, cards, offers, sheet, cart } = this.counter;
    cart.onChange = () => {
      this.put();
      this.onCart();
    };
    offers.actions = this;
    sheet.onAdd = (product, variant) => this.onAdd(product, variant);
    for (const card of cards) {
      card.onAdd = (product, variant) => this.onAdd(product, variant);
      card.onDetails = (product) => sheet.open(product);
    }
    this.viewer.onIntroduced = () => this.feed.introduced();
    this.feed.subscribe((model) => this.onModel(model));
    this.feed.onCart((cart) => this.hearCart(cart));
    player.addEventListener('timedmetadata', (event) => {
      const cue = cueFromPayload((event as TimedMetadata).detail.payload);
      if (cue !== null) this.director.learn([cue]);
    });
    player.addEventListener('statechange', () => this.director.refresh());
    this.director.start();
    window.setInterval(() => this.count(), COUNTDOWN_EVERY_MS);
    new PlayheadReports({
      moment: () => this.director.moment,
      playing: () => !player.video.paused && this.viewer.remembered,
      tell: (message) => this.feed.tell(message),
    }).start();
  }

  /** Where this viewer is: on which frame, and what time it is. */
  clock(): ViewerClock {
    const moment = this.director.moment;
    const utcMs = this.feed.serverNowMs() ?? Date.now();
    return { epoch: moment?.epoch ?? null, tick: moment?.tick ?? null, utcMs };
  }

  async claim(offer: Offer): Promise<string | null> {
    const claim = await this.claims.claim(offer.id);
    if (claim.kind === 'lost') return t('offer.refused.lost');
    if (claim.kind === 'refused') return claimText(claim.code, claim.message);
    this.counter.cart.takeCoupon(offer.id, claim.code);
    this.count();
    return null;
  }

  addBundle(offer: Offer): void {
    this.counter.cart.addBundle(offer.id);
  }

  codeOf(offer: Offer): string | null {
    return this.counter.cart.couponCode(offer.id);
  }

  /** Name, description and whether it is sold out, as the merchant's own page knows them. */
  override(id: string, change: Readonly<Record<string, unknown>>): void {
    const { name, description, soldOut } = change;
    if (this.overrides.size >= MAX_OVERRIDES && !this.overrides.has(id)) return;
    this.overrides.set(id, {
      ...(isText(name) ? { name } : {}),
      ...(isText(description) ? { description } : {}),
      ...(soldOut === true ? { soldOut } : {}),
    });
    this.onModel(this.feed.model);
  }

  private get products(): ReadonlyMap<string, Product> {
    const { products } = this.feed.model;
    if (this.overrides.size === 0) return products;
    return new Map(
      [...products].map(([id, product]) => [id, { ...product, ...this.overrides.get(id) }]),
    );
  }

  private onModel({ cues, offers, rehearsal }: ShowModel): void {
    const { cart, sheet, cards } = this.counter;
    const { products } = this;
    for (const part of [cart, sheet, this.counter.offers]) {
      part.products = products;
      part.offers = offers;
    }
    for (const card of cards) card.offers = offers;
    if (this.rehearsal && !rehearsal) this.director.restore(cues);
    else if (cues !== this.cues) this.director.learn(cues);
    this.cues = cues;
    this.rehearsal = rehearsal;
    if (offers.size > 0) this.count();
    this.put();
  }

  private hearCart(given: unknown): void {
    const cart = parseServerCart(given);
    if (cart !== null) this.counter.cart.desk.hear(cart);
  }

  private put(): void {
    const { cards, cart, player, offers } = this.counter;
    const { products } = this;
    const slots = this.shown
      .flatMap((cue) => cue.products.map((id) => ({ cue, id })))
      .slice(-MAX_SHOWN);
    cards.forEach((card, i) => {
      const slot = slots[i];
      card.put(slot?.cue ?? null, slot === undefined ? null : (products.get(slot.id) ?? null));
      card.inCart = slot === undefined ? 0 : cart.quantityOf(slot.id);
    });
    const up = cards.filter((card) => card.hasAttribute('data-cue-id')).length;
    player.toggleAttribute('data-card', up > 0);
    player.dataset['cards'] = String(up);
    offers.onCards = slots.map(({ id }) => id);
    if (slots.some(({ id }) => !products.has(id))) this.askForProducts();
  }

  /** Renews what counts down, while anything does. */
  private count(): void {
    const { cards, offers, sheet, cart } = this.counter;
    const { model } = this.feed;
    const clock = this.clock();
    if (cart.counting) cart.nowMs = clock.utcMs;
    this.renewHolds(clock.utcMs);
    if (model.offers.size === 0) return;
    for (const part of [...cards, offers, sheet]) part.clock = clock;
    const open = [...model.offers.values()].some((offer) => phaseAt(offer, clock) !== 'over');
    if (open) this.introduceSoon();
  }

  /** A hold that is over by this clock is asked about: the server has the last word. */
  private renewHolds(nowMs: number): void {
    const { desk } = this.counter.cart;
    const over = desk.seen?.lines.some(
      ({ heldUntilUs }) => heldUntilUs !== null && heldUntilUs / 1_000 < nowMs,
    );
    if (!over || nowMs - this.renewedAtMs < ASK_EVERY_MS) return;
    this.renewedAtMs = nowMs;
    void desk.reload();
  }

  /** Offers end by what each viewer was seeing, which the server can only know of known ones. */
  private introduceSoon(): void {
    if (this.introducing !== 0) return;
    const again = () => void this.viewer.introduce().catch(() => (this.introducing = 0));
    this.introducing = window.setTimeout(again, Math.random() * INTRODUCE_WITHIN_MS);
  }

  private askForProducts(): void {
    const now = performance.now();
    if (now - this.askedAtMs < ASK_EVERY_MS) return;
    this.askedAtMs = now;
    void this.feed.fetch().catch(() => undefined);
  }
}
