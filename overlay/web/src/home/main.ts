/** The front door: what this is, and the way to a show. */

import { type TemplateResult, html, nothing, render } from 'lit';

import { type MessageKey, localUrl, speakReadersLanguage, t } from '../shared/i18n';
import markUrl from '../shared/mark.svg';
import { type OnAir, fetchOnAir } from './on-air';
import { toShowName } from '../shared/show-name';

speakReadersLanguage();
const page = document.querySelector<HTMLElement>('#page')!;
const LOOK_EVERY_MS = 15_000;
let missing = false;
let onAir: readonly OnAir[] = [];

function open(event: SubmitEvent): void {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const field = form.elements.namedItem('show') as HTMLInputElement;
  const show = toShowName(field.value);
  missing = show === '';
  draw();
  if (missing) {
    field.focus();
    return;
  }
  const place =
    (event.submitter as HTMLButtonElement | null)?.value === 'host' ? 'studio' : 'watch';
  location.assign(localUrl(`/${place}/${show}`));
}

function point(title: MessageKey, text: MessageKey): TemplateResult {
  return html`<li>
    <h2>${t(title)}</h2>
    <p>${t(text)}</p>
  </li>`;
}

function form(): TemplateResult {
  return html`<form class="field" novalidate aria-label=${t('home.open')} @submit=${open}>
    <label for="show">${t('home.name')}</label>
    <input
      id="show"
      name="show"
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      maxlength="80"
      aria-describedby="show-hint"
      aria-invalid=${missing}
    />
    <p id="show-hint" class=${missing ? 'error' : 'hint'} role="status">
      ${t(missing ? 'home.name.missing' : 'home.name.hint')}
    </p>
    <div class="actions">
      <button class="button primary" value="watch">${t('home.watch')}</button>
      <button class="button" value="host">${t('home.host')}</button>
    </div>
  </form>`;
}

function shows(): TemplateResult | typeof nothing {
  if (onAir.length === 0) return nothing;
  return html`<section class="on-air" aria-labelledby="on-air">
    <h2 id="on-air">${t('home.on-air')}</h2>
    <ul>
      ${onAir.map(
        ({ show, title, away, poster }) => html`<li>
          <a href=${localUrl(`/watch/${show}`)} aria-label=${t('home.on-air.watch', { title })}>
            ${
              poster === null
                ? html`<span class="frame empty"><img src=${markUrl} alt="" /></span>`
                : html`<span class="frame"><img src=${poster} alt="" loading="lazy" /></span>`
            }
            <span class="pill ${away ? 'away' : ''}">
              ${t(away ? 'home.away' : 'player.live')}
            </span>
            <strong>${title}</strong>
          </a>
        </li>`,
      )}
    </ul>
  </section>`;
}

/** A list that cannot be had leaves the one before: the door is open all the same. */
async function look(): Promise<void> {
  if (document.hidden) return;
  try {
    onAir = await fetchOnAir();
    draw();
  } catch {
    // asked again soon
  }
}

function draw(): void {
  render(
    html`
      <header>
        <span class="brand"><img src=${markUrl} alt="" width="32" height="32" /> Comptoir</span>
      </header>
      <main>
        <div class="counter">
          <div class="words">
            <h1>${t('home.title')}</h1>
            <p>${t('home.lead')}</p>
          </div>
          ${form()}
        </div>
        ${shows()}
        <ul class="points">
          ${point('home.point.host.title', 'home.point.host.text')}
          ${point('home.point.watch.title', 'home.point.watch.text')}
          ${point('home.point.own.title', 'home.point.own.text')}
        </ul>
      </main>
    `,
    page,
  );
}

draw();
void look();
setInterval(() => void look(), LOOK_EVERY_MS);
document.addEventListener('visibilitychange', () => void look());
