/** Timed metadata as it lies in the stream (an ID3 tag) and in playlists (an attribute). */

const HEADER = 10;
const MAX_PAYLOAD = 4_096;
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The data of the PRIV frame of `owner` in an ID3v2.4 tag, as text; null without one, and for
 * bytes that are no such tag. (ID3v2.4.0 structure §3.1 and §4, native frames §4.27.)
 */
export function payloadOfId3(tag: Uint8Array, owner: string): string | null {
  if (tag.length < HEADER || latin1(tag, 0, 3) !== 'ID3') return null;
  const end = Math.min(tag.length, HEADER + syncSafe(tag, 6));
  for (let at = HEADER; at + HEADER <= end;) {
    const size = syncSafe(tag, at + 4);
    const body = tag.subarray(at + HEADER, Math.min(end, at + HEADER + size));
    if (latin1(tag, at, 4) === 'PRIV') {
      const zero = body.indexOf(0);
      if (zero >= 0 && latin1(body, 0, zero) === owner) return text(body.subarray(zero + 1));
    }
    if (size === 0) return null;
    at += HEADER + size;
  }
  return null;
}

/** The text in base64url without padding, or null. */
export function payloadOfAttribute(value: string): string | null {
  if (value === '' || value.length > 2 * MAX_PAYLOAD || !/^[\w-]+$/.test(value)) return null;
  try {
    const binary = atob(value.replaceAll('-', '+').replaceAll('_', '/'));
    return text(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
  } catch {
    return null;
  }
}

function text(bytes: Uint8Array): string | null {
  if (bytes.length > MAX_PAYLOAD) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Four bytes of seven bits each (ID3v2.4.0 structure §6.2). */
function syncSafe(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i += 1) value = (value << 7) | ((bytes[i] ?? 0) & 0x7f);
  return value;
}

function latin1(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
