/** What comes over the wire, checked before it is believed: the small questions. */

export function asMap(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A whole number from 0 up. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function countOrNull(value: unknown): number | null {
  return isCount(value) ? value : null;
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

export function textOr<T>(value: unknown, otherwise: T): string | T {
  return isText(value) ? value : otherwise;
}

export function texts(value: unknown, most: number): readonly string[] {
  return asList(value).filter(isText).slice(0, most);
}

export function isCurrency(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z]{3}$/.test(value);
}

/** Pictures come from the web or from this site: `http(s)` addresses and absolute paths only. */
export function pictureUrl(value: unknown): string | null {
  if (typeof value !== 'string' || /[\s\\]/.test(value)) return null;
  return /^https?:\/\/[^/]/i.test(value) || /^\/(?!\/)/.test(value) ? value : null;
}
