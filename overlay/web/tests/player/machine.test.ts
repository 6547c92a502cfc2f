import { describe, expect, it } from 'vitest';

import {
  type Command,
  type Happening,
  INITIAL,
  type Model,
  type Phase,
  step,
} from '../../src/player/machine';

const report = (state: 'idle' | 'live' | 'away' | 'ended', epoch: string | null): Happening => ({
  kind: 'report',
  state,
  epoch,
});
const live = report('live', 'e1');
const on = (kind: Exclude<Happening['kind'], 'report'>): Happening => ({ kind });

/** Runs a story and tells the phase and the commands after each happening. */
function story(...happenings: Happening[]): { model: Model; told: string[] } {
  let model = INITIAL;
  const told = happenings.map((happening) => {
    const next = step(model, happening);
    model = next.model;
    return [model.phase, ...next.commands.map(name)].join(' ');
  });
  return { model, told };
}

function name(command: Command): string {
  if (command.do !== 'retry') return command.do;
  const { attempt, waitMs } = command;
  return waitMs === undefined ? `retry:${attempt}` : `retry:${attempt}:${waitMs}`;
}

describe('the player', () => {
  it('waits for a show that has not begun, and starts by itself', () => {
    expect(
      story(report('idle', null), report('idle', null), live, live, on('playing')).told,
    ).toEqual(['waiting', 'waiting', 'connecting open', 'connecting', 'live']);
  });

  it('shows that the host is away, and back, without touching the stream', () => {
    const { told } = story(live, on('playing'), report('away', 'e1'), live);
    expect(told.slice(2)).toEqual(['away', 'live']);
  });

  it('joins a show whose host is away', () => {
    expect(story(report('away', 'e1'), on('playing')).told).toEqual(['connecting open', 'away']);
  });

  it('says that the server is full, waits as long as it asks, and says so until it plays', () => {
    const refused: Happening = { kind: 'broken', waitMs: 7_000 };
    const { told } = story(live, refused, live, on('retry'), refused, on('retry'), on('playing'));
    expect(told).toEqual([
      'connecting open',
      'busy close retry:0:7000',
      'busy',
      'busy open',
      'busy close retry:1:7000',
      'busy open',
      'live',
    ]);
  });

  it('is full before anything is known, and does not disturb what plays', () => {
    expect(story(on('busy'), on('busy'), live).told).toEqual(['busy', 'busy', 'busy open']);
    expect(story(live, on('playing'), on('busy')).told.at(-1)).toBe('live');
  });

  it('reconnects with growing patience and begins anew once it played', () => {
    const { told, model } = story(
      live,
      on('playing'),
      on('broken'),
      live,
      on('retry'),
      on('broken'),
      on('retry'),
      on('playing'),
      on('broken'),
    );
    expect(told.slice(2)).toEqual([
      'reconnecting close retry:0',
      'reconnecting',
      'reconnecting open',
      'reconnecting close retry:1',
      'reconnecting open',
      'live',
      'reconnecting close retry:0',
    ]);
    expect(model.open).toBeNull();
  });

  it('says that it reconnects while playback stands, and keeps the stream', () => {
    expect(story(live, on('playing'), on('starved'), on('playing')).told.slice(2)).toEqual([
      'reconnecting',
      'live',
    ]);
  });

  it('does not call a first picture that is slow a lost one', () => {
    expect(story(live, on('starved')).told).toEqual(['connecting open', 'connecting']);
  });

  it('plays an ended epoch out, then waits for the next', () => {
    const { told } = story(
      live,
      on('playing'),
      report('ended', 'e1'),
      on('drained'),
      report('ended', 'e1'),
      report('live', 'e2'),
      on('playing'),
    );
    expect(told.slice(2)).toEqual(['live', 'ended close', 'ended', 'connecting open', 'live']);
  });

  it('does not reopen what it has played out, even where the report lags behind', () => {
    expect(story(live, on('playing'), on('drained'), live).told.slice(2)).toEqual([
      'ended close',
      'ended',
    ]);
  });

  it('moves to a new epoch at once', () => {
    const { told, model } = story(live, on('playing'), report('live', 'e2'));
    expect(told[2]).toBe('connecting open');
    expect(model.open).toBe('e2');
  });

  it('ends where the stream breaks after the end', () => {
    expect(story(live, on('playing'), report('ended', 'e1'), on('broken')).told[3]).toBe(
      'ended close',
    );
  });

  it('arrives after the end', () => {
    expect(story(report('ended', 'e1')).told).toEqual(['ended']);
  });

  it('survives a server that forgets the show and comes back', () => {
    expect(story(live, on('playing'), on('no-such-show'), live).told.slice(2)).toEqual([
      'unknown close',
      'connecting open',
    ]);
  });

  it('plays on while the state cannot be asked for', () => {
    expect(story(live, on('playing'), on('unreachable')).told[2]).toBe('live');
    expect(story(on('unreachable'), live).told).toEqual(['reconnecting', 'reconnecting open']);
  });

  it('stays where no browser can play', () => {
    expect(story(live, on('unsupported'), live, on('playing')).told.slice(1)).toEqual([
      'unsupported close',
      'unsupported',
      'unsupported',
    ]);
  });

  it('never has two streams open and never forgets one, whatever happens', () => {
    const happenings: Happening[] = [
      live,
      report('live', 'e2'),
      report('away', 'e1'),
      report('ended', 'e1'),
      report('idle', null),
      ...(
        ['no-such-show', 'unreachable', 'playing', 'starved', 'broken', 'drained', 'retry'] as const
      ).map(on),
    ];
    const showing: readonly Phase[] = ['live', 'away'];
    let seed = 7;
    for (let run = 0; run < 300; run += 1) {
      let model = INITIAL;
      let open = false;
      let retryDue = false;
      for (let i = 0; i < 40; i += 1) {
        seed = (seed * 48_271) % 2_147_483_647;
        const happening = happenings[seed % happenings.length] as Happening;
        if (happening.kind === 'retry') {
          if (!retryDue) continue;
          retryDue = false;
        }
        const next = step(model, happening);
        model = next.model;
        for (const command of next.commands) {
          if (command.do === 'retry') retryDue = true;
          else open = command.do === 'open';
        }
        expect(model.open !== null).toBe(open);
        if (showing.includes(model.phase)) expect(open).toBe(true);
        if (model.retrying) expect(retryDue).toBe(true);
      }
    }
  });
});
