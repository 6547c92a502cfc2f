/** `/embed/comptoir.js`: one classic script for a merchant's page; it defines `<comptoir-player>`. */

import { ComptoirPlayerFrame } from './element';

if (customElements.get('comptoir-player') === undefined) {
  customElements.define('comptoir-player', ComptoirPlayerFrame);
}
