/** The watch page: one player from edge to edge. */

import { html, render } from 'lit';

import '../player/element';
import type { StateChange } from '../player/element';
import { localUrl, speakReadersLanguage, t } from '../shared/i18n';
import markUrl from '../shared/mark.svg';
import { showFromPath } from '../shared/show-name';

speakReadersLanguage();
const show = showFromPath(location.pathname) ?? '';

function onStateChange(event: StateChange): void {
  document.title = t('watch.title', { title: event.detail.title || show });
}

render(
  html`<main>
    <comptoir-player show=${show} page-keys @statechange=${onStateChange}>
      <a class="brand" slot="brand" href=${localUrl('/')} aria-label="Comptoir">
        <img src=${markUrl} alt="" width="32" height="32" />
      </a>
    </comptoir-player>
  </main>`,
  document.querySelector<HTMLElement>('#page')!,
);
