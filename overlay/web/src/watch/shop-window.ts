/** Ties the card and the cart of the watch page to the show and to the frames of its video. */

import type { ComptoirPlayer, TimedMetadata } from '../player/element';
import { type Cue, cueFromPayload } from '../shared/shop';
import type { ShowFeed } from '../shared/show-feed';
import type { ShowModel } from '../shared/show-model';
import type { ComptoirCard } from './cards/card';
import { CardDirector } from './cards/director';
import type { ComptoirCart } from './cart/drawer';

/** A card whose product is unknown asks for the state of the show, this often at most. */
const ASK_EVERY_MS = 2_000;

export class ShopWindow {
  private readonly director: CardDirector;
  private cues: readonly Cue[] = [];
  private shown: Cue | null = null;
  private askedAtMs = -Infinity;

  constructor(
    private readonly feed: ShowFeed,
    private readonly player: ComptoirPlayer,
    private readonly card: ComptoirCard,
    private readonly cart: ComptoirCart,
  ) {
    this.director = new CardDirector(
      player.video,
      (seconds) => player.momentAt(seconds),
      (cue) => {
        this.shown = cue;
        this.put();
      },
    );
  }

  /** Lasts as long as the page. */
  start(): void {
    this.cart.onChange = () => this.put();
    this.card.onAdd = ({ id }) => this.cart.add(id);
    this.feed.subscribe((model) => this.onModel(model));
    this.player.addEventListener('timedmetadata', (event) => {
      const cue = cueFromPayload((event as TimedMetadata).detail.payload);
      if (cue !== null) this.director.learn([cue]);
    });
    this.player.addEventListener('statechange', () => this.director.refresh());
    this.director.start();
  }

  private onModel({ cues, products }: ShowModel): void {
    this.cart.products = products;
    if (cues !== this.cues) {
      this.cues = cues;
      this.director.learn(cues);
    }
    this.put();
  }

  private put(): void {
    const id = this.shown?.product ?? null;
    const product = id === null ? null : (this.feed.model.products.get(id) ?? null);
    this.card.put(this.shown, product);
    this.card.inCart = id === null ? 0 : this.cart.quantityOf(id);
    this.player.toggleAttribute('data-card', this.card.hasAttribute('data-cue-id'));
    if (id !== null && product === null) this.askForProducts();
  }

  private askForProducts(): void {
    const now = performance.now();
    if (now - this.askedAtMs < ASK_EVERY_MS) return;
    this.askedAtMs = now;
    void this.feed.fetch().catch(() => undefined);
  }
}
