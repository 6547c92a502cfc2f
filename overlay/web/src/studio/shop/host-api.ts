/** The show's API as its host: one key, one show, and refusals as sentences. */

import { ApiError, type ApiCall, callApi } from '../../shared/api';
import { t } from '../../shared/i18n';

export class HostApi {
  constructor(
    private readonly show: string,
    private readonly key: string,
    private readonly call: typeof callApi = callApi,
  ) {}

  /** The answer below the show's address. Rejects as `callApi` does. */
  send(
    path: string,
    method: NonNullable<ApiCall['method']> = 'GET',
    body?: unknown,
  ): Promise<unknown> {
    const headers = { Authorization: `Bearer ${this.key}` };
    return this.call(`/shows/${this.show}/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
  }

  /** A file as the browser saves it: a link cannot carry the key. */
  async save(path: string, name: string): Promise<void> {
    const response = await fetch(`/api/v1/shows/${this.show}/${path}`, {
      headers: { Authorization: `Bearer ${this.key}` },
    });
    if (!response.ok) throw new ApiError(response.status, '', '', null);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

/** What went wrong, for the host. */
export function troubleText(error: unknown): string {
  if (!(error instanceof ApiError)) return t('counter.error.lost');
  if (error.status === 401 || error.status === 403) return t('counter.error.key');
  return t('counter.error.refused', { message: error.message || error.code || error.status });
}
