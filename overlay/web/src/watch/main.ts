/** The watch page: one player from edge to edge, the cards on its frames, offers, and the cart. */

import { html, render } from 'lit';

import '../player/element';
import type { ComptoirPlayer, StateChange } from '../player/element';
import { PushEngine } from '../player/push-engine';
import { callApi } from '../shared/api';
import { localUrl, speakReadersLanguage, t } from '../shared/i18n';
import markUrl from '../shared/mark.svg';
import { MSGPACK_WIRE } from '../shared/msgpack-wire';
import { ShowFeed } from '../shared/show-feed';
import { showFromPath } from '../shared/show-name';
import { JSON_WIRE } from '../shared/wire';
import './cards/card';
import './cart/drawer';
import { connectParent } from './embedded';
import './offers/strip';
import './product/sheet';
import './rehearsal';
import { ShopWindow } from './shop-window';
import { Viewer } from './viewer';

speakReadersLanguage();
const show = showFromPath(location.pathname) ?? '';
const feed = new ShowFeed(show, PushEngine.isSupported() ? MSGPACK_WIRE : JSON_WIRE);
const viewer = new Viewer(callApi);

function onStateChange(event: StateChange): void {
  document.title = t('watch.title', { title: event.detail.title || show });
}

render(
  html`<main>
    <comptoir-player show=${show} page-keys .feed=${feed} @statechange=${onStateChange}>
      <a class="brand" slot="brand" href=${localUrl('/')} aria-label="Comptoir">
        <img src=${markUrl} alt="" width="32" height="32" />
      </a>
      <comptoir-cart slot="actions" show=${show} .viewer=${viewer}></comptoir-cart>
      <div slot="card" class="stand">
        <comptoir-rehearsal .feed=${feed}></comptoir-rehearsal>
        <comptoir-offers></comptoir-offers>
        <comptoir-card></comptoir-card>
        <comptoir-card></comptoir-card>
        <comptoir-card></comptoir-card>
      </div>
    </comptoir-player>
    <comptoir-product></comptoir-product>
  </main>`,
  document.querySelector<HTMLElement>('#page')!,
);

const shop = new ShopWindow(show, feed, viewer, {
  player: document.querySelector<ComptoirPlayer>('comptoir-player')!,
  cards: [...document.querySelectorAll('comptoir-card')],
  offers: document.querySelector('comptoir-offers')!,
  sheet: document.querySelector('comptoir-product')!,
  cart: document.querySelector('comptoir-cart')!,
});
shop.start();
connectParent(shop, feed);
if (show !== '') feed.start();
