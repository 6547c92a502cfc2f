/** A new name that nobody else has: 24 hexadecimal digits. Works on pages without HTTPS too. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
