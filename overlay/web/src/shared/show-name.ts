/** A show's name is part of its addresses: lower-case letters, digits and hyphens, 63 at most. */

const SHOW_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function isShowName(text: string): boolean {
  return SHOW_NAME.test(text);
}

/** The show name that a person most likely meant: `Été chez Léa!` → `ete-chez-lea`. */
export function toShowName(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Diacritic}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
}

/** The show that a page's path names (`/watch/{show}`, `/studio/{show}`), or null. */
export function showFromPath(path: string): string | null {
  const name = path.split('/').filter(Boolean)[1] ?? '';
  return isShowName(name) ? name : null;
}
