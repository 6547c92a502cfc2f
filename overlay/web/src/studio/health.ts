/** What the server says of this page's publish, checked before it is believed. */

import { ApiError, callApi } from '../shared/api';
import { type LadderHealth, parseLadder } from './ladder';

export const SERVER_HINTS = [
  'fine',
  'away',
  'no_picture',
  'uplink_slow',
  'uplink_loss',
  'uplink_unsteady',
  'low_frame_rate',
  'no_sound',
] as const;
export type ServerHint = (typeof SERVER_HINTS)[number];

export interface TrackHealth {
  readonly bitrateBps: number;
  readonly framesPerSecond: number;
  /** Share of the packets of the last seconds, before and after repair. */
  readonly lostShare: number;
  readonly unrepairedShare: number;
  readonly width: number | null;
  readonly height: number | null;
}

export interface ServerHealth {
  readonly session: string;
  /** Media has arrived, so that the hint says something. */
  readonly begun: boolean;
  readonly hint: ServerHint;
  readonly video: TrackHealth | null;
  readonly audio: TrackHealth | null;
  readonly roundTripMs: number | null;
  /** Picture minus sound. */
  readonly skewMs: number | null;
  readonly ladder: LadderHealth | null;
}

/** `'none'`: nobody publishes. `null`: the server did not say. */
export type HealthReport = ServerHealth | 'none' | null;

type Plain = Readonly<Record<string, unknown>>;

/** `GET /api/v1/shows/{show}/health`. Never rejects. */
export async function fetchHealth(
  show: string,
  key: string,
  call: typeof callApi = callApi,
): Promise<HealthReport> {
  try {
    const headers = { Authorization: `Bearer ${key}` };
    return parseHealth(await call(`/shows/${show}/health`, { headers }));
  } catch (error) {
    return error instanceof ApiError && error.code === 'no_publish' ? 'none' : null;
  }
}

/** Null where it is nothing that we understand. */
export function parseHealth(plain: unknown): ServerHealth | null {
  if (!isPlain(plain) || typeof plain['session'] !== 'string') return null;
  const hint = SERVER_HINTS.find((known) => known === plain['hint']);
  if (hint === undefined) return null;
  return {
    session: plain['session'],
    begun: plain['state'] === 'media' || plain['state'] === 'silent',
    hint,
    video: trackOf(plain['video']),
    audio: trackOf(plain['audio']),
    roundTripMs: numberOf(plain, 'rtt_ms'),
    skewMs: numberOf(plain, 'skew_ms'),
    ladder: parseLadder(plain['ladder']),
  };
}

/** All that the server gets of us, or null where it does not say. */
export function receivedBps(report: HealthReport): number | null {
  if (report === null || report === 'none') return null;
  return (report.video?.bitrateBps ?? 0) + (report.audio?.bitrateBps ?? 0);
}

function trackOf(plain: unknown): TrackHealth | null {
  if (!isPlain(plain)) return null;
  return {
    bitrateBps: numberOf(plain, 'bitrate_bps') ?? 0,
    framesPerSecond: numberOf(plain, 'frames_per_s') ?? 0,
    lostShare: numberOf(plain, 'lost_share') ?? 0,
    unrepairedShare: numberOf(plain, 'unrepaired_share') ?? 0,
    width: numberOf(plain, 'width'),
    height: numberOf(plain, 'height'),
  };
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberOf(plain: Plain, name: string): number | null {
  const value = plain[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
