/** The host key: from the address's fragment (never sent to a server) into this tab's storage. */

/** `#key=…`, percent-decoded where it is encoded; null without one. A plus sign is a plus sign. */
export function keyFromFragment(fragment: string): string | null {
  const raw = /(?:^#?|&)key=([^&]*)/.exec(fragment)?.[1];
  if (!raw) return null;
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

/** Takes the key out of the address bar and the history, or recalls the one of this tab. */
export function takeKey(show: string): string {
  const given = keyFromFragment(location.hash);
  if (given !== null) {
    history.replaceState(history.state, '', location.pathname + location.search);
    keepKey(show, given);
    return given;
  }
  try {
    return sessionStorage.getItem(storageName(show)) ?? '';
  } catch {
    return '';
  }
}

/** An empty key forgets. */
export function keepKey(show: string, key: string): void {
  try {
    if (key) sessionStorage.setItem(storageName(show), key);
    else sessionStorage.removeItem(storageName(show));
  } catch {
    // Storage is forbidden: the key lives as long as the page.
  }
}

function storageName(show: string): string {
  return `comptoir.host-key.${show}`;
}
