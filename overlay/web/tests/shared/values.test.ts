import { describe, expect, it } from 'vitest';

import { BusyError, errorMessage, fetchState } from '../../src/shared/api';
import { backoffMs, politeMs } from '../../src/shared/backoff';
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

describe('politeMs', () => {
  it('waits as long as it was asked to, within reason, and not with all others', () => {
    expect(politeMs('10', 0)).toBe(10_000);
    expect(politeMs('10', 1)).toBe(15_000);
    expect(politeMs('0', 0)).toBe(1_000);
    expect(politeMs('99999999', 0)).toBe(60_000);
    for (const nothing of [null, '', '-1', '1.5', 'Wed, 21 Oct 2026 07:28:00 GMT']) {
      expect(politeMs(nothing, 0)).toBe(5_000);
    }
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
    await expect(fetchState('x', answering(500))).rejects.toThrow('500');
  });

  it('are to be asked for later where the server has no room', async () => {
    const full = async () => new Response('{}', { status: 503, headers: { 'Retry-After': '7' } });
    const error = await fetchState('x', full).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BusyError);
    expect((error as BusyError).waitMs).toBeGreaterThanOrEqual(7_000);
    expect((error as BusyError).waitMs).toBeLessThanOrEqual(10_500);
  });

  it('of errors give their sentence, bounded, or nothing', () => {
    expect(errorMessage('{"error":{"code":"x","message":"No."}}')).toBe('No.');
    expect(errorMessage(`{"error":{"message":"${'x'.repeat(999)}"}}`)).toHaveLength(300);
    for (const body of ['', '<html>', 'null', '{"error":null}', '{"error":{"message":{}}}']) {
      expect(errorMessage(body)).toBe('');
    }
  });
});
