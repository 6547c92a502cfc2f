/**
 * What a page knows of a show, as a pure fold: a snapshot, then the events after it, in order.
 * No network and no clock; `show-feed.ts` is the shell.
 */

import { type ShowReport, type ShowState, isShowState, parseReport } from './report';
import { type Cue, type Product, asMap, isCount, parseCue, parseProduct } from './shop';

/** A place in the show's log. Offsets count from 1 without a gap within a log epoch. */
export interface LogPlace {
  readonly epoch: string;
  readonly offset: number;
}

/** Where tick 0 of a media epoch lies: Unix time in microseconds. */
export interface Anchor {
  readonly epoch: string;
  readonly utcUs: number;
}

export interface ShowModel {
  /** How the show fares; null before the first word from the server. */
  readonly air: ShowReport | null;
  readonly anchor: Anchor | null;
  readonly log: LogPlace | null;
  readonly products: ReadonlyMap<string, Product>;
  /** Those of the snapshot and the events since, oldest first; the newest `MAX_CUES` at most. */
  readonly cues: readonly Cue[];
}

export type Message =
  | {
      readonly kind: 'hello';
      readonly log: LogPlace;
      readonly recovered: boolean;
      readonly snapshot: ShowModel | null;
    }
  | {
      readonly kind: 'event';
      readonly log: LogPlace;
      readonly event: string;
      readonly data: Record<string, unknown>;
    }
  | { readonly kind: 'air'; readonly state: ShowState; readonly epoch: string | null }
  | { readonly kind: 'clock'; readonly sentMs: number; readonly serverMs: number };

export const NOTHING_KNOWN: ShowModel = {
  air: null,
  anchor: null,
  log: null,
  products: new Map(),
  cues: [],
};

const MAX_CUES = 500;

/** Throws unless `value` is `/live/{show}/state`. What is malformed within it is left out. */
export function parseSnapshot(value: unknown): ShowModel {
  const air = parseReport(value);
  const map = asMap(value) ?? {};
  const anchorUtcUs = map['anchor_utc_us'];
  const cues = Array.isArray(map['cues']) ? map['cues'].map(parseCue) : [];
  const products = new Map<string, Product>();
  for (const given of Object.values(asMap(map['products']) ?? {})) {
    const product = parseProduct(given);
    if (product !== null) products.set(product.id, product);
  }
  return {
    air,
    anchor:
      air.epoch !== null && isCount(anchorUtcUs) ? { epoch: air.epoch, utcUs: anchorUtcUs } : null,
    log: parsePlace(map['log']),
    products,
    cues: cues.filter((cue) => cue !== null).slice(-MAX_CUES),
  };
}

/** A message of the event socket, or null where it is none that this page knows. */
export function parseMessage(text: string): Message | null {
  try {
    const map = asMap(JSON.parse(text));
    return map === null ? null : readMessage(map);
  } catch {
    return null;
  }
}

function readMessage(map: Record<string, unknown>): Message | null {
  const log = parsePlace(map);
  switch (map['type']) {
    case 'hello': {
      const recovered = map['recovered'] === true;
      if (log === null) return null;
      return {
        kind: 'hello',
        log,
        recovered,
        snapshot: recovered ? null : parseSnapshot(map['state']),
      };
    }
    case 'event': {
      const { event, data } = map;
      if (log === null || typeof event !== 'string') return null;
      return { kind: 'event', log, event, data: asMap(data) ?? {} };
    }
    case 'air': {
      const { state, epoch } = map;
      if (!isShowState(state)) return null;
      return { kind: 'air', state, epoch: typeof epoch === 'string' ? epoch : null };
    }
    case 'clock': {
      const { t, server_ms: serverMs } = map;
      if (typeof t !== 'number' || typeof serverMs !== 'number') return null;
      return { kind: 'clock', sentMs: t, serverMs };
    }
    default:
      return null;
  }
}

/**
 * The model after `message`, or `'gap'` where something before it was missed: then the socket must
 * be opened anew from `model.log`. What is known already changes nothing.
 */
export function fold(model: ShowModel, message: Message): ShowModel | 'gap' {
  switch (message.kind) {
    case 'hello':
      if (message.recovered) return model.log?.epoch === message.log.epoch ? model : 'gap';
      return message.snapshot === null
        ? 'gap'
        : { ...message.snapshot, air: message.snapshot.air ?? model.air, log: message.log };
    case 'event': {
      const { log } = model;
      if (log === null || log.epoch !== message.log.epoch) return 'gap';
      if (message.log.offset <= log.offset) return model;
      if (message.log.offset !== log.offset + 1) return 'gap';
      return { ...happened(model, message.event, message.data), log: message.log };
    }
    case 'air':
      if (model.air === null) return model;
      return { ...model, air: { ...model.air, state: message.state, epoch: message.epoch } };
    case 'clock':
      return model;
  }
}

/** A fetched snapshot beside what the socket told: the log never goes back. */
export function absorb(model: ShowModel, snapshot: ShowModel): ShowModel {
  const older =
    model.log !== null &&
    snapshot.log?.epoch === model.log.epoch &&
    snapshot.log.offset < model.log.offset;
  return older || snapshot.log === null
    ? { ...model, air: snapshot.air, anchor: snapshot.anchor }
    : snapshot;
}

function happened(model: ShowModel, event: string, data: Record<string, unknown>): ShowModel {
  switch (event) {
    case 'cue': {
      const cue = parseCue(data);
      return cue === null ? model : { ...model, cues: [...model.cues, cue].slice(-MAX_CUES) };
    }
    case 'product': {
      const product = parseProduct(data);
      return product === null ? model : withProduct(model, product);
    }
    case 'product_gone': {
      const products = new Map(model.products);
      products.delete(String(data['id']));
      return { ...model, products };
    }
    case 'stock': {
      const product = model.products.get(String(data['product']));
      const { available, sold_out: soldOut } = data;
      if (product === undefined || !isCount(available)) return model;
      return withProduct(model, {
        ...product,
        available,
        soldOut: soldOut === true || available === 0,
      });
    }
    default:
      return model;
  }
}

function withProduct(model: ShowModel, product: Product): ShowModel {
  return { ...model, products: new Map(model.products).set(product.id, product) };
}

function parsePlace(value: unknown): LogPlace | null {
  const { epoch, offset } = asMap(value) ?? {};
  return typeof epoch === 'string' && isCount(offset) ? { epoch, offset } : null;
}
