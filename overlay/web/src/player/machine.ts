/**
 * What the player is doing, as a pure function: `step(model, happening)` gives the next model and
 * what the shell must do about it. No clock, no network, no DOM.
 *
 * Two sources are told apart. The *report* (`/live/{show}/state`) says what the show does; the
 * *engine* says what this viewer's playback does. A host who is away still has a running stream
 * (the server repeats a picture), so `away` comes from the report and `reconnecting` from playback.
 */

import type { ShowState } from '../shared/report';

export type Phase =
  | 'connecting'
  | 'waiting'
  | 'live'
  | 'away'
  | 'reconnecting'
  | 'busy'
  | 'ended'
  | 'unknown'
  | 'unsupported';

export interface Model {
  readonly phase: Phase;
  /** What the last report said; null before the first. */
  readonly state: ShowState | null;
  /** The media epoch of the last report. */
  readonly epoch: string | null;
  /** The epoch that the engine has open, or null without an engine. */
  readonly open: string | null;
  /** The epoch that was played to its end: it is not opened again. */
  readonly drained: string | null;
  /** True once the open epoch has shown a moving picture. */
  readonly played: boolean;
  /** Failures in a row, for the backoff. */
  readonly attempt: number;
  /** True while a retry is due: reports do not open an engine before it. */
  readonly retrying: boolean;
}

export type Happening =
  | { readonly kind: 'report'; readonly state: ShowState; readonly epoch: string | null }
  | { readonly kind: 'no-such-show' }
  | { readonly kind: 'unreachable' }
  /** The server is there and has no room. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'playing' }
  | { readonly kind: 'starved' }
  /** With `waitMs` the server had no room for the stream. */
  | { readonly kind: 'broken'; readonly waitMs?: number | undefined }
  | { readonly kind: 'drained' }
  | { readonly kind: 'retry' }
  | { readonly kind: 'unsupported' };

export type Command =
  | { readonly do: 'open' }
  | { readonly do: 'close' }
  /** Not before `waitMs`, where there is one. */
  | { readonly do: 'retry'; readonly attempt: number; readonly waitMs?: number | undefined };

export interface Step {
  readonly model: Model;
  readonly commands: readonly Command[];
}

export const INITIAL: Model = {
  phase: 'connecting',
  state: null,
  epoch: null,
  open: null,
  drained: null,
  played: false,
  attempt: 0,
  retrying: false,
};

export function step(model: Model, happening: Happening): Step {
  if (model.phase === 'unsupported') return { model, commands: [] };
  switch (happening.kind) {
    case 'report':
      return onReport({ ...model, state: happening.state, epoch: happening.epoch });
    case 'no-such-show':
      return close({ ...model, phase: 'unknown', state: null, epoch: null });
    case 'unreachable':
      return stay(model.open === null && model.phase !== 'ended' ? lost(model) : model);
    case 'busy':
      return stay(model.open === null && model.phase !== 'ended' ? full(model) : model);
    case 'playing':
      return stay(
        model.open === null
          ? model
          : { ...model, phase: onAirPhase(model), played: true, attempt: 0 },
      );
    case 'starved':
      return stay(model.open !== null && model.played ? lost(model) : model);
    case 'broken':
      return onBroken(model, happening.waitMs);
    case 'drained':
      return model.open === null
        ? stay(model)
        : close({ ...model, phase: 'ended', drained: model.open });
    case 'retry':
      return openWhereOnAir({ ...model, retrying: false });
    case 'unsupported':
      return close({ ...model, phase: 'unsupported' });
  }
}

function onReport(model: Model): Step {
  switch (model.state) {
    case 'idle':
      return close({ ...model, phase: 'waiting', drained: null, attempt: 0, retrying: false });
    case 'ended':
      // What is still in the buffer and the playlist is played out: `drained` comes then.
      return model.phase === 'live' || model.phase === 'away'
        ? stay(model)
        : close({ ...model, phase: 'ended', retrying: false });
    default:
      return openWhereOnAir(model);
  }
}

/** Opens the reported epoch unless it is open, was played to its end, or a retry is to come. */
function openWhereOnAir(model: Model): Step {
  const onAir = model.state === 'live' || model.state === 'away';
  if (!onAir || model.retrying) return stay(model);
  if (model.epoch === null || model.epoch === model.drained) return stay(model);
  if (model.epoch === model.open) {
    const showing = model.phase === 'live' || model.phase === 'away';
    return stay(showing ? { ...model, phase: onAirPhase(model) } : model);
  }
  const tries = model.phase === 'reconnecting' || model.phase === 'busy';
  const phase = tries ? model.phase : 'connecting';
  const next: Model = { ...model, phase, open: model.epoch, played: false };
  return { model: next, commands: [{ do: 'open' }] };
}

function onBroken(model: Model, waitMs: number | undefined): Step {
  if (model.open === null) return stay(model);
  if (model.state === 'ended') return close({ ...model, phase: 'ended', drained: model.open });
  const known = model.played || model.attempt > 0 ? lost(model) : model;
  const next: Model = {
    ...(waitMs === undefined ? known : full(model)),
    open: null,
    attempt: model.attempt + 1,
    retrying: true,
  };
  const { attempt } = model;
  return { model: next, commands: [{ do: 'close' }, { do: 'retry', attempt, waitMs }] };
}

function full(model: Model): Model {
  return { ...model, phase: 'busy' };
}

function lost(model: Model): Model {
  return { ...model, phase: 'reconnecting' };
}

function onAirPhase(model: Model): Phase {
  return model.state === 'away' ? 'away' : 'live';
}

function close(model: Model): Step {
  return model.open === null
    ? stay(model)
    : { model: { ...model, open: null, played: false }, commands: [{ do: 'close' }] };
}

function stay(model: Model): Step {
  return { model, commands: [] };
}
