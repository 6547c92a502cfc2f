/**
 * The shell around `publisher.ts`: holds the WHIP session, its retries, its figures, and the
 * screen's wake lock while on air.
 *
 * Lifecycle: one per studio page. `go` and `end` may alternate; `leave` is for `pagehide`.
 */

import { whipUrl } from '../shared/api';
import { backoffMs } from '../shared/backoff';
import { type AirCommand, type AirHappening, type AirModel, OFF_AIR, airStep } from './publisher';
import { type Figures, type Snapshot, look } from './stats';
import { WhipError, WhipSession } from './whip';

const LOOK_EVERY_MS = 1_000;
const RETRY = { firstMs: 500, maxMs: 5_000 };

export interface Feed {
  readonly stream: MediaStream;
  readonly isScreen: boolean;
}

export class Broadcast {
  model: AirModel = OFF_AIR;
  figures: Figures | null = null;

  private feed: Feed | null = null;
  private key = '';
  private session: WhipSession | null = null;
  private snapshot: Snapshot | null = null;
  private retryTimer = 0;
  private lookTimer = 0;
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
          backoffMs(command.attempt, Math.random(), RETRY),
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
        onConnected: () => hear({ kind: 'connected' }),
        onLost: () => hear({ kind: 'lost' }),
      });
      if (round === this.round) this.session = session;
      else void session.end();
    } catch (error) {
      const { problem, message } =
        error instanceof WhipError ? error : new WhipError('webrtc', String(error));
      hear({ kind: 'refused', problem: { code: problem, message } });
    }
  }

  private watchFigures(live: boolean): void {
    clearInterval(this.lookTimer);
    this.snapshot = null;
    this.figures = null;
    if (live) this.lookTimer = window.setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  private async look(): Promise<void> {
    const report = await this.session?.stats().catch(() => undefined);
    if (!report || this.model.phase !== 'live') return;
    const { snapshot, figures } = look(report.values(), this.snapshot);
    this.snapshot = snapshot;
    this.figures = figures;
    this.onChange();
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
