/**
 * Media pushed over the page's event socket as an `Engine`, through Media Source Extensions.
 *
 * Lifecycle: constructed open; `destroy()` once. It plays one media epoch. The socket is the page's:
 * when it is lost the engine waits for the next connection and goes on where it was. Cues come as
 * events over the same socket, each before the part in which it begins, so those in the media are
 * not read: no cue can come by two ways.
 *
 * The video's time is the media time: everything is appended with its own times.
 */

import type { MediaLine } from '../shared/media-line';
import type { Fields } from '../shared/wire';
import { RungChooser } from './abr';
import { Arrivals } from './arrivals';
import { Doubt } from './doubt';
import type { Engine, EngineListener, Moment } from './engine';
import { bandwidthHintBps, bufferedAheadS, isWebKit, shownPixels } from './engine';
import { PUSH_LATENCY, type Way, leastTargetS } from './latency';
import { mediaSourceClass, typeOf } from './media-source';
import { Playhead } from './playhead';
import { type PushAction, PushCore } from './push-core';
import {
  type PushMessage,
  type PushedPart,
  type PushedRendition,
  labelled,
  parsePush,
} from './push-messages';
import { SourceQueue } from './source-buffer';

/** Without a connection for so long, the way is taken for closed. */
const CONNECT_WITHIN_MS = 2_500;
/** Without a part for so long, although it was asked for. A show that begins takes a while. */
const START_WITHIN_MS = 6_000;
/** After a longer silence there is no use in what was missed. */
const RESUME_WITHIN_MS = 3_000;
/** Refused what has played before, it is asked for again after this. */
const ASK_AGAIN_MS = 500;
/** Paused for so long, media is not sent any more. */
const DORMANT_AFTER_MS = 30_000;
/** The length of a part before it is known. */
const ASSUMED_PART_S = 0.333;
/** Media may begin or end this much beside what its part says. */
const NEARLY_S = 0.1;
const TICKS = 90_000;

export class PushEngine implements Engine {
  static isSupported(): boolean {
    return mediaSourceClass() !== null;
  }

  readonly kind = 'push';
  readonly mayNudge = !isWebKit(navigator.userAgent);
  readonly latency = PUSH_LATENCY;
  partS = 0;
  private readonly source: MediaSource;
  private readonly core: PushCore;
  private readonly arrivals = new Arrivals();
  private readonly rungs = new RungChooser();
  private readonly playhead: Playhead;
  private readonly doubt: Doubt;
  private readonly life = new AbortController();
  private readonly hangUp: () => void;
  private readonly url: string;
  private queue: SourceQueue | null = null;
  private opened = false;
  private startTimer = 0;
  private dormantTimer = 0;
  private dormant = false;
  private chosen: string | null = null;
  /** To be asked for, whether or not it could be, and whether or not it has come. */
  private wanted: string | null = null;
  private shown: string | null = null;
  private firstS = Infinity;
  private newestS: number | null = null;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly line: MediaLine,
    epoch: string | null,
    private readonly listener: EngineListener,
  ) {
    const Source = mediaSourceClass();
    if (Source === null) throw new Error('this browser has no Media Source Extensions');
    this.core = new PushCore(epoch);
    this.playhead = new Playhead(video);
    this.doubt = new Doubt(line, (reason) => listener.broken(reason));
    this.source = new Source();
    const { signal } = this.life;
    this.source.addEventListener('sourceopen', () => this.onOpen(), { signal, once: true });
    for (const [event, react] of [
      ['error', () => listener.broken('media')],
      ['ended', () => listener.drained()],
      ['waiting', () => this.onWaiting()],
      ['seeking', () => this.playhead.leap()],
      ['pause', () => this.onPause()],
      ['play', () => this.onPlay()],
    ] as const) {
      video.addEventListener(event, react, { signal });
    }
    this.hangUp = line.listen({
      hear: (message) => this.hear(message),
      connected: (is) => this.onConnected(is),
    });
    this.url = URL.createObjectURL(this.source);
    video.src = this.url;
    // A picture that never begins, since the browser waits for a touch, is paused as well.
    this.onPause();
  }

  /** Whether a picture ever came this way. */
  get fed(): boolean {
    return this.newestS !== null;
  }

  get behindS(): number | null {
    if (this.newestS === null || this.playhead.placing || this.dormant) return null;
    const unheardS = Math.min((performance.now() - this.doubt.heardAtMs) / 1e3, 3 * this.partS);
    return Math.max(0, this.newestS + unheardS - this.video.currentTime);
  }

  get livePositionS(): number | null {
    return this.newestS === null ? null : this.newestS - this.marginS;
  }

  way(nowMs: number): Omit<Way, 'roundTripS'> {
    const { arrivals, partS, video } = this;
    return {
      spareS: arrivals.spareS(nowMs, video.currentTime, partS),
      latenessS: arrivals.peakAt(nowMs),
      overdueS: arrivals.overdueS(nowMs, partS),
    };
  }

  momentAt(seconds: number): Moment | null {
    const { core, firstS, newestS } = this;
    if (core.epoch === null || newestS === null) return null;
    // A time of what the video played before.
    if (seconds < firstS - NEARLY_S || seconds > newestS + NEARLY_S) return null;
    return { epoch: core.epoch, tick: Math.round(seconds * TICKS) };
  }

  choose(rendition: string | null): void {
    this.chosen = rendition;
    if (rendition !== null && rendition !== this.wanted) {
      this.subscribe(rendition, this.core.next ?? 'live');
    }
  }

  giveUp(): void {
    this.doubt.stands();
  }

  destroy(): void {
    if (this.life.signal.aborted) return;
    this.life.abort();
    clearTimeout(this.startTimer);
    this.doubt.end();
    clearTimeout(this.dormantTimer);
    this.hangUp();
    this.line.send({ type: 'unsubscribe' });
    this.queue?.close();
    URL.revokeObjectURL(this.url);
    this.video.removeAttribute('src');
    this.video.load();
  }

  private get marginS(): number {
    const partS = this.partS || ASSUMED_PART_S;
    return partS + leastTargetS(PUSH_LATENCY, partS);
  }

  private onOpen(): void {
    this.opened = true;
    URL.revokeObjectURL(this.url);
    this.source.duration = Infinity;
    this.startTimer = window.setTimeout(() => {
      if (!this.line.open) this.listener.broken('closed');
    }, CONNECT_WITHIN_MS);
    this.resume();
  }

  private onConnected(is: boolean): void {
    this.doubt.connected();
    if (is) this.resume();
    else if (this.line.refused) this.listener.broken('closed');
  }

  private resume(): void {
    if (!this.opened || !this.line.open || this.dormant) return;
    const fresh = performance.now() - this.doubt.heardAtMs < RESUME_WITHIN_MS;
    this.goOn((fresh ? this.core.next : null) ?? 'live');
  }

  private goOn(at: number | 'live'): void {
    const { shown, wanted } = this;
    // Only what is on screen goes on in the middle of a segment; another rung begins with the next.
    if (at !== 'live' && shown !== null && shown !== wanted) this.subscribe(shown, at);
    this.subscribe(wanted, at);
  }

  private subscribe(rendition: string | null, at: number | 'live'): void {
    this.wanted = rendition;
    if (this.dormant) return;
    const asked = this.line.send({
      type: 'subscribe',
      epoch: this.core.epoch,
      rendition,
      ...(rendition === null ? { max_bps: Math.round(bandwidthHintBps()) } : {}),
      buffer_ms: Math.round(1e3 * this.marginS),
      at,
    });
    if (!asked) return;
    if (!this.fed) this.expect();
    if (this.shown === null || this.shown === rendition) this.arrivals.resumed(performance.now());
  }

  private expect(): void {
    clearTimeout(this.startTimer);
    this.startTimer = window.setTimeout(() => {
      if (!this.fed) this.listener.broken(this.line.open ? 'silent' : 'closed');
    }, START_WITHIN_MS);
  }

  private hear(fields: Fields): void {
    const message = parsePush(fields);
    if (message === null || this.dormant || this.isStrange(message)) return;
    this.learn(message);
    for (const action of this.core.take(message)) {
      if (this.life.signal.aborted) return;
      this.act(action);
    }
  }

  /** Of another epoch: what was asked for before this. Where none is known, the answer says which. */
  private isStrange(message: PushMessage): boolean {
    if (message.kind === 'skipped' || message.kind === 'over') return false;
    const { epoch } = this.core;
    return epoch === null ? message.kind === 'part' : message.epoch !== epoch;
  }

  private learn(message: PushMessage): void {
    switch (message.kind) {
      case 'renditions':
        this.offer(message.renditions);
        break;
      case 'subscribed':
        this.wanted ??= message.rendition;
        this.partS = message.partMs / 1e3 || this.partS;
        break;
      case 'skipped':
        this.change(this.rungs.skipped(performance.now()));
        break;
      case 'part':
        this.measure(message);
    }
  }

  private offer(list: readonly PushedRendition[]): void {
    const playable = list.filter(({ codecs }) => mediaSourceClass()?.isTypeSupported(typeOf(codecs)));
    if (playable.length === 0) {
      this.listener.broken('codecs');
      return;
    }
    this.rungs.offer(playable);
    this.listener.renditions(labelled(playable));
  }

  /** Parts of the rung that is left still come: they say as much of the way. */
  private measure(part: PushedPart): void {
    const now = performance.now();
    const peakS = this.arrivals.peakAt(now);
    this.doubt.heard(now);
    const endS = (part.decodeTime + part.duration) / TICKS;
    const latenessS = this.arrivals.arrived(now, endS);
    this.newestS = Math.max(endS, this.newestS ?? 0);
    if (document.hidden) return;
    this.rungs.cap(...shownPixels(this.video));
    const spareS = bufferedAheadS(this.video);
    const targetS = this.marginS - this.partS + peakS;
    const bytes = part.data.length;
    this.change(this.rungs.take({ nowMs: now, bytes, latenessS, spareS, targetS }));
  }

  private change(rung: string | null): void {
    if (rung !== null && this.chosen === null && rung !== this.wanted) {
      this.subscribe(rung, this.core.next ?? 'live');
    }
  }

  private act(action: PushAction): void {
    switch (action.do) {
      case 'init': {
        const type = typeOf(action.init.codecs);
        this.queue ??= this.openQueue(type);
        if (action.changes) this.queue?.changeType(type);
        this.queue?.append(action.init.data);
        break;
      }
      case 'part':
        this.append(action.part);
        break;
      case 'ask':
        // A subscription that goes on does not go back.
        this.line.send({ type: 'unsubscribe' });
        this.goOn(action.from);
        break;
      case 'ended':
        this.end();
        break;
      case 'refused':
        this.onRefused(action.reason);
    }
  }

  private openQueue(type: string): SourceQueue | null {
    try {
      const buffer = this.source.addSourceBuffer(type);
      return new SourceQueue(
        buffer,
        () => this.video.currentTime,
        (what) => this.listener.broken(what),
      );
    } catch {
      this.listener.broken('source');
      return null;
    }
  }

  private append(part: PushedPart): void {
    if (part.rendition !== this.shown) {
      this.shown = part.rendition;
      this.rungs.playing(part.rendition, performance.now());
      this.listener.rendition(part.rendition);
    }
    const beginS = part.decodeTime / TICKS;
    this.firstS = Math.min(this.firstS, beginS);
    this.queue?.append(part.data, () => this.onAppended(beginS));
  }

  private onAppended(beginS: number): void {
    const { source, video } = this;
    const { buffered } = video;
    if (buffered.length === 0) return;
    if (source.readyState === 'open') {
      source.setLiveSeekableRange(buffered.start(0), buffered.end(buffered.length - 1));
    }
    this.playhead.place(beginS, this.livePositionS ?? 0);
    this.playhead.leap();
  }

  private onWaiting(): void {
    const { playhead, video } = this;
    if (!playhead.begins && !video.seeking && bufferedAheadS(video) < NEARLY_S) {
      this.change(this.rungs.stalled(performance.now()));
    }
    playhead.leap();
  }

  private onPause(): void {
    clearTimeout(this.dormantTimer);
    this.dormantTimer = window.setTimeout(() => {
      this.dormant = true;
      this.line.send({ type: 'unsubscribe' });
    }, DORMANT_AFTER_MS);
  }

  private onPlay(): void {
    clearTimeout(this.dormantTimer);
    if (!this.dormant) return;
    this.dormant = false;
    this.playhead.placing = true;
    this.core.forget();
    this.arrivals.resumed(performance.now());
    if (this.line.open) this.subscribe(this.wanted, 'live');
  }

  private end(): void {
    if (this.queue === null) {
      this.listener.broken('ended');
      return;
    }
    this.queue.end(() => {
      if (this.source.readyState === 'open') this.source.endOfStream();
    });
  }

  /** What has played is asked for again: a server that starts may not have it yet. */
  private onRefused(reason: string): void {
    if (!this.fed || reason !== 'unknown') {
      this.listener.broken(reason);
      return;
    }
    clearTimeout(this.startTimer);
    this.startTimer = window.setTimeout(() => this.resume(), ASK_AGAIN_MS);
  }
}
