/**
 * What a page knows of a show, as a pure fold: a snapshot, then the events after it, in order.
 * No network and no clock; `show-feed.ts` is the shell.
 */

import { type ShowReport, type ShowState, isShowState, parseReport } from './report';
import { asMap, isCount, isText } from './checks';
import { type Offer, parseOffer } from './offers';
import { type Product, parseProduct, withStock } from './product';
import { type Cue, parseCue } from './shop';

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
  /** Announced, running and over; of the latter the newest few. */
  readonly offers: ReadonlyMap<string, Offer>;
  /** Whether the show is being rehearsed: whatever is bought is taken back afterwards. */
  readonly rehearsal: boolean;
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
  /** For this viewer alone; not a line of the log. */
  | { readonly kind: 'cart'; readonly cart: unknown }
  | { readonly kind: 'clock'; readonly sentMs: number; readonly serverMs: number };

export const NOTHING_KNOWN: ShowModel = {
  air: null,
  anchor: null,
  log: null,
  products: new Map(),
  cues: [],
  offers: new Map(),
  rehearsal: false,
};

const MAX_CUES = 500;
const MAX_OFFERS = 200;

/** Throws unless `value` is `/live/{show}/state`. What is malformed within it is left out. */
export function parseSnapshot(value: unknown): ShowModel {
  const air = parseReport(value);
  const map = asMap(value) ?? {};
  const anchorUtcUs = map['anchor_utc_us'];
  const cues = Array.isArray(map['cues']) ? map['cues'].map(parseCue) : [];
  return {
    air,
    anchor:
      air.epoch !== null && isCount(anchorUtcUs) ? { epoch: air.epoch, utcUs: anchorUtcUs } : null,
    log: parsePlace(map['log']),
    products: byId(map['products'], parseProduct),
    cues: cues.filter((cue) => cue !== null).slice(-MAX_CUES),
    offers: byId(map['offers'], parseOffer),
    rehearsal: map['rehearsal'] === true || asMap(map['before_rehearsal']) !== null,
  };
}

/** A map of things by id, or a list of them: what is malformed within is left out. */
function byId<T extends { readonly id: string }>(
  given: unknown,
  parse: (value: unknown) => T | null,
): ReadonlyMap<string, T> {
  const list = Array.isArray(given) ? given : Object.values(asMap(given) ?? {});
  const known = list.map(parse).filter((each) => each !== null);
  return new Map(known.map((each) => [each.id, each]));
}

/** A message of the event socket, or null where it is none that this page knows. */
export function parseMessage(map: Readonly<Record<string, unknown>>): Message | null {
  try {
    return readMessage(map);
  } catch {
    return null;
  }
}

function readMessage(map: Readonly<Record<string, unknown>>): Message | null {
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
    case 'cart':
      return { kind: 'cart', cart: map['cart'] };
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
      if (endsRehearsal(model, message.event, message.data)) return 'gap';
      return { ...happened(model, message.event, message.data), log: message.log };
    }
    case 'air':
      if (model.air === null) return model;
      return { ...model, air: { ...model.air, state: message.state, epoch: message.epoch } };
    case 'cart':
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

/** What stood before a rehearsal stands again after it: the server's snapshot has it. */
function endsRehearsal(model: ShowModel, event: string, data: Record<string, unknown>): boolean {
  return model.rehearsal && event === 'rehearsal' && data['on'] !== true;
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
      const variant = isText(data['variant']) ? data['variant'] : null;
      return withProduct(model, withStock(product, variant, available, soldOut === true));
    }
    case 'offer': {
      const offer = parseOffer(data);
      return offer === null ? model : withOffer(model, offer);
    }
    case 'offer_left': {
      const offer = model.offers.get(String(data['offer']));
      const { left } = data;
      return offer === undefined || !isCount(left) ? model : withOffer(model, { ...offer, left });
    }
    case 'offer_gone': {
      const offers = new Map(model.offers);
      offers.delete(String(data['id']));
      return { ...model, offers };
    }
    case 'rehearsal':
      return { ...model, rehearsal: data['on'] === true };
    default:
      return model;
  }
}

function withProduct(model: ShowModel, product: Product): ShowModel {
  return { ...model, products: new Map(model.products).set(product.id, product) };
}

function withOffer(model: ShowModel, offer: Offer): ShowModel {
  const offers = new Map(model.offers).set(offer.id, offer);
  if (offers.size > MAX_OFFERS) offers.delete(offers.keys().next().value!);
  return { ...model, offers };
}

function parsePlace(value: unknown): LogPlace | null {
  const { epoch, offset } = asMap(value) ?? {};
  return typeof epoch === 'string' && isCount(offset) ? { epoch, offset } : null;
}
