import { describe, expect, it } from 'vitest';

import { Previews, parseTrack, previewAt } from '../../src/player/previews';

const TRACK = `WEBVTT

NOTE
Times are those of the media timeline of the epoch e1

00:00:05.000 --> 00:00:10.000
e1/thumb-450000.jpg

01:00:10.000 --> 01:00:15.000
e1/thumb-900000.jpg
`;
const BASE = '/live/demo/';

describe('a track of thumbnails', () => {
  it('is read', () => {
    expect(parseTrack(TRACK, BASE)).toEqual([
      { epoch: 'e1', url: '/live/demo/e1/thumb-450000.jpg', startS: 5, endS: 10 },
      { epoch: 'e1', url: '/live/demo/e1/thumb-900000.jpg', startS: 3610, endS: 3615 },
    ]);
  });

  it('names nothing but thumbnails of its own', () => {
    for (const name of ['//evil.example/thumb-1.jpg', '../x/thumb-1.jpg', 'e1/part-1.m4s', '']) {
      expect(parseTrack(TRACK.replaceAll(/e1\/thumb.*/g, name), BASE)).toEqual([]);
    }
    expect(parseTrack('', BASE)).toEqual([]);
  });

  it('has the picture of a moment, of its own epoch alone', () => {
    const previews = parseTrack(TRACK, BASE);
    const at = (epoch: string, seconds: number) =>
      previewAt(previews, { epoch, tick: seconds * 90_000 })?.startS ?? null;
    expect([4.9, 5, 9.9, 3609, 3610, 9999].map((seconds) => at('e1', seconds))).toEqual([
      null,
      5,
      5,
      5,
      3610,
      3610,
    ]);
    expect(at('e2', 6)).toBeNull();
  });

  it('is asked for when somebody looks, and not again while it is fresh', async () => {
    const asked: string[] = [];
    let changes = 0;
    const previews = new Previews(
      'demo',
      () => (changes += 1),
      async (url) => {
        asked.push(String(url));
        return new Response(TRACK, { status: asked.length === 1 ? 404 : 200 });
      },
    );
    const settled = async () => {
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    };
    previews.look(0);
    previews.look(1000);
    await settled();
    expect([asked, changes]).toEqual([['/live/demo/thumbnails.vtt'], 0]);
    previews.look(5000);
    await settled();
    expect([asked.length, changes]).toEqual([2, 1]);
    expect(previews.at({ epoch: 'e1', tick: 450_000 })?.url).toBe('/live/demo/e1/thumb-450000.jpg');
    expect(previews.at(null)).toBeNull();
  });
});
