/** The watch page: one player from edge to edge, the card on its frames, and the cart. */

import { html, render } from 'lit';

import '../player/element';
import type { ComptoirPlayer, StateChange } from '../player/element';
import { localUrl, speakReadersLanguage, t } from '../shared/i18n';
import markUrl from '../shared/mark.svg';
import { ShowFeed } from '../shared/show-feed';
import { showFromPath } from '../shared/show-name';
import './cards/card';
import type { ComptoirCard } from './cards/card';
import './cart/drawer';
import type { ComptoirCart } from './cart/drawer';
import { ShopWindow } from './shop-window';

speakReadersLanguage();
const show = showFromPath(location.pathname) ?? '';
const feed = new ShowFeed(show);

function onStateChange(event: StateChange): void {
  document.title = t('watch.title', { title: event.detail.title || show });
}

render(
  html`<main>
    <comptoir-player show=${show} page-keys .feed=${feed} @statechange=${onStateChange}>
      <a class="brand" slot="brand" href=${localUrl('/')} aria-label="Comptoir">
        <img src=${markUrl} alt="" width="32" height="32" />
      </a>
      <comptoir-cart slot="actions" show=${show}></comptoir-cart>
      <comptoir-card slot="card"></comptoir-card>
    </comptoir-player>
  </main>`,
  document.querySelector<HTMLElement>('#page')!,
);

new ShopWindow(
  feed,
  document.querySelector<ComptoirPlayer>('comptoir-player')!,
  document.querySelector<ComptoirCard>('comptoir-card')!,
  document.querySelector<ComptoirCart>('comptoir-cart')!,
).start();
if (show !== '') feed.start();
