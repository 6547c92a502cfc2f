import { HlsEngine } from './hls-engine';
import { NativeEngine } from './native-engine';
import type { OpenEngine } from './session';

/** hls.js where the browser has Media Source Extensions, else the browser itself, else null. */
export const openEngine: OpenEngine = (video, url, listener, anchor) => {
  if (HlsEngine.isSupported()) return new HlsEngine(video, url, listener);
  return NativeEngine.isSupported(video) ? new NativeEngine(video, url, listener, anchor) : null;
};
