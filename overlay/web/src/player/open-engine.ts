/**
 * Which engine plays: media push where the page's socket can carry it and the browser has Media
 * Source Extensions; else hls.js; else the browser itself. hls.js is fetched when it is needed only.
 */

import type { EngineRequest, OpenEngine } from './engine';
import { NativeEngine } from './native-engine';
import { PushEngine } from './push-engine';

/** Push that brought no picture is not tried again for so long. */
const DISTRUST_MS = 60_000;
/** Nor push that broke twice within this. */
const TWICE_WITHIN_MS = 20_000;

/** The show's or the server's doing, not the way's. */
const NO_FAULT = new Set(['ended', 'unknown', 'lost']);

/** Remembers what failed: one for each player. */
export function engineOpener(): OpenEngine {
  let distrustedUntilMs = -Infinity;
  let brokeAtMs = -Infinity;
  /** The socket was not there: as long as that is so there is no use in waiting for it again. */
  let wasClosed = false;

  function openPush(request: EngineRequest): PushEngine {
    const { video, media, epoch, listener } = request;
    const engine: PushEngine = new PushEngine(video, media!, epoch, {
      ...listener,
      broken: (reason) => {
        const now = performance.now();
        wasClosed = reason === 'closed';
        const again = now - brokeAtMs < TWICE_WITHIN_MS;
        const faulty = !wasClosed && !NO_FAULT.has(reason);
        if (faulty && (!engine.fed || again)) distrustedUntilMs = now + DISTRUST_MS;
        brokeAtMs = now;
        listener.broken(reason);
      },
    });
    return engine;
  }

  return async (request) => {
    const { video, media, url, listener, anchor } = request;
    const there = media !== null && !media.refused && (media.open || !wasClosed);
    if (there && PushEngine.isSupported() && performance.now() >= distrustedUntilMs) {
      return openPush(request);
    }
    const { HlsEngine } = await import('./hls-engine');
    if (HlsEngine.isSupported()) return new HlsEngine(video, url, listener);
    return NativeEngine.isSupported(video) ? new NativeEngine(video, url, listener, anchor) : null;
  };
}
