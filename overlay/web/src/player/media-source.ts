/** Media Source Extensions as this browser has them. */

declare global {
  interface Window {
    /** Apple's, where the plain one is missing: the browser decides when it takes media. */
    ManagedMediaSource?: typeof MediaSource;
  }
}

export function mediaSourceClass(): typeof MediaSource | null {
  return window.MediaSource ?? window.ManagedMediaSource ?? null;
}

export function typeOf(codecs: string): string {
  return `video/mp4; codecs="${codecs}"`;
}
