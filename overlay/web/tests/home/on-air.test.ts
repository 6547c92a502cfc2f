import { describe, expect, it } from 'vitest';

import { fetchOnAir, parseOnAir } from '../../src/home/on-air';

describe('the shows on air', () => {
  it('are those of the list that are shows', () => {
    const poster = '/live/demo/poster.jpg?v=e1-5';
    expect(
      parseOnAir({
        shows: [
          { show: 'demo', title: 'Démo', state: 'live', poster },
          { show: 'late', state: 'away', poster: null },
          { show: 'far', title: 'Far', state: 'live', poster: 'https://evil.example/x.jpg' },
          { show: '../x' },
          null,
          7,
        ],
      }),
    ).toEqual([
      { show: 'demo', title: 'Démo', away: false, poster },
      { show: 'late', title: 'late', away: true, poster: null },
      { show: 'far', title: 'Far', away: false, poster: null },
    ]);
    for (const odd of [null, 1, 'x', [], {}, { shows: {} }]) expect(parseOnAir(odd)).toEqual([]);
  });

  it('are bounded', () => {
    const shows = Array.from({ length: 500 }, (_, at) => ({ show: `s${at}`, title: 'x' }));
    expect(parseOnAir({ shows })).toHaveLength(24);
  });

  it('are unknown where the server is in trouble', async () => {
    await expect(fetchOnAir(async () => new Response('', { status: 503 }))).rejects.toThrow('503');
  });
});
