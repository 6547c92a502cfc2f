/**
 * The shell around `publisher.ts`: holds the WHIP session, its retries, its figures, and the
 * screen's wake lock while on air.
 *
 * Lifecycle: one per studio page. `go` and `end` may alternate; `leave` is for `pagehide`.
 */

import { whipUrl } from '../shared/api';
import { backoffMs } from '../shared/backoff';
import { GIVE_UP_LOOKS, missingFor } from './absence';
import { type Advice, type Held, NOT_HELD, advise, holdOn } from './advice';
import { maxBitrateBps } from './codecs';
import { type HealthReport, fetchHealth, receivedBps } from './health';
import { type AirCommand, type AirHappening, type AirModel, OFF_AIR, airStep } from './publisher';
import { type Figures, type Snapshot, look } from './stats';
import { WhipError, WhipSession } from './whip';

const LOOK_EVERY_MS = 1_000;
const HISTORY_LOOKS = 60;
const RETRY = { firstMs: 500, maxMs: 5_000 };

export interface Feed {
  readonly stream: MediaStream;
  readonly isScreen: boolean;
}

export class Broadcast {
  model: AirModel = OFF_AIR;
  figures: Figures | null = null;
  /** The server's last word on our publish. */
  health: HealthReport = null;
  advice: Advice | null = null;
  /** The bit rates of the last minute, the newest last. */
  history: readonly number[] = [];

  private feed: Feed | null = null;
  private key = '';
  private session: WhipSession | null = null;
  private snapshot: Snapshot | null = null;
  private retryTimer = 0;
  private lookTimer = 0;
  private looking = false;
  private looks = 0;
  private missing = 0;
  private held: Held = NOT_HELD;
  /** Our last session, to be resumed where the connection is lost. */
  private resume: string | null = null;
  private wakeLock: WakeLockSentinel | null = null;
  /** The last session's farewell. A new one waits for it, or it would find the show taken. */
  private ending: Promise<void> = Promise.resolve();
  /** Counts the attempts: what an attempt of the past tells is not heard. */
  private round = 0;

  constructor(
    private readonly show: string,
    private readonly onChange: () => void,
  ) {}

  get onAir(): boolean {
    return this.model.phase === 'live' || this.model.phase === 'retrying';
  }

  get wanted(): boolean {
    return this.onAir || this.model.phase === 'connecting';
  }

  go(feed: Feed, key: string): void {
    this.feed = feed;
    this.key = key;
    this.resume = null;
    this.dispatch({ kind: 'go' });
  }

  /** Sends another picture or sound from now on. */
  async swap(feed: Feed): Promise<void> {
    this.feed = feed;
    await this.session?.replace(feed.stream, feed.isScreen).catch(() => undefined);
  }

  end(): void {
    this.dispatch({ kind: 'end' });
  }

  private dispatch(happening: AirHappening): void {
    const { model, commands } = airStep(this.model, happening);
    const wasLive = this.model.phase === 'live';
    this.model = model;
    for (const command of commands) this.run(command);
    if (wasLive !== (model.phase === 'live')) this.watchFigures(model.phase === 'live');
    void this.holdScreen();
    this.onChange();
  }

  private run(command: AirCommand): void {
    switch (command.do) {
      case 'publish':
        void this.publish();
        break;
      case 'retry':
        this.session?.close();
        this.session = null;
        clearTimeout(this.retryTimer);
        this.retryTimer = window.setTimeout(
          () => this.dispatch({ kind: 'retry' }),
          Math.max(backoffMs(command.attempt, Math.random(), RETRY), command.atLeastMs),
        );
        break;
      case 'end':
        this.round += 1;
        clearTimeout(this.retryTimer);
        this.ending = this.session?.end() ?? Promise.resolve();
        this.session = null;
    }
  }

  private async publish(): Promise<void> {
    this.round += 1;
    const { round } = this;
    await this.ending;
    if (round !== this.round) return;
    const hear = (happening: AirHappening) => {
      if (round === this.round) this.dispatch(happening);
    };
    if (this.feed === null) return;
    try {
      const session = await WhipSession.publish({
        url: whipUrl(this.show),
        key: this.key,
        stream: this.feed.stream,
        isScreen: this.feed.isScreen,
        resume: this.resume,
        onConnected: () => hear({ kind: 'connected' }),
        onLost: () => hear({ kind: 'lost' }),
      });
      if (round === this.round) {
        this.session = session;
        this.resume = session.id;
      } else void session.end();
    } catch (error) {
      const { problem, message, retryAfterMs } =
        error instanceof WhipError ? error : new WhipError('webrtc', String(error));
      hear({ kind: 'refused', problem: { code: problem, message, retryAfterMs } });
    }
  }

  private watchFigures(live: boolean): void {
    clearInterval(this.lookTimer);
    this.snapshot = this.figures = this.health = this.advice = null;
    this.history = [];
    this.looks = this.missing = 0;
    this.held = NOT_HELD;
    if (live) this.lookTimer = window.setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  /** One look at both ends. A slow answer is waited for, not asked for again. */
  private async look(): Promise<void> {
    const { session, round } = this;
    if (this.looking || session === null) return;
    this.looking = true;
    const [report, health] = await Promise.all([
      session.stats().catch(() => undefined),
      fetchHealth(this.show, this.key),
    ]);
    this.looking = false;
    if (!report || round !== this.round || this.model.phase !== 'live') return;
    const { snapshot, figures } = look(report.values(), this.snapshot);
    const sending = this.snapshot !== null && snapshot.bytes > this.snapshot.bytes;
    this.looks += 1;
    this.missing = missingFor(this.missing, health, session.id, sending, this.looks);
    this.snapshot = snapshot;
    this.figures = figures;
    this.consider(health, figures);
    if (this.missing >= GIVE_UP_LOOKS) this.dispatch({ kind: 'lost' });
    else this.onChange();
  }

  private consider(health: HealthReport, figures: Figures): void {
    const { width, height } = this.feed?.stream.getVideoTracks()[0]?.getSettings() ?? {};
    this.held = holdOn(this.held, figures, maxBitrateBps(width ?? 0, height ?? 0));
    // What a server that cannot be asked said last is not news.
    this.health = health;
    this.advice = advise(health, this.held, this.feed?.isScreen ?? false);
    const bps = receivedBps(health) ?? figures.bitrateBps;
    if (bps !== null) this.history = [...this.history, bps].slice(-HISTORY_LOOKS);
  }

  /** A phone that falls asleep would end the picture. Refusals are borne: it is a courtesy. */
  private async holdScreen(): Promise<void> {
    if (this.onAir && this.wakeLock === null) {
      this.wakeLock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null;
      this.wakeLock?.addEventListener('release', () => (this.wakeLock = null));
    } else if (!this.onAir && this.wakeLock !== null) {
      void this.wakeLock.release().catch(() => undefined);
    }
  }
}
