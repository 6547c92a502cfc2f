/** How the connection fares, as templates over the page's state: one sentence, then figures. */

import { type TemplateResult, html, nothing, svg } from 'lit';

import { t } from '../shared/i18n';
import * as icons from '../shared/icons';
import type { Advice } from './advice';
import type { Broadcast } from './broadcast';
import type { HealthReport } from './health';
import { losses, passing, standing } from './ladder';
import { sparkline } from './sparkline';
import { ADVICE_WORDS, SEEN_BY, figureTexts } from './words';

const WIDTH = 240;
const HEIGHT = 36;

/** The sentence is read out when it changes; the figures, which always change, are not. */
export function connection(broadcast: Broadcast): TemplateResult {
  const { advice, figures, health, history } = broadcast;
  return html`<div class="connection" role="group" aria-label=${t('studio.connection')}>
    <div role="status" aria-live="polite" aria-atomic="true">
      ${sentence(advice)}${ladder(health)}
    </div>
    ${curve(history)}
    <dl class="figures">
      ${figureTexts(health, figures).map(
        ([label, value]) =>
          html`<div>
            <dt>${label}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </div>`;
}

/** The trouble in a few words on the picture, where the panel lies below the fold. */
export function note({ advice }: Broadcast): TemplateResult | typeof nothing {
  if (advice === null || advice.hint === 'fine') return nothing;
  // The panel's status is what is read out.
  return html`<p class="note" aria-hidden="true">
    ${icons.alert}<span>${t(ADVICE_WORDS[advice.hint].title)}</span>
  </p>`;
}

function sentence(advice: Advice | null): TemplateResult | typeof nothing {
  if (advice === null) return nothing;
  const { title, help } = ADVICE_WORDS[advice.hint];
  if (help === null) return html`<p class="advice fine">${icons.check}<span>${t(title)}</span></p>`;
  return html`<div class="advice trouble" data-hint=${advice.hint}>
    ${icons.alert}
    <div>
      <strong>${t(title)}</strong>
      <p>${t(help)}</p>
      <small>${t(SEEN_BY[advice.seenBy])}</small>
    </div>
  </div>`;
}

/** What the server makes of the picture, where that is not what the profile promises. */
function ladder(health: HealthReport): TemplateResult | typeof nothing {
  const made = health === null || health === 'none' ? null : health.ladder;
  if (made === null) return nothing;
  const [lost, notes] = [losses(made), [passing(made), standing(made)]];
  return html`${
    lost.length === 0
      ? nothing
      : html`<div class="advice trouble" data-hint="server_slow">
          ${icons.alert}
          <div>
            <strong>${t('studio.ladder.overload')}</strong>
            <p>${lost.join(' ')}</p>
            <small>${t('studio.ladder.overload.help')}</small>
          </div>
        </div>`
  }${notes.map((note) => (note === null ? nothing : html`<p class="ladder">${note}</p>`))}`;
}

function curve(history: readonly number[]): TemplateResult | typeof nothing {
  if (history.length < 2) return nothing;
  const points = sparkline(history, WIDTH, HEIGHT);
  const area = `0,${HEIGHT} ${points} ${WIDTH},${HEIGHT}`;
  return html`<svg
    class="curve"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    preserveAspectRatio="none"
    aria-hidden="true"
  >
    ${svg`<polygon points=${area} /><polyline points=${points} />`}
  </svg>`;
}
