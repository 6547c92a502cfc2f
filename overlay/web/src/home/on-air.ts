/** Which shows are on air, as the server lists them for its front door. */

import { asList, asMap, isText } from '../shared/checks';
import { isShowName } from '../shared/show-name';

export interface OnAir {
  readonly show: string;
  readonly title: string;
  readonly away: boolean;
  /** The address of its poster, or null while it has none. */
  readonly poster: string | null;
}

const TIMEOUT_MS = 8_000;
const MAX_SHOWS = 24;

/** What `GET /live/shows.json` says; what is no show of ours is passed over. */
export function parseOnAir(document: unknown): readonly OnAir[] {
  return asList(asMap(document)?.['shows']).slice(0, MAX_SHOWS).flatMap((each) => {
    const { show, title, state, poster } = asMap(each) ?? {};
    if (!isText(show) || !isShowName(show)) return [];
    const own = isText(poster) && poster.startsWith(`/live/${show}/`) ? poster : null;
    return [{ show, title: isText(title) ? title : show, away: state === 'away', poster: own }];
  });
}

/** Rejects when the server cannot be reached or says something else. */
export async function fetchOnAir(fetcher: typeof fetch = fetch): Promise<readonly OnAir[]> {
  const response = await fetcher('/live/shows.json', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return parseOnAir(await response.json());
}
