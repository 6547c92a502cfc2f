import { describe, expect, it } from 'vitest';

import { errorMessage, fetchState } from '../../src/shared/api';
import { backoffMs } from '../../src/shared/backoff';
import { parseReport } from '../../src/shared/report';
import { isShowName, showFromPath, toShowName } from '../../src/shared/show-name';

describe('show names', () => {
  it.each([
    ['demo', 'demo'],
    ['Été chez Léa!', 'ete-chez-lea'],
    ['  --two  words-- ', 'two-words'],
    ['???', ''],
    [`${'a'.repeat(62)} b`, 'a'.repeat(62)],
  ])('%j becomes %j', (typed, name) => {
    expect(toShowName(typed)).toBe(name);
    expect(name === '' || isShowName(name)).toBe(true);
  });

  it.each([
    ['/watch/demo', 'demo'],
    ['/studio/demo/', 'demo'],
    ['/watch/', null],
    ['/watch/De mo', null],
    ['/watch/-x', null],
  ])('the path %j names %j', (path, name) => {
    expect(showFromPath(path)).toBe(name);
  });
});

describe('backoffMs', () => {
  it('doubles up to its ceiling and stays within the upper half of each step', () => {
    expect([0, 1, 2, 10, 1e9].map((n) => backoffMs(n, 1))).toEqual([500, 1000, 2000, 8000, 8000]);
    expect([0, 1, 2].map((n) => backoffMs(n, 0))).toEqual([250, 500, 1000]);
  });
});

describe('reports', () => {
  const report = { show: 'demo', title: 'Demo', state: 'live', epoch: 'e1', poster: true };

  it('are taken as they are, without what is not theirs', () => {
    expect(parseReport({ ...report, more: 1 })).toEqual(report);
    expect(parseReport({ ...report, state: 'idle', epoch: null }).epoch).toBeNull();
    expect(parseReport({ ...report, poster: undefined }).poster).toBe(false);
  });

  it.each([null, 7, 'live', [], {}, { ...report, state: 'on' }, { ...report, epoch: 5 }])(
    'are not made of %j',
    (value) => {
      expect(() => parseReport(value)).toThrow(/not the state of a show/);
    },
  );

  it('tell an unknown show from a server in trouble', async () => {
    const answering = (status: number) => async () => new Response('{}', { status });
    await expect(fetchState('x', answering(404))).resolves.toBe('unknown');
    await expect(fetchState('x', answering(503))).rejects.toThrow('503');
  });

  it('of errors give their sentence, bounded, or nothing', () => {
    expect(errorMessage('{"error":{"code":"x","message":"No."}}')).toBe('No.');
    expect(errorMessage(`{"error":{"message":"${'x'.repeat(999)}"}}`)).toHaveLength(300);
    for (const body of ['', '<html>', 'null', '{"error":null}', '{"error":{"message":{}}}']) {
      expect(errorMessage(body)).toBe('');
    }
  });
});
