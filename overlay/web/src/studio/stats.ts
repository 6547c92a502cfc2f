/** What is sent, from two looks at `getStats()`: pure. */

export interface Snapshot {
  readonly atMs: number;
  readonly bytes: number;
}

export interface Figures {
  readonly bitrateBps: number | null;
  readonly framesPerSecond: number | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly roundTripMs: number | null;
  /** Why the picture is less than it could be (webrtc-stats, `qualityLimitationReason`). */
  readonly limit: 'none' | 'cpu' | 'bandwidth' | 'other' | null;
  /** What the browser believes the line can carry. */
  readonly availableBps: number | null;
}

const LIMITS = ['none', 'cpu', 'bandwidth', 'other'] as const;

export interface Look {
  readonly snapshot: Snapshot;
  readonly figures: Figures;
}

type Entry = Readonly<Record<string, unknown>>;

/** `before` is the look before this one, or null at the first: then there is no bit rate yet. */
export function look(entries: Iterable<unknown>, before: Snapshot | null): Look {
  let bytes = 0;
  let atMs = 0;
  let video: Entry = {};
  let roundTripS: number | null = null;
  let availableBps: number | null = null;
  for (const raw of entries) {
    const entry = raw as Entry;
    if (entry['type'] === 'outbound-rtp') {
      bytes += numberOf(entry, 'bytesSent') ?? 0;
      atMs = Math.max(atMs, numberOf(entry, 'timestamp') ?? 0);
      if (entry['kind'] === 'video') video = entry;
    } else if (entry['type'] === 'candidate-pair' && entry['state'] === 'succeeded') {
      roundTripS = numberOf(entry, 'currentRoundTripTime') ?? roundTripS;
      availableBps = numberOf(entry, 'availableOutgoingBitrate') ?? availableBps;
    }
  }
  const elapsedMs = before === null ? 0 : atMs - before.atMs;
  const sent = before === null ? 0 : bytes - before.bytes;
  return {
    snapshot: { atMs, bytes },
    figures: {
      bitrateBps: elapsedMs > 0 && sent >= 0 ? (sent * 8_000) / elapsedMs : null,
      framesPerSecond: numberOf(video, 'framesPerSecond'),
      width: numberOf(video, 'frameWidth'),
      height: numberOf(video, 'frameHeight'),
      roundTripMs: roundTripS === null ? null : roundTripS * 1_000,
      limit: LIMITS.find((limit) => limit === video['qualityLimitationReason']) ?? null,
      availableBps,
    },
  };
}

function numberOf(entry: Entry, name: string): number | null {
  const value = entry[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
