/** What the answers to clock questions tell: the server's clock, and how far away it is. Pure. */

const MAX_READINGS = 8;
/** The round trip of now is judged by so many of the newest readings. */
const RECENT = 3;

/** A difference of clocks, and how long the question was under way: the shortest is believed. */
interface ClockReading {
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

export class RoundTrips {
  /** The newest last. Bounded: the oldest is forgotten. */
  private readings: readonly ClockReading[] = [];

  /** An answer at `nowMs` to what was asked at `sentMs`, by the page's clock. */
  read(sentMs: number, serverMs: number, nowMs: number): void {
    const roundTripMs = nowMs - sentMs;
    if (roundTripMs < 0) return;
    const offsetMs = serverMs - (sentMs + roundTripMs / 2);
    this.readings = [...this.readings, { offsetMs, roundTripMs }].slice(-MAX_READINGS);
  }

  /** The server's Unix time minus the page's clock, or null before the first answer. */
  get offsetMs(): number | null {
    const [first, ...others] = this.readings;
    if (first === undefined) return null;
    return others.reduce((a, b) => (b.roundTripMs < a.roundTripMs ? b : a), first).offsetMs;
  }

  /**
   * Seconds there and back, or null before the first answer: the middle one of the newest, since an
   * answer may have waited behind a picture.
   */
  get typicalS(): number | null {
    const recent = this.readings.slice(-RECENT).map(({ roundTripMs }) => roundTripMs);
    if (recent.length === 0) return null;
    recent.sort((a, b) => a - b);
    return recent[Math.floor((recent.length - 1) / 2)]! / 1e3;
  }
}
