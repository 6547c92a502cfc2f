/**
 * A `SourceBuffer` with a queue before it: one operation at a time, in order.
 *
 * At most `MAX_WAITING_BYTES` wait; past that `overflow` is told once and nothing more is taken,
 * since what plays can no longer keep up. What was played long ago is removed; sooner where the
 * browser has no room left.
 */

/** What is used of a `SourceBuffer`. */
export interface Sink extends EventTarget {
  readonly updating: boolean;
  readonly buffered: TimeRanges;
  appendBuffer(data: Uint8Array<ArrayBuffer>): void;
  changeType(type: string): void;
  remove(start: number, end: number): void;
  abort(): void;
}

type Trouble = 'overflow' | 'full' | 'refused';

type Step =
  | {
      readonly kind: 'append';
      readonly data: Uint8Array<ArrayBuffer>;
      readonly done: (() => void) | undefined;
    }
  | { readonly kind: 'type'; readonly type: string }
  | { readonly kind: 'remove'; readonly endS: number }
  | { readonly kind: 'end'; readonly done: () => void };

const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** What has been played stays this long, to go back to. */
export const KEEP_BACK_S = 60;
/** Removed not for each part, but when this much more has come together. */
const TRIM_EVERY_S = 10;
/** All that stays where the browser has no room. */
const KEEP_IN_NEED_S = 3;

export class SourceQueue {
  private steps: Step[] = [];
  private waitingBytes = 0;
  private running: Step | null = null;
  private triedAgain = false;
  private closed = false;
  private readonly life = new AbortController();

  constructor(
    private readonly sink: Sink,
    private readonly playheadS: () => number,
    private readonly trouble: (what: Trouble) => void,
  ) {
    const { signal } = this.life;
    sink.addEventListener('updateend', () => this.onEnd(), { signal });
    sink.addEventListener('error', () => this.fail('refused'), { signal });
  }

  /** `done` is called when it is in the buffer. */
  append(data: Uint8Array<ArrayBuffer>, done?: () => void): void {
    if (this.closed) return;
    this.waitingBytes += data.length;
    if (this.waitingBytes > MAX_WAITING_BYTES) {
      this.fail('overflow');
      return;
    }
    this.put({ kind: 'append', data, done });
  }

  changeType(type: string): void {
    this.put({ kind: 'type', type });
  }

  /** `done` is called when everything before is in the buffer. */
  end(done: () => void): void {
    this.put({ kind: 'end', done });
  }

  close(): void {
    this.closed = true;
    this.life.abort();
    this.steps = [];
  }

  private put(step: Step): void {
    if (this.closed) return;
    this.steps.push(step);
    this.run();
  }

  private run(): void {
    while (!this.closed && this.running === null && !this.sink.updating) {
      const step = this.steps.shift();
      if (step === undefined) return;
      this.running = step;
      try {
        if (!this.begin(step)) this.running = null;
      } catch (error) {
        this.running = null;
        this.onThrown(step, error);
      }
    }
  }

  /** Whether `updateend` will tell when it is done. */
  private begin(step: Step): boolean {
    switch (step.kind) {
      case 'append':
        this.sink.appendBuffer(step.data);
        return true;
      case 'remove': {
        const { buffered } = this.sink;
        if (buffered.length === 0 || buffered.start(0) >= step.endS) return false;
        this.sink.remove(0, step.endS);
        return true;
      }
      case 'type':
        this.sink.changeType(step.type);
        return false;
      case 'end':
        step.done();
        return false;
    }
  }

  private onEnd(): void {
    const step = this.running;
    this.running = null;
    if (step?.kind === 'append') {
      this.waitingBytes -= step.data.length;
      this.triedAgain = false;
      step.done?.();
      this.trim();
    }
    this.run();
  }

  private trim(): void {
    const { buffered } = this.sink;
    const endS = this.playheadS() - KEEP_BACK_S;
    if (buffered.length > 0 && buffered.start(0) + TRIM_EVERY_S < endS) {
      this.steps.unshift({ kind: 'remove', endS });
    }
  }

  private onThrown(step: Step, error: unknown): void {
    const full = error instanceof DOMException && error.name === 'QuotaExceededError';
    const endS = this.playheadS() - KEEP_IN_NEED_S;
    if (!full || this.triedAgain || endS <= 0) {
      this.fail(full ? 'full' : 'refused');
      return;
    }
    this.triedAgain = true;
    this.steps.unshift({ kind: 'remove', endS }, step);
  }

  private fail(what: Trouble): void {
    if (this.closed) return;
    this.close();
    this.trouble(what);
  }
}
