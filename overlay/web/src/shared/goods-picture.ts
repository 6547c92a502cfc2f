/** A product's picture as a template; the drawing behind it stays where there is none. */

import { type TemplateResult, html, nothing } from 'lit';

import * as icons from './icons';
import type { Product } from './shop';

export function picture({ picture: address }: Product): TemplateResult {
  return html`<span class="goods-picture">
    ${icons.goods}
    ${
      address === null
        ? nothing
        : html`<img
            src=${address}
            alt=""
            referrerpolicy="no-referrer"
            @error=${(event: Event) => ((event.target as HTMLElement).hidden = true)}
          />`
    }
  </span>`;
}
