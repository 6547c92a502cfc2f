/**
 * One viewer's watching of one show: the shell that ties the pure parts to a `<video>`.
 *
 * Lifecycle: constructed with an empty video element; `start()` begins to poll and to play;
 * `stop()` ends everything and may be followed by nothing. It never gives up by itself: every
 * failure leads to another attempt, spread in time by `backoffMs`.
 */

import { BusyError, playlistUrl } from '../shared/api';
import { backoffMs } from '../shared/backoff';
import type { MediaLine } from '../shared/media-line';
import type { ShowReport } from '../shared/report';
import type { ShowModel } from '../shared/show-model';
import type { Engine, EngineListener, Moment, OpenEngine, Rendition } from './engine';
import { bufferedAheadS } from './engine';
import { LatencyController } from './latency';
import { type Command, type Happening, INITIAL, step } from './machine';
import { pollDelayMs } from './polling';
import { reachOf } from './reach';
import type { PlayerView } from './view';
import { Watchdog } from './watchdog';

const TICK_MS = 50;
/** The delay is told this often: a figure that changes faster cannot be read. */
const DELAY_EVERY_MS = 500;
/** Further behind than this, a viewer who wants to be live is moved, not sped up. */
const JUMP_BEHIND_S = 5;
const JUMP_BUFFER_S = 3;
const JUMP_EVERY_MS = 4_000;
/** Nearer than this counts as live. */
const LIVE_WITHIN_S = 3;

/** What a session asks of the page's `ShowFeed`. */
export interface Reports {
  readonly model: ShowModel;
  readonly media: MediaLine | null;
  readonly roundTripS: number | null;
  ask(): Promise<ShowReport | 'unknown'>;
  subscribe(listener: (model: ShowModel) => void): () => void;
}

/** Whom a session tells. */
export interface SessionListener {
  changed(view: PlayerView): void;
  /** A payload of timed metadata was found: early, and often more than once. */
  metadata(payload: string): void;
}

export class PlayerSession {
  private model = INITIAL;
  private engine: Engine | null = null;
  /** Counts openings: an engine that is ready too late is not wanted any more. */
  private opening = 0;
  private watchdog = new Watchdog();
  private latency = new LatencyController();
  private readonly stopped = new AbortController();
  private pollTimer = 0;
  private tickTimer = 0;
  private retryTimer = 0;

  private unsubscribe = () => {};
  private air: ShowReport | null = null;
  private title = '';
  private wantsPlay = true;
  private following = true;
  private blocked = false;
  private moving = false;
  private behindS: number | null = null;
  private renditions: readonly Rendition[] = [];
  private rendition: string | null = null;
  private chosen: string | null = null;
  private jumpedAtMs = -Infinity;
  private delayToldAtMs = -Infinity;

  constructor(
    private readonly show: string,
    private readonly video: HTMLVideoElement,
    private readonly reports: Reports,
    private readonly openEngine: OpenEngine,
    private readonly tell: SessionListener,
  ) {}

  start(): void {
    const { signal } = this.stopped;
    this.video.addEventListener('waiting', () => this.onWaiting(), { signal });
    this.video.addEventListener('seeking', () => this.latency.moved(), { signal });
    this.video.addEventListener('play', () => this.notify(), { signal });
    this.video.addEventListener('pause', () => this.notify(), { signal });
    document.addEventListener('visibilitychange', () => this.onVisibility(), { signal });
    addEventListener('online', () => this.poll(), { signal });
    this.tickTimer = window.setInterval(() => this.tick(), TICK_MS);
    this.unsubscribe = this.reports.subscribe(({ air }) => {
      if (air !== null && air !== this.air) this.onReport(air);
    });
    this.notify();
    this.poll();
  }

  stop(): void {
    this.stopped.abort();
    this.unsubscribe();
    clearInterval(this.tickTimer);
    clearTimeout(this.pollTimer);
    clearTimeout(this.retryTimer);
    this.closeEngine();
  }

  /** Without a source the element is always paused: then the viewer's wish counts. */
  get paused(): boolean {
    return this.engine === null ? !this.wantsPlay : this.video.paused;
  }

  /** Which moment of the show is on screen at `seconds` of the video's own time. */
  momentAt(seconds: number): Moment | null {
    return this.engine?.momentAt(seconds) ?? null;
  }

  play(): void {
    if (this.blocked) {
      this.goLive();
      return;
    }
    this.wantsPlay = true;
    this.following = (this.engine?.behindS ?? 0) < LIVE_WITHIN_S;
    this.tryPlay();
  }

  pause(): void {
    this.wantsPlay = false;
    this.following = false;
    this.video.pause();
    this.video.playbackRate = 1;
    this.latency.moved();
  }

  /** Moves by `seconds` within what the server still has. */
  seekBy(seconds: number): void {
    this.seekTo(this.video.currentTime + seconds);
  }

  /** To a time of the video's own, as near to it as the server still has; live and beyond is live. */
  seekTo(wished: number): void {
    const live = this.engine?.livePositionS;
    if (live == null || this.video.seekable.length === 0) return;
    if (wished >= live) {
      if (!this.following) this.goLive();
      return;
    }
    this.following = false;
    this.video.playbackRate = 1;
    this.video.currentTime = Math.max(this.video.seekable.start(0), wished);
    this.notify();
  }

  goLive(): void {
    this.wantsPlay = true;
    this.following = true;
    this.jumpTo(this.engine?.livePositionS ?? null);
    this.tryPlay();
  }

  /** `null` adapts to the connection. The wish outlives the epoch where the name does. */
  choose(rendition: string | null): void {
    this.chosen = rendition;
    this.engine?.choose(rendition);
    this.notify();
  }

  private dispatch(happening: Happening): void {
    const { model, commands } = step(this.model, happening);
    this.model = model;
    for (const command of commands) this.run(command);
    this.notify();
  }

  private run(command: Command): void {
    switch (command.do) {
      case 'open':
        this.open();
        break;
      case 'close':
        this.closeEngine();
        break;
      case 'retry':
        clearTimeout(this.retryTimer);
        this.retryTimer = window.setTimeout(
          () => this.dispatch({ kind: 'retry' }),
          Math.max(command.waitMs ?? 0, backoffMs(command.attempt, Math.random())),
        );
        if (command.waitMs === undefined) this.poll();
        else this.pollIn(command.waitMs);
    }
  }

  private open(): void {
    this.closeEngine();
    this.watchdog = new Watchdog();
    this.video.autoplay = this.wantsPlay;
    this.following = true;
    const opening = this.opening;
    const isWanted = () => opening === this.opening && !this.stopped.signal.aborted;
    const listener = this.listener(isWanted);
    void this.openEngine({
      video: this.video,
      url: playlistUrl(this.show),
      epoch: this.air?.epoch ?? null,
      media: this.reports.media,
      anchor: () => this.reports.model.anchor,
      listener,
    }).then(
      (engine) => {
        if (isWanted()) this.take(engine);
        else engine?.destroy();
      },
      () => listener.broken('page'),
    );
  }

  private take(engine: Engine | null): void {
    if (engine === null) {
      this.dispatch({ kind: 'unsupported' });
      return;
    }
    this.engine = engine;
    this.latency = new LatencyController(engine.latency);
    if (this.wantsPlay) this.tryPlay();
    this.notify();
  }

  private listener(isWanted: () => boolean): EngineListener {
    return {
      broken: (_reason, waitMs) => {
        if (isWanted()) this.dispatch({ kind: 'broken', waitMs });
      },
      drained: () => {
        if (isWanted()) this.dispatch({ kind: 'drained' });
      },
      renditions: (list) => {
        this.renditions = list;
        if (list.some(({ name }) => name === this.chosen)) this.engine?.choose(this.chosen);
        else this.chosen = null;
        this.notify();
      },
      rendition: (name) => {
        this.rendition = name;
        this.notify();
      },
      metadata: (payload) => this.tell.metadata(payload),
    };
  }

  private closeEngine(): void {
    this.opening += 1;
    this.engine?.destroy();
    this.engine = null;
    this.moving = false;
    this.behindS = null;
    this.rendition = null;
    this.video.playbackRate = 1;
  }

  private tryPlay(): void {
    this.video.play().then(
      () => {
        this.blocked = false;
        this.notify();
      },
      (error: unknown) => {
        // Any other refusal (the source was taken away meanwhile) is followed by another attempt.
        this.blocked = error instanceof DOMException && error.name === 'NotAllowedError';
        this.notify();
      },
    );
  }

  private tick(): void {
    if (this.engine === null) return;
    const now = performance.now();
    const wanted = this.wantsPlay && !this.blocked && !document.hidden && !this.video.ended;
    switch (this.watchdog.observe(now, this.video.currentTime, wanted)) {
      case 'moving':
        this.moving = true;
        this.dispatch({ kind: 'playing' });
        break;
      case 'starved':
        this.dispatch({ kind: 'starved' });
        break;
      case 'stuck':
        this.engine.giveUp();
        return;
    }
    this.keepNear(this.engine, now);
    if (now - this.delayToldAtMs >= DELAY_EVERY_MS) {
      this.delayToldAtMs = now;
      this.behindS = this.moving ? this.engine.behindS : null;
      this.notify();
    }
  }

  /** Holds a viewer who wants to be live near the live edge: by playback rate, or by a jump. */
  private keepNear(engine: Engine, nowMs: number): void {
    const { video } = this;
    if (!this.following || !this.moving || video.paused || video.seeking) return;
    const aheadS = bufferedAheadS(video);
    if (nowMs - this.jumpedAtMs > JUMP_EVERY_MS) {
      if (aheadS > JUMP_BUFFER_S + this.latency.targetS) {
        this.jumpTo(video.currentTime + aheadS - this.latency.targetS - 0.5);
        return;
      }
      if ((engine.behindS ?? 0) > JUMP_BEHIND_S + this.latency.targetS) {
        this.jumpTo(engine.livePositionS);
        return;
      }
    }
    if (!engine.mayNudge || document.hidden) return;
    const way = { ...engine.way(nowMs), roundTripS: this.reports.roundTripS };
    const rate = this.latency.sample(nowMs, aheadS, engine.partS, way);
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  private jumpTo(seconds: number | null): void {
    this.jumpedAtMs = performance.now();
    this.video.playbackRate = 1;
    if (seconds !== null && seconds > this.video.currentTime) this.video.currentTime = seconds;
  }

  private onWaiting(): void {
    if (this.moving && this.following && !this.video.seeking) {
      this.latency.stalled(performance.now());
      this.video.playbackRate = 1;
    }
  }

  private onVisibility(): void {
    this.latency.moved();
    if (document.hidden) return;
    this.poll();
    if (this.wantsPlay && this.video.paused) this.tryPlay();
  }

  private poll(): void {
    clearTimeout(this.pollTimer);
    void this.reports
      .ask()
      .catch((error: unknown) => (error instanceof BusyError ? error : ('unreachable' as const)))
      .then((answer) => {
        if (this.stopped.signal.aborted) return;
        if (answer instanceof BusyError) this.dispatch({ kind: 'busy' });
        else if (answer === 'unreachable') this.dispatch({ kind: 'unreachable' });
        else if (answer === 'unknown') this.dispatch({ kind: 'no-such-show' });
        else this.onReport(answer);
        const delayMs = pollDelayMs(this.model.phase, document.hidden, Math.random());
        this.pollIn(answer instanceof BusyError ? Math.max(answer.waitMs, delayMs) : delayMs);
      });
  }

  private pollIn(delayMs: number): void {
    clearTimeout(this.pollTimer);
    this.pollTimer = window.setTimeout(() => this.poll(), delayMs);
  }

  private onReport(air: ShowReport): void {
    this.air = air;
    this.title = air.title;
    this.dispatch({ kind: 'report', state: air.state, epoch: air.epoch });
  }

  private notify(): void {
    this.tell.changed({
      phase: this.model.phase,
      title: this.title,
      engine: this.engine?.kind ?? null,
      paused: this.paused,
      blocked: this.blocked,
      behindS: this.behindS,
      reach: reachOf(this.video, this.moving ? this.engine?.livePositionS : null, this.following),
      pictured: this.air?.epoch != null && this.air.poster,
      mayGoLive:
        this.engine !== null && !this.following && (this.engine.behindS ?? 0) >= LIVE_WITHIN_S,
      renditions: this.renditions,
      rendition: this.rendition,
      chosen: this.chosen,
    });
  }
}
