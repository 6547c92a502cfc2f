/** The studio's words for where it stands and what went wrong. */

import { type MessageKey, number, t } from '../shared/i18n';
import type { Hint, SeenBy } from './advice';
import type { CaptureProblem } from './capture';
import { type HealthReport, receivedBps } from './health';
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
  overtaken: 'studio.error.overtaken',
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

interface AdviceWords {
  readonly title: MessageKey;
  /** What to do; null where all is well. */
  readonly help: MessageKey | null;
}

export const ADVICE_WORDS: Readonly<Record<Hint, AdviceWords>> = {
  fine: { title: 'studio.hint.fine', help: null },
  away: { title: 'studio.hint.away', help: 'studio.hint.away.help' },
  no_picture: { title: 'studio.hint.no-picture', help: 'studio.hint.no-picture.help' },
  uplink_slow: { title: 'studio.hint.uplink-slow', help: 'studio.hint.uplink-slow.help' },
  uplink_loss: { title: 'studio.hint.uplink-loss', help: 'studio.hint.uplink-loss.help' },
  uplink_unsteady: {
    title: 'studio.hint.uplink-unsteady',
    help: 'studio.hint.uplink-unsteady.help',
  },
  low_frame_rate: { title: 'studio.hint.low-frame-rate', help: 'studio.hint.low-frame-rate.help' },
  no_sound: { title: 'studio.hint.no-sound', help: 'studio.hint.no-sound.help' },
  computer_slow: { title: 'studio.hint.computer-slow', help: 'studio.hint.computer-slow.help' },
};

export const SEEN_BY: Readonly<Record<SeenBy, MessageKey>> = {
  server: 'studio.seen-by.server',
  browser: 'studio.seen-by.browser',
  both: 'studio.seen-by.both',
};

/**
 * Label and value of each figure: as the server gets it, else as the browser sends it; a dash where
 * neither tells.
 */
export function figureTexts(
  report: HealthReport,
  own: Figures | null,
): readonly (readonly [string, string])[] {
  const server = report === 'none' ? null : report;
  const video = server?.video ?? null;
  const width = video?.width ?? own?.width;
  const height = video?.height ?? own?.height;
  const bps = receivedBps(report) ?? own?.bitrateBps;
  const size = width && height ? `${width} × ${height}` : '–';
  return [
    [t('studio.stat.resolution'), size],
    [
      t('studio.stat.fps'),
      valued('studio.stat.fps.value', video?.framesPerSecond ?? own?.framesPerSecond, 0),
    ],
    [t('studio.stat.bitrate'), valued('studio.stat.bitrate.value', mega(bps), 1)],
    [t('studio.stat.rtt'), valued('studio.stat.ms', server?.roundTripMs ?? own?.roundTripMs, 0)],
    [t('studio.stat.loss'), valued('studio.stat.percent', percent(video?.lostShare), 1)],
    [t('studio.stat.lips'), valued('studio.stat.ms', absolute(server?.skewMs), 0)],
  ];
}

function valued(key: MessageKey, value: number | null | undefined, digits: number): string {
  return value == null ? '–' : t(key, { n: number(value, digits) });
}

function mega(value: number | null | undefined): number | null {
  return value == null ? null : value / 1e6;
}

function percent(share: number | undefined): number | null {
  return share === undefined ? null : share * 100;
}

function absolute(value: number | null | undefined): number | null {
  return value == null ? null : Math.abs(value);
}
