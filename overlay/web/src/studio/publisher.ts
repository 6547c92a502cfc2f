/**
 * Being on air, as a pure function: what the host wants, what the network does, what follows.
 *
 * A lost connection is published again for as long as the host does not end the show. A refusal
 * that another attempt cannot change ends it at once, with its problem.
 */

import type { WhipProblem } from './whip';

export type AirPhase = 'off' | 'connecting' | 'live' | 'retrying' | 'ended';

export interface Problem {
  readonly code: WhipProblem;
  /** The server's own sentence, for refusals that we have no words for. */
  readonly message: string;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs?: number;
}

export interface AirModel {
  readonly phase: AirPhase;
  /** Failures in a row, for the backoff. */
  readonly attempt: number;
  /** This page has been on air since *Go live*: a session still there is our own lost one. */
  readonly wasLive: boolean;
  readonly problem: Problem | null;
}

export type AirHappening =
  | { readonly kind: 'go' }
  | { readonly kind: 'connected' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused'; readonly problem: Problem }
  | { readonly kind: 'retry' }
  | { readonly kind: 'end' };

export type AirCommand =
  | { readonly do: 'publish' }
  | { readonly do: 'retry'; readonly attempt: number; readonly atLeastMs: number }
  | { readonly do: 'end' };

export interface AirStep {
  readonly model: AirModel;
  readonly commands: readonly AirCommand[];
}

export const OFF_AIR: AirModel = { phase: 'off', attempt: 0, wasLive: false, problem: null };

export function airStep(model: AirModel, happening: AirHappening): AirStep {
  const wanted = model.phase !== 'off' && model.phase !== 'ended';
  switch (happening.kind) {
    case 'go':
      return wanted ? stay(model) : publish({ ...OFF_AIR, phase: 'connecting' });
    case 'connected':
      return stay(wanted ? { phase: 'live', attempt: 0, wasLive: true, problem: null } : model);
    case 'lost':
      return wanted ? tryAgain(model, null) : stay(model);
    case 'refused':
      return wanted ? onRefused(model, happening.problem) : stay(model);
    case 'retry':
      return model.phase === 'retrying' ? publish(model) : stay(model);
    case 'end':
      return wanted
        ? {
            model: { ...OFF_AIR, phase: model.wasLive ? 'ended' : 'off' },
            commands: [{ do: 'end' }],
          }
        : stay(model);
  }
}

function onRefused(model: AirModel, problem: Problem): AirStep {
  const passing =
    problem.code === 'busy' ||
    problem.code === 'network' ||
    (model.wasLive && (problem.code === 'taken' || problem.code === 'webrtc'));
  if (passing) return tryAgain(model, problem);
  return stay({ ...OFF_AIR, problem });
}

function tryAgain(model: AirModel, problem: Problem | null): AirStep {
  return {
    model: { ...model, phase: 'retrying', attempt: model.attempt + 1, problem },
    commands: [
      { do: 'retry', attempt: model.attempt, atLeastMs: problem?.retryAfterMs ?? 0 },
    ],
  };
}

function publish(model: AirModel): AirStep {
  return { model, commands: [{ do: 'publish' }] };
}

function stay(model: AirModel): AirStep {
  return { model, commands: [] };
}
