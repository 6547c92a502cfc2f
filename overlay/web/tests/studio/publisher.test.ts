import { describe, expect, it } from 'vitest';

import { type AirHappening, OFF_AIR, airStep } from '../../src/studio/publisher';
import type { WhipProblem } from '../../src/studio/whip';

const on = (kind: Exclude<AirHappening['kind'], 'refused'>): AirHappening => ({ kind });
const refused = (code: WhipProblem): AirHappening => ({
  kind: 'refused',
  problem: { code, message: 'No.' },
});

function story(...happenings: AirHappening[]): string[] {
  let model = OFF_AIR;
  return happenings.map((happening) => {
    const next = airStep(model, happening);
    model = next.model;
    const commands = next.commands.map((c) => (c.do === 'retry' ? `retry:${c.attempt}` : c.do));
    return [model.phase, ...(model.problem ? [model.problem.code] : []), ...commands].join(' ');
  });
}

describe('being on air', () => {
  it('goes live and ends', () => {
    expect(story(on('go'), on('connected'), on('end'), on('lost'))).toEqual([
      'connecting publish',
      'live',
      'ended end',
      'ended',
    ]);
  });

  it('publishes again for as long as the host wants', () => {
    expect(
      story(
        on('go'),
        on('connected'),
        on('lost'),
        on('retry'),
        refused('network'),
        on('retry'),
        on('connected'),
        on('lost'),
      ),
    ).toEqual([
      'connecting publish',
      'live',
      'retrying retry:0',
      'retrying publish',
      'retrying network retry:1',
      'retrying network publish',
      'live',
      'retrying retry:0',
    ]);
  });

  it('waits for a server that is busy', () => {
    expect(story(on('go'), refused('busy'))[1]).toBe('retrying busy retry:0');
  });

  it.each(['key', 'show', 'codecs', 'refused', 'taken', 'webrtc'] as const)(
    'ends at once where another attempt would not help: %s',
    (code) => {
      expect(story(on('go'), refused(code), on('retry'))).toEqual([
        'connecting publish',
        `off ${code}`,
        `off ${code}`,
      ]);
    },
  );

  it('takes a session that is on air for its own lost one, once it was live', () => {
    expect(story(on('go'), on('connected'), on('lost'), on('retry'), refused('taken'))[4]).toBe(
      'retrying taken retry:1',
    );
  });

  it('stops where somebody else has taken the show, until the host goes live again', () => {
    expect(
      story(on('go'), on('connected'), on('lost'), on('retry'), refused('overtaken'), on('go')),
    ).toEqual([
      'connecting publish',
      'live',
      'retrying retry:0',
      'retrying publish',
      'off overtaken',
      'connecting publish',
    ]);
  });

  it('leaves a server alone for as long as it asks', () => {
    const busy = airStep(airStep(OFF_AIR, on('go')).model, {
      kind: 'refused',
      problem: { code: 'busy', message: 'Later.', retryAfterMs: 7_000 },
    });
    expect(busy.commands).toEqual([{ do: 'retry', attempt: 0, atLeastMs: 7_000 }]);
  });

  it('stops trying when told, and hears nothing of the past', () => {
    expect(story(on('go'), refused('network'), on('end'), on('connected'), on('retry'))).toEqual([
      'connecting publish',
      'retrying network retry:0',
      'off end',
      'off',
      'off',
    ]);
  });

  it('is gone to once, however often the button is pressed', () => {
    expect(story(on('go'), on('go'))).toEqual(['connecting publish', 'connecting']);
  });
});
