/** What the server makes of the host's picture, checked before it is believed, and its words. */

import { type MessageKey, t } from '../shared/i18n';

/** Those of `transcoder/passthrough/reasons.py` but `off`, which says nothing. */
export const UNFIT_CODES = [
  'waiting',
  'codec',
  'format',
  'colour',
  'reordered',
  'size',
  'rotated',
  'bitrate',
  'keyframes',
  'damaged',
  'malformed',
  'sets',
  'stopped',
  'flood',
  'ahead',
] as const;
export type UnfitCode = (typeof UNFIT_CODES)[number];

export interface Shed {
  readonly rung: string;
  readonly shownAs: string;
}

export interface LadderHealth {
  /** The best rung's name. */
  readonly top: string;
  /** Rungs that show another one's pictures because the server cannot keep up. */
  readonly shed: readonly Shed[];
  readonly halfRate: boolean;
  readonly passed: boolean;
  /** Why the host's own picture is not passed on, where the profile asks for it. */
  readonly unfit: UnfitCode | 'other' | null;
  /** Rungs whose GPU encoder is missing on the server: its processor encodes them. */
  readonly standIns: readonly string[];
}

type Plain = Readonly<Record<string, unknown>>;

/** Null where it is nothing that we understand. */
export function parseLadder(plain: unknown): LadderHealth | null {
  if (!isPlain(plain) || !Array.isArray(plain['rungs'])) return null;
  const rungs = plain['rungs'].filter(isPlain);
  const top = textOf(rungs[0]?.['rung']);
  if (top === null) return null;
  const passthrough = plain['passthrough'];
  const code = UNFIT_CODES.find((known) => known === plain['unfit']) ?? 'other';
  return {
    top,
    shed: rungs.flatMap((each) => {
      const [rung, shownAs] = [textOf(each['rung']), textOf(each['mirrors'])];
      return rung === null || shownAs === null ? [] : [{ rung, shownAs }];
    }),
    halfRate: plain['half_rate'] === true,
    passed: passthrough === 'passed',
    unfit: passthrough === 'unfit' ? code : null,
    standIns: rungs.flatMap((each) => {
      const rung = textOf(each['rung']);
      return rung === null || textOf(each['instead_of']) === null ? [] : [rung];
    }),
  };
}

const UNFIT: Readonly<Record<UnfitCode | 'other', MessageKey>> = {
  waiting: 'studio.ladder.unfit.waiting',
  codec: 'studio.ladder.unfit.codec',
  format: 'studio.ladder.unfit.format',
  colour: 'studio.ladder.unfit.colour',
  reordered: 'studio.ladder.unfit.reordered',
  size: 'studio.ladder.unfit.size',
  rotated: 'studio.ladder.unfit.rotated',
  bitrate: 'studio.ladder.unfit.bitrate',
  keyframes: 'studio.ladder.unfit.keyframes',
  damaged: 'studio.ladder.unfit.damaged',
  malformed: 'studio.ladder.unfit.malformed',
  sets: 'studio.ladder.unfit.sets',
  stopped: 'studio.ladder.unfit.stopped',
  flood: 'studio.ladder.unfit.flood',
  ahead: 'studio.ladder.unfit.ahead',
  other: 'studio.ladder.unfit.other',
};

/** What viewers go without while the server is overloaded; empty while it keeps up. */
export function losses({ shed, halfRate }: LadderHealth): readonly string[] {
  const said = shed.map((each) => t('studio.ladder.shed', { ...each }));
  return halfRate ? [...said, t('studio.ladder.half-rate')] : said;
}

/** What becomes of the host's own picture; null where the profile does not ask for it, and where
 * the best rung is shed anyway. */
export function passing({ top, passed, shed, unfit }: LadderHealth): string | null {
  if (passed) return t('studio.ladder.passed', { rung: top });
  if (unfit === null || shed.some(({ rung }) => rung === top)) return null;
  return t(UNFIT[unfit], { rung: top });
}

/** That the server's GPU does not encode what the profile says it should; null where it does. */
export function standing({ standIns }: LadderHealth): string | null {
  return standIns.length === 0 ? null : t('studio.ladder.stand-in', { rungs: standIns.join(', ') });
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
