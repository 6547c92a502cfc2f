/**
 * Which engine plays: media push where the page's socket can carry it and the browser has Media
 * Source Extensions; else hls.js; else the browser itself, also where hls.js fails again and again
 * or cannot be fetched. hls.js is fetched when it is needed only.
 */

import type { Engine, EngineRequest, OpenEngine } from './engine';
import type { HlsEngine } from './hls-engine';
import { NativeEngine } from './native-engine';
import { PushEngine } from './push-engine';

/** Push that brought no picture is not tried again for so long. */
const DISTRUST_MS = 60_000;
/** Nor what broke twice within this. */
const TWICE_WITHIN_MS = 20_000;

/** The show's or the server's doing, not the way's. */
const NO_FAULT = new Set(['ended', 'unknown', 'lost', 'network', 'busy']);

/** Remembers what failed: one for each player. */
export function engineOpener(): OpenEngine {
  let distrustedUntilMs = -Infinity;
  let brokeAtMs = -Infinity;
  let hlsDistrustedUntilMs = -Infinity;
  let hlsBrokeAtMs = -Infinity;
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

  function openHls(Hls: typeof HlsEngine, { video, url, listener }: EngineRequest): Engine {
    return new Hls(video, url, {
      ...listener,
      broken: (reason, waitMs) => {
        const now = performance.now();
        if (!NO_FAULT.has(reason)) {
          if (now - hlsBrokeAtMs < TWICE_WITHIN_MS) hlsDistrustedUntilMs = now + DISTRUST_MS;
          hlsBrokeAtMs = now;
        }
        listener.broken(reason, waitMs);
      },
    });
  }

  function openNative({ video, url, listener, anchor }: EngineRequest): Engine {
    const heard = {
      ...listener,
      broken: (reason: string) => {
        hlsDistrustedUntilMs = -Infinity;
        listener.broken(reason);
      },
    };
    return new NativeEngine(video, url, heard, anchor);
  }

  return async (request) => {
    const { video, media } = request;
    const there = media !== null && !media.refused && (media.open || !wasClosed);
    if (there && PushEngine.isSupported() && performance.now() >= distrustedUntilMs) {
      return openPush(request);
    }
    const native = NativeEngine.isSupported(video);
    if (native && performance.now() < hlsDistrustedUntilMs) return openNative(request);
    const loaded = await import('./hls-engine').catch((error: unknown) => {
      if (!native) throw error;
      return null;
    });
    if (loaded?.HlsEngine.isSupported()) return openHls(loaded.HlsEngine, request);
    return native ? openNative(request) : null;
  };
}
