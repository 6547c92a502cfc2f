/** How a show fares, as `/live/{show}/state` and the event socket tell it. */

export type ShowState = 'idle' | 'live' | 'away' | 'ended';

/** How the show fares: `epoch` is the media epoch to watch, if one has begun. */
export interface ShowReport {
  readonly show: string;
  readonly title: string;
  readonly state: ShowState;
  readonly epoch: string | null;
  /** There is a poster to be had. Told by the snapshot alone: false may be out of date. */
  readonly poster: boolean;
}

const STATES: readonly unknown[] = ['idle', 'live', 'away', 'ended'] satisfies ShowState[];

/** Throws unless `value` is a report. */
export function parseReport(value: unknown): ShowReport {
  if (typeof value === 'object' && value !== null) {
    const { show, title, state, epoch, poster } = value as Record<string, unknown>;
    if (
      typeof show === 'string' &&
      typeof title === 'string' &&
      isShowState(state) &&
      (typeof epoch === 'string' || epoch === null)
    ) {
      return { show, title, state, epoch, poster: poster === true };
    }
  }
  throw new Error('the server sent something that is not the state of a show');
}

export function isShowState(value: unknown): value is ShowState {
  return STATES.includes(value);
}
