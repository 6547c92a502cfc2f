/** Icons as templates: on a 24 px grid, coloured by the text around them, silent to readers. */

import { svg, type TemplateResult, html } from 'lit';

function icon(paths: TemplateResult): TemplateResult {
  return html`<svg
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="2"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    ${paths}
  </svg>`;
}

export const play = icon(svg`<path d="M7 4.5v15l12.5-7.5z" fill="currentColor" />`);
export const pause = icon(svg`<path d="M8 5v14M16 5v14" stroke-width="4" stroke-linecap="butt" />`);
export const sound = icon(
  svg`<path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z" fill="currentColor" /><path d="M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11" />`,
);
export const silence = icon(
  svg`<path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z" fill="currentColor" /><path d="m16 9.5 5 5m0-5-5 5" />`,
);
export const quality = icon(
  svg`<path d="M4 7h9m5 0h2M4 17h2m5 0h9" /><circle cx="15.5" cy="7" r="2.3" /><circle cx="8.5" cy="17" r="2.3" />`,
);
export const pictureInPicture = icon(
  svg`<rect x="3" y="5" width="18" height="14" rx="2" /><rect x="12" y="11.5" width="6.5" height="5" rx="1" fill="currentColor" stroke="none" />`,
);
export const fullscreen = icon(
  svg`<path d="M4 9V5.5C4 4.7 4.7 4 5.5 4H9m6 0h3.5c.8 0 1.5.7 1.5 1.5V9m0 6v3.5c0 .8-.7 1.5-1.5 1.5H15m-6 0H5.5c-.8 0-1.5-.7-1.5-1.5V15" />`,
);
export const leaveFullscreen = icon(
  svg`<path d="M9 4v3.5C9 8.3 8.3 9 7.5 9H4m16 0h-3.5c-.8 0-1.5-.7-1.5-1.5V4m0 16v-3.5c0-.8.7-1.5 1.5-1.5H20M4 15h3.5c.8 0 1.5.7 1.5 1.5V20" />`,
);
export const check = icon(svg`<path d="m5 12.5 4.5 4.5L19 7.5" />`);
export const camera = icon(
  svg`<rect x="3" y="6.5" width="12" height="11" rx="2.5" /><path d="m15 11 6-3.5v9L15 13z" />`,
);
export const screen = icon(
  svg`<rect x="3" y="4.5" width="18" height="12" rx="2" /><path d="M9 20.5h6M12 16.5v4" />`,
);
export const copy = icon(
  svg`<rect x="8.5" y="8.5" width="12" height="12" rx="2.5" /><path d="M15.5 8.5v-3A2 2 0 0 0 13.5 3.5h-8a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h3" />`,
);
export const onAir = icon(
  svg`<circle cx="12" cy="12" r="2.5" fill="currentColor" /><path d="M7.5 16.5a6.4 6.4 0 0 1 0-9m9 0a6.4 6.4 0 0 1 0 9M4.5 19.5a10.6 10.6 0 0 1 0-15m15 0a10.6 10.6 0 0 1 0 15" />`,
);
export const alert = icon(svg`<path d="M12 4 2.8 19.5h18.4z" /><path d="M12 10v4.5m0 2.5v.1" />`);
export const cart = icon(
  svg`<path d="M5.5 8.5h13l-1 10.2c-.1.8-.7 1.3-1.5 1.3H8c-.8 0-1.4-.5-1.5-1.3z" /><path d="M9 11V7.5a3 3 0 0 1 6 0V11" />`,
);
export const close = icon(svg`<path d="M6 6l12 12M18 6 6 18" />`);
export const plus = icon(svg`<path d="M12 5.5v13M5.5 12h13" />`);
export const minus = icon(svg`<path d="M5.5 12h13" />`);
export const bin = icon(
  svg`<path d="M4.5 7h15M9.5 7V4.5h5V7M7 7l.8 12.5h8.4L17 7M10.2 10.5v5.5m3.6-5.5v5.5" />`,
);
export const goods = icon(
  svg`<path d="m12 3 8 4.2v9.6L12 21l-8-4.2V7.2zM4.3 7.3 12 11.5l7.7-4.2M12 11.5V21" />`,
);
export const bolt = icon(svg`<path d="M13 3 5 13.5h6L10 21l9-11h-6.2z" fill="currentColor" />`);
export const tag = icon(
  svg`<path d="M3.5 11.5v-7a1 1 0 0 1 1-1h7l9 9-8 8z" /><circle cx="8" cy="8" r="1.2" fill="currentColor" />`,
);
export const up = icon(svg`<path d="m6 14.5 6-6 6 6" />`);
export const down = icon(svg`<path d="m6 9.5 6 6 6-6" />`);
export const undo = icon(svg`<path d="M8 4.5 4 8.5l4 4M4.5 8.5H14a5.5 5.5 0 0 1 0 11H9" />`);
