/** The studio's words for where it stands and what went wrong. */

import { type MessageKey, number, t } from '../shared/i18n';
import type { CaptureProblem } from './capture';
import type { AirPhase, Problem } from './publisher';
import type { Figures } from './stats';
import type { WhipProblem } from './whip';

const CAPTURE: Readonly<Record<CaptureProblem, MessageKey>> = {
  insecure: 'studio.error.insecure',
  denied: 'studio.error.denied',
  'no-device': 'studio.error.no-device',
  'in-use': 'studio.error.in-use',
  capture: 'studio.error.capture',
};

const REFUSED: Readonly<Partial<Record<WhipProblem, MessageKey>>> = {
  key: 'studio.error.key',
  show: 'studio.error.show',
  taken: 'studio.error.taken',
  codecs: 'studio.error.codecs',
  webrtc: 'studio.error.webrtc',
};

export function captureText(problem: CaptureProblem): string {
  return t(CAPTURE[problem]);
}

export function problemText({ code, message }: Problem): string {
  return t(REFUSED[code] ?? 'studio.error.refused', { message });
}

export interface AirWords {
  readonly title: MessageKey;
  readonly hint: MessageKey | null;
}

export const AIR_WORDS: Readonly<Record<AirPhase, AirWords>> = {
  off: { title: 'studio.state.off', hint: 'studio.state.off.hint' },
  connecting: { title: 'studio.state.connecting', hint: null },
  live: { title: 'studio.state.live', hint: null },
  retrying: { title: 'studio.state.retrying', hint: 'studio.state.retrying.hint' },
  ended: { title: 'studio.state.ended', hint: 'studio.state.ended.hint' },
};

/** Label and value of each figure; a dash where the browser does not tell. */
export function figureTexts(figures: Figures | null): readonly (readonly [string, string])[] {
  const { width, height, framesPerSecond, bitrateBps, roundTripMs } = figures ?? {};
  const size = width && height ? `${width} × ${height}` : '–';
  return [
    [t('studio.stat.resolution'), size],
    [t('studio.stat.fps'), valued('studio.stat.fps.value', framesPerSecond, 0)],
    [t('studio.stat.bitrate'), valued('studio.stat.bitrate.value', mega(bitrateBps), 1)],
    [t('studio.stat.rtt'), valued('studio.stat.rtt.value', roundTripMs, 0)],
  ];
}

function valued(key: MessageKey, value: number | null | undefined, digits: number): string {
  return value == null ? '–' : t(key, { n: number(value, digits) });
}

function mega(value: number | null | undefined): number | null {
  return value == null ? null : value / 1e6;
}
