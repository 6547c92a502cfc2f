import { describe, expect, it, vi } from 'vitest';

import '../../src/shared/messages/studio';
import { ApiError, type callApi } from '../../src/shared/api';
import { GIVE_UP_LOOKS, missingFor } from '../../src/studio/absence';
import { type Held, NOT_HELD, advise, holdOn } from '../../src/studio/advice';
import {
  type HealthReport,
  SERVER_HINTS,
  type ServerHealth,
  type ServerHint,
  fetchHealth,
  parseHealth,
  receivedBps,
} from '../../src/studio/health';
import { UNFIT_CODES, losses, parseLadder, passing, standing } from '../../src/studio/ladder';
import { sparkline } from '../../src/studio/sparkline';
import type { Figures } from '../../src/studio/stats';
import { ADVICE_WORDS, figureTexts } from '../../src/studio/words';

const PLAIN = {
  session: 's1',
  state: 'media',
  hint: 'uplink_loss',
  video: {
    codec: 'h264',
    bitrate_bps: 2_400_000,
    frames_per_s: 29.8,
    lost_share: 0.0215,
    unrepaired_share: 0,
    jitter_ms: 3,
    width: 1280,
    height: 720,
    keyframe_interval_s: 2,
    layer: null,
  },
  audio: { codec: 'opus', bitrate_bps: 64_000, frames_per_s: 50, lost_share: 0 },
  rtt_ms: 41.4,
  skew_ms: -12.2,
};
const OWN: Figures = {
  bitrateBps: 2_500_000,
  framesPerSecond: 30,
  width: 1280,
  height: 720,
  roundTripMs: 40,
  limit: 'none',
  availableBps: 5_000_000,
};

function server(hint: ServerHint, session = 's1'): ServerHealth {
  return { ...(parseHealth(PLAIN) as ServerHealth), hint, session };
}

describe('the server’s health', () => {
  it('is read', () => {
    const health = parseHealth(PLAIN);
    expect(health).toMatchObject({ session: 's1', hint: 'uplink_loss', skewMs: -12.2 });
    expect(health?.video).toMatchObject({ bitrateBps: 2_400_000, lostShare: 0.0215, width: 1280 });
    expect(receivedBps(health)).toBe(2_464_000);
  });

  it.each([
    null,
    [],
    'fine',
    {},
    { session: 1, hint: 'fine' },
    { session: 's', hint: 'a hint of tomorrow' },
  ])('is not believed: %j', (plain) => {
    expect(parseHealth(plain)).toBeNull();
  });

  it('bears figures that are missing or odd', () => {
    const odd = { session: 's', hint: 'fine', video: { width: 'wide' }, audio: 7, rtt_ms: NaN };
    expect(parseHealth(odd)).toMatchObject({
      video: { width: null, bitrateBps: 0 },
      audio: null,
      roundTripMs: null,
    });
  });

  it('is asked for with the key; without a publish there is none', async () => {
    const call = vi.fn<typeof callApi>(async () => PLAIN);
    expect(await fetchHealth('demo', 'k', call)).toMatchObject({ session: 's1' });
    expect(call).toHaveBeenCalledWith('/shows/demo/health', {
      headers: { Authorization: 'Bearer k' },
    });
    const failing = (error: unknown) => fetchHealth('demo', 'k', () => Promise.reject(error));
    expect(await failing(new ApiError(409, 'no_publish', 'Nobody.', null))).toBe('none');
    expect(await failing(new ApiError(503, 'process_unavailable', '', null))).toBeNull();
    expect(await failing(new TypeError('lost'))).toBeNull();
  });
});

describe('advice', () => {
  const held = (by: Held['by'], looks = 10): Held => ({ by, looks });

  it('is the server’s, word for word', () => {
    for (const hint of SERVER_HINTS) {
      expect(advise(server(hint), NOT_HELD, false)).toEqual({ hint, seenBy: 'server' });
    }
    expect(advise('none', NOT_HELD, false)).toEqual({ hint: 'away', seenBy: 'server' });
    expect(advise(null, NOT_HELD, false)).toBeNull();
    const connecting = { ...PLAIN, state: 'connected', hint: 'fine' };
    expect(advise(parseHealth(connecting), NOT_HELD, false)).toBeNull();
  });

  it.each<[HealthReport, Held['by'], string, string]>([
    [server('fine'), 'cpu', 'computer_slow', 'browser'],
    [server('fine'), 'bandwidth', 'uplink_slow', 'browser'],
    [null, 'bandwidth', 'uplink_slow', 'browser'],
    [server('low_frame_rate'), 'cpu', 'computer_slow', 'both'],
    [server('low_frame_rate'), 'bandwidth', 'uplink_slow', 'both'],
    [server('uplink_loss'), 'bandwidth', 'uplink_loss', 'both'],
    [server('uplink_loss'), 'cpu', 'uplink_loss', 'server'],
    [server('no_sound'), 'cpu', 'no_sound', 'server'],
  ])('adds what only the browser knows: %#', (report, by, hint, seenBy) => {
    expect(advise(report, held(by), false)).toEqual({ hint, seenBy });
    expect(advise(report, held(by, 2), false)?.hint).not.toBe('computer_slow');
  });

  it('lets a screen stand still', () => {
    expect(advise(server('low_frame_rate'), NOT_HELD, true)?.hint).toBe('fine');
    expect(advise(server('no_picture'), NOT_HELD, true)?.hint).toBe('fine');
    expect(advise(server('uplink_slow'), NOT_HELD, true)?.hint).toBe('uplink_slow');
  });

  it('counts how long the encoder has been held back, and calls no full line slow', () => {
    const slow: Figures = { ...OWN, limit: 'bandwidth', availableBps: 400_000 };
    let now = NOT_HELD;
    for (let n = 0; n < 3; n += 1) now = holdOn(now, slow, 2_500_000);
    expect(now).toEqual({ by: 'bandwidth', looks: 3 });
    expect(holdOn(now, { ...slow, availableBps: 2_400_000 }, 2_500_000).by).toBeNull();
    expect(holdOn(now, { ...slow, limit: 'cpu' }, 2_500_000)).toEqual({ by: 'cpu', looks: 1 });
    expect(holdOn(now, OWN, 2_500_000)).toEqual({ by: null, looks: 1 });
  });

  it('has words for every hint', () => {
    for (const [hint, { help }] of Object.entries(ADVICE_WORDS)) {
      expect(help === null).toBe(hint === 'fine');
    }
  });
});

describe('media that the server has lost', () => {
  const looks = (reports: readonly HealthReport[], sending = true, age = 20) =>
    reports.reduce<number>((before, report) => missingFor(before, report, 's1', sending, age), 0);

  it('is given up after a few looks', () => {
    expect(looks(['none', 'none', 'none'])).toBe(GIVE_UP_LOOKS);
    expect(looks([server('away'), server('away'), server('away')])).toBe(GIVE_UP_LOOKS);
    expect(looks([server('fine', 'another'), server('fine', 'another')])).toBe(2);
  });

  it('counts in a row, and a server that cannot be asked counts for nothing', () => {
    expect(looks(['none', 'none', server('fine')])).toBe(0);
    expect(looks(['none', null, null, 'none'])).toBe(2);
    expect(looks([null, null, null])).toBe(0);
  });

  it('is none where we send nothing, or have only just begun', () => {
    expect(looks([server('away'), server('away')], false)).toBe(0);
    expect(looks(['none', 'none'], true, 2)).toBe(0);
  });
});

describe('figures', () => {
  const values = (...args: Parameters<typeof figureTexts>) => figureTexts(...args).map((f) => f[1]);

  it('are what the server gets', () => {
    const own = { ...OWN, bitrateBps: 9_000_000, framesPerSecond: 12 };
    expect(values(parseHealth(PLAIN), own)).toEqual([
      '1280 × 720',
      '30 per s',
      '2.5 Mb/s',
      '41 ms',
      '2.2 %',
      '12 ms',
    ]);
  });

  it('are the browser’s where the server does not say, and dashes where nobody does', () => {
    expect(values(null, OWN)).toEqual(['1280 × 720', '30 per s', '2.5 Mb/s', '40 ms', '–', '–']);
    expect(values('none', null)).toEqual(['–', '–', '–', '–', '–', '–']);
  });
});

describe('sparkline', () => {
  it('spreads values over the width, and stays inside', () => {
    expect(sparkline([0, 100], 200, 23)).toBe('0.0,23.0 200.0,3.0');
    expect(sparkline([0, 0, 0], 10, 20)).toBe('0.0,20.0 5.0,20.0 10.0,20.0');
    expect(sparkline([5], 10, 20)).toMatch(/^0\.0,/);
    expect(sparkline([], 10, 20)).toBe('');
  });
});

const RUNG = { rung: '480p', role: 'encoded', mirrors: null, dozing: false };
const LADDER = {
  rungs: [{ rung: '720p', role: 'mirror', mirrors: '480p', dozing: false }, RUNG],
  step: 2,
  half_rate: true,
  passthrough: 'off',
  unfit: null,
  sentence: '720p is shown as 480p.',
};

describe('what the server makes of the picture', () => {
  it('is read with the health', () => {
    const health = parseHealth({ ...PLAIN, ladder: LADDER });
    expect(health?.ladder).toEqual({
      top: '720p',
      shed: [{ rung: '720p', shownAs: '480p' }],
      halfRate: true,
      passed: false,
      unfit: null,
      standIns: [],
    });
    expect(parseHealth(PLAIN)?.ladder).toBeNull();
  });

  it.each([null, 7, [], {}, { rungs: 'x' }, { rungs: [] }, { rungs: [{ rung: 3 }] }])(
    'is not believed as %j',
    (plain) => expect(parseLadder(plain)).toBeNull(),
  );

  it('says what viewers go without', () => {
    const ladder = parseLadder(LADDER);
    if (ladder === null) throw new Error('unread');
    expect(losses(ladder)).toEqual([
      '720p is shown as 480p until it keeps up.',
      'Every other picture is left out.',
    ]);
    expect(passing(ladder)).toBeNull();
    expect(passing({ ...ladder, unfit: 'keyframes' })).toBeNull();
  });

  it('says which rungs the server has no GPU for', () => {
    const absent = { ...RUNG, instead_of: 'h264_nvenc' };
    const rungs = [{ ...absent, rung: '720p' }, absent, { ...RUNG, instead_of: null }];
    const ladder = parseLadder({ ...LADDER, rungs });
    expect(ladder && standing(ladder)).toBe(
      'The server has no GPU for 720p, 480p: its processor encodes them, which takes more of it.',
    );
    const full = parseLadder(LADDER);
    expect(full && standing(full)).toBeNull();
  });

  it('says what becomes of the host’s own picture', () => {
    const full = { ...LADDER, rungs: [{ ...RUNG, rung: '720p' }, RUNG], half_rate: false };
    const passed = parseLadder({ ...full, passthrough: 'passed' });
    expect(passed && losses(passed)).toEqual([]);
    expect(passed && passing(passed)).toBe('Viewers of 720p get your own picture, as it comes.');
    const reasons = [...UNFIT_CODES, 'a new one'].map((unfit) => {
      const why = parseLadder({ ...full, passthrough: 'unfit', unfit });
      return why && passing(why);
    });
    for (const reason of reasons) expect(reason).toMatch(/^720p is encoded anew[: ]/);
    expect(new Set(reasons).size).toBe(reasons.length);
  });
});
