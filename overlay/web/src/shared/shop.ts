/** What the shop puts on the frames of a show: its cues, checked before they are believed. */

import { asMap, isCount, isText, texts } from './checks';

/** Media times are ticks of 1/90,000 s on the timeline of the media epoch. */
export interface Cue {
  readonly id: string;
  readonly revision: number;
  readonly type: 'pin' | 'unpin';
  readonly mediaEpoch: string;
  readonly pts: number;
  readonly duration: number;
  /** The one, or the first of several. */
  readonly product: string | null;
  /** All that a pin shows: three at most. */
  readonly products: readonly string[];
  readonly ends: string | null;
}

export const TICKS_PER_SECOND = 90_000;
export const MAX_SHOWN = 3;

/** Null where `value` is not a cue. */
export function parseCue(value: unknown): Cue | null {
  const map = asMap(value);
  if (map === null) return null;
  const { id, revision, type, media_epoch: mediaEpoch, pts, duration, product, ends } = map;
  if (typeof id !== 'string' || id === '' || typeof mediaEpoch !== 'string') return null;
  if (!isCount(revision) || !isCount(pts) || !isCount(duration)) return null;
  if (type !== 'pin' && type !== 'unpin') return null;
  const named = texts(map['products'], MAX_SHOWN);
  const products = named.length === 0 && isText(product) ? [product] : named;
  return {
    id,
    revision,
    type,
    mediaEpoch,
    pts,
    duration,
    product: products[0] ?? null,
    products,
    ends: isText(ends) ? ends : null,
  };
}

/** The cue in a timed metadata payload, or null. */
export function cueFromPayload(payload: string): Cue | null {
  try {
    return parseCue(JSON.parse(payload));
  } catch {
    return null;
  }
}
