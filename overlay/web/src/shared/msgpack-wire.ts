/**
 * msgpack, by which the socket also carries media; JSON where a server speaks nothing else. Binary
 * values are views into the message as it came: nothing is copied.
 */

import { Decoder, Encoder } from '@msgpack/msgpack';

import { asMap } from './checks';
import { JSON_PROTOCOL, MSGPACK_PROTOCOL, type Wire, decodeText } from './wire';

/** No message of the server's is larger; lengths within one are bounded by it. */
const MAX_BYTES = 32 * 1024 * 1024;
const decoder = new Decoder();
const encoder = new Encoder();

export const MSGPACK_WIRE: Wire = {
  protocols: [MSGPACK_PROTOCOL, JSON_PROTOCOL],
  encode: (message, protocol) =>
    protocol === JSON_PROTOCOL ? JSON.stringify(message) : encoder.encode(message),
  decode: (data) => {
    if (!(data instanceof ArrayBuffer)) return decodeText(data);
    if (data.byteLength > MAX_BYTES) return null;
    try {
      return asMap(decoder.decode(data));
    } catch {
      return null;
    }
  },
};
