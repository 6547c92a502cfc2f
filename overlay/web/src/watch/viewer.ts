/**
 * The anonymous viewer that this page is: a signed cookie, asked for once it is needed, since most who
 * watch never buy. Whether there is one is remembered, for the cookie itself cannot be read.
 */

import { ApiError, type callApi } from '../shared/api';

export type Call = typeof callApi;

const REMEMBERED = 'comptoir.viewer';

export class Viewer {
  private known = false;
  private asking: Promise<void> | null = null;
  /** Called when the page has become a known viewer. */
  onIntroduced: () => void = () => {};

  constructor(private readonly api: Call) {}

  /** Whether this browser has been a viewer before: there may be a cart. */
  get remembered(): boolean {
    try {
      return this.known || localStorage.getItem(REMEMBERED) !== null;
    } catch {
      return this.known;
    }
  }

  /** Makes the page a known viewer. One who has a session already keeps it. */
  introduce(): Promise<void> {
    this.asking ??= this.ask().finally(() => (this.asking = null));
    return this.known ? Promise.resolve() : this.asking;
  }

  /** A call as this viewer. A session may have run out since: then there is a second one, and only
   * then. Rejects as `callApi` does. */
  async call(path: string, request: Parameters<Call>[1]): Promise<unknown> {
    const fresh = !this.known;
    if (fresh) await this.introduce();
    try {
      return await this.api(path, request);
    } catch (error) {
      if (fresh || !(error instanceof ApiError) || ![401, 403].includes(error.status)) throw error;
      this.known = false;
      await this.introduce();
      return this.api(path, request);
    }
  }

  private async ask(): Promise<void> {
    await this.api('/viewer', { method: 'POST' });
    this.known = true;
    try {
      localStorage.setItem(REMEMBERED, 'yes');
    } catch {
      // A private window without storage.
    }
    this.onIntroduced();
  }
}
