/**
 * A product's picture as a template; the drawing behind it stays where there is none. Another
 * address is another element: no product is seen under the picture of the one before.
 */

import { type TemplateResult, html, nothing } from 'lit';
import { keyed } from 'lit/directives/keyed.js';

import * as icons from './icons';
import type { Product } from './product';

export function picture(product: Product | null): TemplateResult {
  const address = product?.picture ?? null;
  return html`<span class="goods-picture">
    ${icons.goods}
    ${
      address === null
        ? nothing
        : keyed(
            address,
            html`<img
              src=${address}
              alt=""
              referrerpolicy="no-referrer"
              @error=${(event: Event) => ((event.target as HTMLElement).hidden = true)}
            />`,
          )
    }
  </span>`;
}
