/** Money for people: amounts are integers in the currency's minor unit (cents). */

import { language } from './i18n';

/** `12.90 €` as the reader writes it. The currency knows how many decimals it has. */
export function money(minor: number, currency: string): string {
  const format = new Intl.NumberFormat(language(), { style: 'currency', currency });
  return format.format(minor / 10 ** decimals(currency));
}

/** How many decimals the currency is written with. */
export function decimals(currency: string): number {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.resolvedOptions().maximumFractionDigits ?? 2;
}
