/** The studio page: a plain frame around `<comptoir-studio>`. */

import { html, render } from 'lit';

import { localUrl, speakReadersLanguage, t } from '../shared/i18n';
import '../shared/messages/studio';
import markUrl from '../shared/mark.svg';
import { showFromPath } from '../shared/show-name';
import './page';

speakReadersLanguage();
const show = showFromPath(location.pathname);
document.title = t('studio.page-title', { show: show ?? '' });

render(
  html`
    <header>
      <a class="brand" href=${localUrl('/')}>
        <img src=${markUrl} alt="" width="32" height="32" /> Comptoir
      </a>
      <h1>${t('studio.title')}<span>${show}</span></h1>
    </header>
    <main>
      ${
        show === null
          ? html`<p class="nowhere">${t('studio.unknown')}</p>`
          : html`<comptoir-studio show=${show}></comptoir-studio>`
      }
    </main>
  `,
  document.querySelector<HTMLElement>('#page')!,
);
