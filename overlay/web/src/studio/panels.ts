/** The parts of the studio page as templates over the page's state. */

import { type TemplateResult, html, nothing } from 'lit';
import { live } from 'lit/directives/live.js';

import { type MessageKey, t } from '../shared/i18n';
import * as icons from '../shared/icons';
import type { Source } from './capture';
import { connection, note } from './connection';
import type { ComptoirStudio } from './page';
import { AIR_WORDS, captureText, problemText } from './words';

export function preview(page: ComptoirStudio): TemplateResult {
  const { stream, choice, capturing, broadcast } = page;
  const isScreen = choice.source === 'screen';
  return html`<section class="preview" aria-label=${t('studio.preview')}>
    <div class="picture ${broadcast.model.phase}">
      <video muted autoplay playsinline .muted=${true} .srcObject=${live(stream)}></video>
      ${
        stream === null
          ? html`<div class="empty">
              ${isScreen ? icons.screen : icons.camera}
              <button class="button" ?disabled=${capturing} @click=${() => page.capture()}>
                ${t(isScreen ? 'studio.preview.share' : 'studio.preview.start')}
              </button>
              <p>${t('studio.preview.hint')}</p>
            </div>`
          : nothing
      }
      ${
        broadcast.model.phase === 'live'
          ? html`<span class="pill">${t('player.live')}</span>`
          : nothing
      }
      ${note(broadcast)}
    </div>
    <comptoir-level .stream=${stream}></comptoir-level>
  </section>`;
}

/** Where the show stands, the one big button, and what went wrong. */
export function air(page: ComptoirStudio): TemplateResult {
  const { broadcast, capturing, stream } = page;
  const { phase } = broadcast.model;
  const asking = capturing && stream === null;
  const words = AIR_WORDS[phase];
  const overtaken = broadcast.model.problem?.code === 'overtaken';
  return html`<section class="panel air ${phase}">
    <div role="status">
      <h2>${asking ? t('studio.state.capturing') : t(words.title)}</h2>
      ${words.hint === null || asking ? nothing : html`<p>${t(words.hint)}</p>`}
    </div>
    ${phase === 'live' ? connection(broadcast) : nothing}
    <div role="alert">${problem(page)}</div>
    <div class="main-action">
      ${
        broadcast.wanted
          ? html`<button
              class="button ${broadcast.onAir ? 'danger' : ''}"
              @click=${() => page.askToEnd()}
            >
              ${t(broadcast.onAir ? 'studio.end' : 'studio.stop-trying')}
            </button>`
          : html`<button class="button primary" ?disabled=${asking} @click=${() => page.goLive()}>
              ${icons.onAir} ${t(overtaken ? 'studio.take-back' : 'studio.go-live')}
            </button>`
      }
    </div>
  </section>`;
}

export function keyForm(page: ComptoirStudio): TemplateResult {
  if (!page.editingKey) {
    return html`<section class="panel row">
      <span class="kept">${icons.check} ${t('studio.key.kept')}</span>
      <button class="button" ?disabled=${page.broadcast.wanted} @click=${() => page.changeKey()}>
        ${t('studio.key.change')}
      </button>
    </section>`;
  }
  const submit = (event: Event) => {
    event.preventDefault();
    void page.goLive();
  };
  return html`<form class="panel field" @submit=${submit}>
    <label for="host-key">${t('studio.key')}</label>
    <input
      id="host-key"
      type="password"
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      aria-describedby="host-key-hint"
      aria-invalid=${page.keyMissing}
      .value=${live(page.key)}
      @input=${(event: Event) => page.setKey((event.target as HTMLInputElement).value)}
    />
    <p id="host-key-hint" class=${page.keyMissing ? 'error' : 'hint'}>
      ${t(page.keyMissing ? 'studio.key.missing' : 'studio.key.hint')}
    </p>
  </form>`;
}

export function sources(page: ComptoirStudio): TemplateResult {
  const { choice, devices } = page;
  return html`<section class="panel sources">
    <fieldset>
      <legend>${t('studio.picture')}</legend>
      <div class="segments">${source(page, 'camera')}${source(page, 'screen')}</div>
    </fieldset>
    ${choice.source === 'camera' ? picker(page, 'camera', devices.cameras) : nothing}
    ${picker(page, 'microphone', devices.microphones)}
  </section>`;
}

/** The products, and what viewers see of them. */
export function counter(page: ComptoirStudio): TemplateResult {
  return html`<section class="panel counter" aria-label=${t('counter.title')}>
    <comptoir-counter
      show=${page.show}
      .key=${page.key}
      .feed=${page.feed}
      .publishing=${page.broadcast.onAir}
    ></comptoir-counter>
  </section>`;
}

/** The shop in the host's hands. */
export function shop(page: ComptoirStudio): TemplateResult {
  return html`<section class="panel shop-desk" aria-label=${t('shop.title')}>
    <comptoir-shop-desk
      show=${page.show}
      .key=${page.key}
      .feed=${page.feed}
      .publishing=${page.broadcast.onAir}
    ></comptoir-shop-desk>
  </section>`;
}

export function link(page: ComptoirStudio): TemplateResult {
  return html`<section class="panel field link">
    <label for="watch-link">${t('studio.link')}</label>
    <div class="row">
      <input id="watch-link" readonly .value=${page.watchUrl} />
      <button class="button" @click=${() => page.copyLink()}>
        ${page.copied ? icons.check : icons.copy}
        ${t(page.copied ? 'studio.copied' : 'studio.copy')}
      </button>
      <a class="button" href=${page.watchUrl} target="_blank" rel="noopener">
        ${t('studio.open')}
      </a>
    </div>
  </section>`;
}

export function endDialog(page: ComptoirStudio): TemplateResult {
  return html`<dialog aria-labelledby="end-question">
    <h2 id="end-question">${t('studio.end.question')}</h2>
    <p>${t('studio.end.text')}</p>
    <div class="row">
      <button class="button" autofocus @click=${() => page.stayOnAir()}>
        ${t('studio.end.cancel')}
      </button>
      <button class="button danger" @click=${() => page.endNow()}>${t('studio.end')}</button>
    </div>
  </dialog>`;
}

function problem(page: ComptoirStudio): TemplateResult | typeof nothing {
  const { captureProblem, broadcast } = page;
  const refused = broadcast.model.problem;
  const text =
    captureProblem === 'source-ended'
      ? t('studio.error.source-ended')
      : captureProblem !== null
        ? captureText(captureProblem)
        : refused !== null && broadcast.model.phase !== 'retrying'
          ? problemText(refused)
          : null;
  return text === null ? nothing : html`<p class="problem">${icons.alert}<span>${text}</span></p>`;
}

function source(page: ComptoirStudio, kind: Source): TemplateResult {
  const label: MessageKey = `studio.source.${kind}`;
  return html`<label>
    <input
      type="radio"
      name="source"
      value=${kind}
      .checked=${live(page.choice.source === kind)}
      @change=${() => page.choose({ source: kind })}
    />
    <span>${kind === 'camera' ? icons.camera : icons.screen} ${t(label)}</span>
  </label>`;
}

function picker(
  page: ComptoirStudio,
  kind: 'camera' | 'microphone',
  devices: readonly MediaDeviceInfo[],
): TemplateResult {
  const chosen = page.choice[kind];
  const onChange = (event: Event) =>
    page.choose({ [kind]: (event.target as HTMLSelectElement).value });
  return html`<div class="field">
    <label for=${`pick-${kind}`}>${t(`studio.${kind}`)}</label>
    <select id=${`pick-${kind}`} @change=${onChange}>
      <option value="" ?selected=${chosen === ''}>${t(`studio.${kind}.default`)}</option>
      ${devices.map(
        ({ deviceId, label }, i) =>
          html`<option value=${deviceId} ?selected=${chosen === deviceId}>
            ${label || t(`studio.${kind}.nth`, { n: i + 1 })}
          </option>`,
      )}
    </select>
  </div>`;
}
