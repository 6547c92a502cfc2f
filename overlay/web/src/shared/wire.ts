/** How messages lie on the event socket: the subprotocol, and its encoding. */

import { asMap } from './checks';

export const JSON_PROTOCOL = 'comptoir.v1.json';
export const MSGPACK_PROTOCOL = 'comptoir.v1.msgpack';

export type Fields = Readonly<Record<string, unknown>>;

/** A way to speak; `decode` gives null for whatever is no message. */
export interface Wire {
  /** To offer to the server, the best first. */
  readonly protocols: readonly string[];
  encode(message: Fields, protocol: string): string | Uint8Array<ArrayBuffer>;
  decode(data: unknown): Record<string, unknown> | null;
}

/** Text only: for pages that play no media of the socket's. */
export const JSON_WIRE: Wire = {
  protocols: [JSON_PROTOCOL],
  encode: (message) => JSON.stringify(message),
  decode: decodeText,
};

/** What a text message holds. */
export function decodeText(data: unknown): Record<string, unknown> | null {
  try {
    return asMap(JSON.parse(String(data)));
  } catch {
    return null;
  }
}
