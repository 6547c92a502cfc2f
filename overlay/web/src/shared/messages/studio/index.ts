/** The studio's own words, taught to the page that imports this. */

import { teach } from '../../i18n';
import { studioEn } from './en';
import { studioFr } from './fr';

export type StudioMessages = Readonly<Record<keyof typeof studioEn, string>>;

teach({ en: studioEn, fr: studioFr });
