/**
 * hls.js as an `Engine`: low-latency parts, its own catch-up off (ours is `latency.ts`).
 *
 * The light build does: renditions are muxed and without subtitles or DRM. It runs on the main
 * thread, because fMP4 passes through unchanged and a worker would only add a hop to each part.
 */

import Hls, {
  ErrorDetails,
  ErrorTypes,
  Events,
  type ErrorData,
  type FragBufferedData,
  type HlsConfig,
  type InitPTSFoundData,
  type Level,
  type LevelDetails,
  type LoadPolicy,
  type RetryConfig,
} from 'hls.js/light';

import { politeMs } from '../shared/backoff';
import type { Engine, EngineListener, Moment } from './engine';
import { bandwidthHintBps, isWebKit } from './engine';
import { DEFAULT_LATENCY, UNKNOWN_WAY } from './latency';
import { payloadOfAttribute, payloadOfId3 } from './metadata';
import { MediaTimeline } from './timeline';

/** A second media error within this time is not repaired again in place. */
const MEDIA_REPAIR_MS = 10_000;

/** A blocking playlist request is answered, or refused with 503, within three target durations. */
const FIRST_BYTE_MS = 9_000;

/** The class of our date ranges, and the owner of our ID3 frames. */
const METADATA = 'comptoir.cue';
const METADATA_ATTRIBUTE = 'X-COMPTOIR-CUE';

type ShouldRetry = NonNullable<RetryConfig['shouldRetry']>;

function policy(maxNumRetry: number): LoadPolicy {
  const retry = { maxNumRetry, retryDelayMs: 300, maxRetryDelayMs: 2_000 } as const;
  return {
    default: {
      maxTimeToFirstByteMs: FIRST_BYTE_MS,
      maxLoadTimeMs: 20_000,
      timeoutRetry: { ...retry, backoff: 'linear' },
      errorRetry: { ...retry, backoff: 'exponential' },
    },
  };
}

/** A server that has no room says when to come back: that is up to whoever opens engines. */
function patient({ default: plain }: LoadPolicy): LoadPolicy {
  const errorRetry = {
    ...plain.errorRetry!,
    shouldRetry: (...[, , , response, retry]: Parameters<ShouldRetry>) =>
      retry && response?.code !== 503,
  };
  return { default: { ...plain, errorRetry } };
}

const CONFIG: Partial<HlsConfig> = {
  lowLatencyMode: true,
  enableWorker: false,
  maxLiveSyncPlaybackRate: 1,
  // What they would put on text tracks is read here, from the same events.
  enableID3MetadataCues: false,
  enableDateRangeMetadataCues: false,
  enableEmsgMetadataCues: false,
  liveDurationInfinity: true,
  backBufferLength: 20,
  maxBufferLength: 10,
  maxMaxBufferLength: 20,
  // The first segment as a bandwidth test would cost the first seconds of the show.
  testBandwidth: false,
  capLevelToPlayerSize: true,
  manifestLoadPolicy: patient(policy(1)),
  playlistLoadPolicy: policy(5),
  fragLoadPolicy: policy(5),
};

export class HlsEngine implements Engine {
  static isSupported(): boolean {
    return Hls.isSupported();
  }

  readonly kind = 'hls';
  readonly latency = DEFAULT_LATENCY;
  readonly mayNudge = !isWebKit(navigator.userAgent);
  private readonly hls: Hls;
  private readonly timeline = new MediaTimeline();
  /** Media seconds minus the video's seconds, by continuity counter. */
  private offsetsS: readonly (number | undefined)[] = [];
  private repairedAtMs = -Infinity;
  private destroyed = false;

  constructor(
    private readonly video: HTMLVideoElement,
    url: string,
    private readonly listener: EngineListener,
  ) {
    this.hls = new Hls({ ...CONFIG, abrEwmaDefaultEstimate: bandwidthHintBps() });
    this.hls.on(Events.ERROR, (_event, data) => this.onError(data));
    this.hls.on(Events.MANIFEST_PARSED, () => this.onLevels());
    this.hls.on(Events.LEVELS_UPDATED, () => this.onLevels());
    this.hls.on(Events.LEVEL_SWITCHED, (_event, { level }) => this.onSwitched(level));
    this.hls.on(Events.INIT_PTS_FOUND, (_event, data) => this.onOffsets(data));
    this.hls.on(Events.FRAG_BUFFERED, (_event, data) => this.onBuffered(data));
    this.hls.on(Events.FRAG_PARSING_METADATA, (_event, { samples }) => {
      for (const { data } of samples) this.tell(payloadOfId3(data, METADATA));
    });
    this.hls.on(Events.LEVEL_UPDATED, (_event, { details }) => this.onDateRanges(details));
    this.hls.on(Events.MEDIA_ENDED, () => listener.drained());
    this.hls.loadSource(url);
    this.hls.attachMedia(video);
  }

  get partS(): number {
    return this.hls.latestLevelDetails?.partTarget ?? 0;
  }

  get behindS(): number | null {
    const details = this.hls.latestLevelDetails;
    if (!details) return null;
    // `age` stands in for media that exists but is not listed yet, up to the part that is due.
    const unlistedS = details.live ? Math.min(details.age, 3 * (details.partTarget || 1)) : 0;
    return Math.max(0, details.edge + unlistedS - this.video.currentTime);
  }

  get livePositionS(): number | null {
    return this.hls.liveSyncPosition;
  }

  way(): typeof UNKNOWN_WAY {
    return UNKNOWN_WAY;
  }

  momentAt(seconds: number): Moment | null {
    const mediaS = this.timeline.mediaTimeS(seconds);
    const epoch = epochOf(this.hls.levels[0]);
    if (mediaS === null || epoch === null) return null;
    return { epoch, tick: Math.round(mediaS * 90_000) };
  }

  choose(rendition: string | null): void {
    const index = this.hls.levels.findIndex((level) => nameOf(level) === rendition);
    this.hls.loadLevel = rendition === null ? -1 : index;
  }

  giveUp(): void {
    this.listener.broken('stuck');
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.hls.destroy();
  }

  private onLevels(): void {
    const best = [...this.hls.levels].sort((a, b) => b.height - a.height || b.bitrate - a.bitrate);
    this.listener.renditions(
      best.map((level) => ({ name: nameOf(level), label: `${shortSide(level)}p` })),
    );
  }

  private onSwitched(index: number): void {
    const level = this.hls.levels[index];
    if (level) this.listener.rendition(nameOf(level));
  }

  /** Decode times in the stream are the media timeline: hls.js moved them by this much. */
  private onOffsets({ timestampOffsets }: InitPTSFoundData): void {
    // Sparse where continuity counters are not known yet.
    this.offsetsS = Array.from(timestampOffsets, (offset) =>
      offset ? offset.baseTime / offset.timescale : undefined,
    );
  }

  private onBuffered(data: FragBufferedData): void {
    const { start, end } = data.part ?? data.frag;
    const offsetS = this.offsetsS[data.frag.cc];
    if (offsetS !== undefined) this.timeline.learn(start, end, offsetS);
    this.passParts(data);
  }

  private onDateRanges(details: LevelDetails): void {
    for (const range of Object.values(details.dateRanges)) {
      if (range?.class === METADATA) {
        this.tell(payloadOfAttribute(String(range.attr[METADATA_ATTRIBUTE] ?? '')));
      }
    }
  }

  private tell(payload: string | null): void {
    if (payload !== null && !this.destroyed) this.listener.metadata(payload);
  }

  /**
   * Tells hls.js that the parts which playback has passed are loaded.
   *
   * At the seam of two segments hls.js goes on only when every part of the first is loaded or the
   * buffer reaches its end to the microsecond. After a whole segment, or a switch in the middle of
   * one, neither holds, and playback would stand until those parts leave the playlist.
   */
  private passParts({ frag, part }: FragBufferedData): void {
    const parts = this.hls.levels[frag.level]?.details?.partList ?? [];
    for (const other of parts) {
      const passed = other.fragment.sn === frag.sn && (!part || other.index < part.index);
      if (passed && !other.loaded) other.elementaryStreams = (part ?? frag).elementaryStreams;
    }
  }

  private onError(data: ErrorData): void {
    if (!data.fatal || this.destroyed) return;
    if (data.details === ErrorDetails.MANIFEST_LOAD_ERROR && data.response?.code === 503) {
      this.listener.broken('busy', politeMs(retryAfter(data), Math.random()));
      return;
    }
    const now = performance.now();
    if (data.type === ErrorTypes.MEDIA_ERROR && now - this.repairedAtMs > MEDIA_REPAIR_MS) {
      this.repairedAtMs = now;
      this.hls.recoverMediaError();
      return;
    }
    this.listener.broken(data.type === ErrorTypes.NETWORK_ERROR ? 'network' : data.details);
  }
}

function retryAfter({ networkDetails }: ErrorData): string | null {
  const isXhr = networkDetails instanceof XMLHttpRequest;
  return isXhr ? networkDetails.getResponseHeader('Retry-After') : null;
}

/** `/live/{show}/{epoch}/{rendition}/media.m3u8` names its rendition; else the height does. */
function nameOf(level: Level): string {
  return /\/([^/?]+)\/[^/?]+\.m3u8/.exec(level.uri)?.[1] ?? `${level.height}p`;
}

/** `/live/{show}/{epoch}/{rendition}/media.m3u8` names its media epoch. */
function epochOf(level: Level | undefined): string | null {
  return /\/([^/?]+)\/[^/?]+\/[^/?]+\.m3u8/.exec(level?.uri ?? '')?.[1] ?? null;
}

function shortSide(level: Level): number {
  return Math.min(level.width, level.height) || level.height;
}
