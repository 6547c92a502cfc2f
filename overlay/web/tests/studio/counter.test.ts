import { describe, expect, it, vi } from 'vitest';

import { ApiError, type callApi } from '../../src/shared/api';
import { pinKey } from '../../src/studio/counter/keys';
import { clickMoment, sendCue } from '../../src/studio/counter/sender';

describe('pinKey', () => {
  const press = (key: string, more = {}) => ({
    key,
    repeat: false,
    altKey: false,
    ctrlKey: false,
    metaKey: false,
    defaultPrevented: false,
    ...more,
  });

  it('pins by digit and unpins by 0 and Esc', () => {
    expect(['1', '9', '0', 'Escape', 'a', '10'].map((key) => pinKey(press(key), 'BODY'))).toEqual([
      { pin: 0 },
      { pin: 8 },
      'unpin',
      'unpin',
      null,
      null,
    ]);
  });

  it('leaves alone who types, holds a key down, or means the browser', () => {
    expect(pinKey(press('1'), 'input')).toBeNull();
    expect(pinKey(press('1', { repeat: true }), 'BODY')).toBeNull();
    expect(pinKey(press('1', { ctrlKey: true }), 'BODY')).toBeNull();
    expect(pinKey(press('1'), 'BUTTON')).toEqual({ pin: 0 });
  });
});

describe('sendCue', () => {
  const wish = { product: 'scarf', ends: null, moment: { clicked_at_ms: 1_700_000_000_000 } };
  const taken = {
    id: 'c1',
    revision: 1,
    type: 'pin',
    media_epoch: 'e1',
    pts: 1,
    duration: 2,
    product: 'scarf',
    ends: null,
  };

  function answers(...list: unknown[]) {
    return vi.fn<typeof callApi>(async () => {
      const answer = list.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    });
  }

  it('says what was clicked, when, and who asks', async () => {
    const call = answers(taken);
    const { cue } = await sendCue('demo', 'secret', wish, call);
    expect(cue?.id).toBe('c1');
    const [path, request] = call.mock.calls[0]!;
    expect(path).toBe('/shows/demo/cues');
    expect(request).toMatchObject({
      method: 'POST',
      headers: { Authorization: 'Bearer secret' },
      body: { type: 'pin', product: 'scarf', clicked_at_ms: 1_700_000_000_000 },
    });
  });

  it('names what an unpin ends', async () => {
    const call = answers(taken);
    await sendCue('demo', 'secret', { ...wish, product: null, ends: 'c1' }, call);
    expect(call.mock.calls[0]?.[1]?.body).toMatchObject({ type: 'unpin', ends: 'c1' });
    expect(call.mock.calls[0]?.[1]?.body).not.toHaveProperty('product');
  });

  it('repeats a lost request word for word', async () => {
    const call = answers(new TypeError('lost'), new ApiError(503, '', '', null), taken);
    await expect(sendCue('demo', 'k', wish, call, 0)).resolves.toMatchObject({ problem: null });
    const bodies = call.mock.calls.map(([, request]) => JSON.stringify(request?.body));
    expect(new Set(bodies).size).toBe(1);
    expect(bodies).toHaveLength(3);
  });

  it.each([
    [new ApiError(401, 'bad_key', 'No.', null), { kind: 'key' }],
    [new ApiError(409, 'x', 'Not on air.', null), { kind: 'refused', message: 'Not on air.' }],
    [new ApiError(400, 'odd', '', null), { kind: 'refused', message: 'odd' }],
  ])('tells a refusal: %s', async (error, problem) => {
    const call = answers(error);
    await expect(sendCue('demo', 'k', wish, call, 0)).resolves.toEqual({ cue: null, problem });
    expect(call).toHaveBeenCalledTimes(1);
  });

  it('says so where nobody answers', async () => {
    const lost = answers(new TypeError('a'), new TypeError('b'), new TypeError('c'));
    const { problem } = await sendCue('demo', 'k', wish, lost, 0);
    expect(problem).toEqual({ kind: 'lost' });
  });
});

describe('clickMoment', () => {
  it('is the clock of the machine that publishes', () => {
    expect(clickMoment(1000, true, 99_000, 1200)).toEqual({ clicked_at_ms: 1000 });
  });

  it("is the server's time on another machine, whatever that one's clock says", () => {
    const serverMs = Date.UTC(2026, 0, 1, 12, 0, 0, 500);
    expect(clickMoment(1000, false, serverMs, 1200)).toEqual({
      program_date_time: '2026-01-01T12:00:00.300Z',
    });
  });

  it('is its own clock until the server has told its time', () => {
    expect(clickMoment(1000, false, null, 1200)).toEqual({ clicked_at_ms: 1000 });
  });
});
