/** Texts in the reader's language: `t('key', {name})`, typed by the English file. */

import { en } from './messages/en';
import { fr } from './messages/fr';
import type { studioEn } from './messages/studio/en';

export type Messages = Readonly<Record<keyof typeof en, string>>;
/** Of every page; the studio's are there once it has taught them. */
export type MessageKey = keyof typeof en | keyof typeof studioEn;
export type Language = 'en' | 'fr';
export type Params = Readonly<Record<string, string | number>>;
export type Translate = (key: MessageKey, params?: Params) => string;

export const MESSAGES: Readonly<Record<Language, Record<string, string>>> = {
  en: { ...en },
  fr: { ...fr },
};

/** Adds the words of a page of its own: other pages do not carry them. */
export function teach(more: Readonly<Record<Language, Readonly<Record<string, string>>>>): void {
  Object.assign(MESSAGES.en, more.en);
  Object.assign(MESSAGES.fr, more.fr);
}

/** `?lang=` first, then the first language of the browser that we speak, then English. */
export function pickLanguage(search: string, preferred: readonly string[]): Language {
  const asked = new URLSearchParams(search).get('lang');
  for (const tag of asked === null ? preferred : [asked, ...preferred]) {
    const primary = tag.toLowerCase().split('-')[0];
    if (primary === 'en' || primary === 'fr') return primary;
  }
  return 'en';
}

/** `{name}` in a text is replaced by `params.name`; an unknown name is left as it stands. */
export function format(text: string, params: Params): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

let current: Language = 'en';

export const t: Translate = (key, params = {}) => format(MESSAGES[current][key] ?? key, params);

export function language(): Language {
  return current;
}

/** Numbers as the reader writes them, with at most `digits` decimals. */
export function number(value: number, digits: number): string {
  return new Intl.NumberFormat(current, { maximumFractionDigits: digits }).format(value);
}

/** Sets the page's language once, before anything is rendered. */
export function speakReadersLanguage(): void {
  current = pickLanguage(location.search, navigator.languages);
  document.documentElement.lang = current;
}

/** An address on this site that keeps the reader's `?lang=` choice. */
export function localUrl(path: string): string {
  const asked = new URLSearchParams(location.search).get('lang');
  return asked === null ? path : `${path}?lang=${encodeURIComponent(asked)}`;
}
