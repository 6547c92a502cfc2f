/** The messages of pushed media, checked before they are believed. `docs/media-push.md` has them all. */

import { asMap, isCount, isText } from '../shared/checks';
import type { Fields } from '../shared/wire';
import type { Rendition } from './engine';

/** A way to get the show's media, as the server lists it. */
export interface PushedRendition {
  readonly name: string;
  /** For `MediaSource.isTypeSupported`: `avc1.…,mp4a.…`. */
  readonly codecs: string;
  readonly width: number;
  readonly height: number;
  /** The most it takes, in bits per second. */
  readonly bandwidth: number;
}

export interface PushedPart {
  readonly kind: 'part';
  readonly epoch: string;
  readonly rendition: string;
  readonly generation: number;
  /** Runs on without a gap within an epoch, alike in all renditions. */
  readonly number: number;
  /** Media time in ticks of 1/90,000 s. */
  readonly decodeTime: number;
  readonly duration: number;
  readonly independent: boolean;
  readonly data: Uint8Array<ArrayBuffer>;
}

export interface PushedInit {
  readonly kind: 'init';
  readonly epoch: string;
  readonly rendition: string;
  readonly generation: number;
  readonly codecs: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

export type PushMessage =
  | {
      readonly kind: 'renditions';
      readonly epoch: string;
      readonly renditions: readonly PushedRendition[];
    }
  | {
      readonly kind: 'subscribed';
      readonly epoch: string;
      readonly rendition: string;
      /** Of the first part to come. */
      readonly number: number;
      readonly partMs: number;
    }
  | PushedInit
  | PushedPart
  | { readonly kind: 'skipped'; readonly from: number; readonly to: number }
  | { readonly kind: 'over'; readonly reason: string };

const MAX_RENDITIONS = 32;

/** Null for anything else. */
export function parsePush(fields: Fields): PushMessage | null {
  switch (fields['type']) {
    case 'renditions':
      return parseRenditions(fields);
    case 'subscribed': {
      const { epoch, rendition, number, part_ms: partMs } = fields;
      if (!isText(epoch) || !isText(rendition) || !isCount(number)) return null;
      return { kind: 'subscribed', epoch, rendition, number, partMs: positive(partMs) };
    }
    case 'init':
      return parseInit(fields);
    case 'part':
      return parsePart(fields);
    case 'skipped': {
      const { from, to } = fields;
      return isCount(from) && isCount(to) ? { kind: 'skipped', from, to } : null;
    }
    case 'media_over':
      return { kind: 'over', reason: String(fields['reason']) };
    default:
      return null;
  }
}

/** For people, best first. */
export function labelled(list: readonly PushedRendition[]): readonly Rendition[] {
  return [...list]
    .sort((a, b) => b.height - a.height || b.bandwidth - a.bandwidth)
    .map(({ name, width, height }) => ({ name, label: `${Math.min(width, height) || height}p` }));
}

function parseRenditions({ epoch, renditions }: Fields): PushMessage | null {
  if (!isText(epoch) || !Array.isArray(renditions)) return null;
  const list = renditions.slice(0, MAX_RENDITIONS).map(parseRendition);
  return { kind: 'renditions', epoch, renditions: list.filter((each) => each !== null) };
}

function parseRendition(value: unknown): PushedRendition | null {
  const { name, codecs, width, height, bandwidth } = asMap(value) ?? {};
  if (!isText(name) || !isText(codecs)) return null;
  return {
    name,
    codecs,
    width: positive(width),
    height: positive(height),
    bandwidth: positive(bandwidth),
  };
}

function parseInit({ epoch, rendition, generation, codecs, data }: Fields): PushMessage | null {
  if (!isText(epoch) || !isText(rendition) || !isText(codecs)) return null;
  if (!isCount(generation) || !isBytes(data)) return null;
  return { kind: 'init', epoch, rendition, generation, codecs, data };
}

function parsePart(fields: Fields): PushMessage | null {
  const { epoch, rendition, generation, number, duration, data } = fields;
  const decodeTime = fields['decode_time'];
  if (!isText(epoch) || !isText(rendition) || !isCount(generation) || !isCount(number)) return null;
  if (!isCount(decodeTime) || !isCount(duration) || !isBytes(data)) return null;
  const independent = fields['independent'] === true;
  return {
    kind: 'part',
    epoch,
    rendition,
    generation,
    number,
    decodeTime,
    duration,
    independent,
    data,
  };
}

function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.length > 0;
}

function positive(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
