/** Claims a coupon for the viewer; one key a page and coupon, so that trying again claims no second. */

import { ApiError } from '../../shared/api';
import { asMap, isText } from '../../shared/checks';
import { newId } from '../../shared/random';
import type { Viewer } from '../viewer';

export type Claim =
  | { readonly kind: 'claimed'; readonly code: string }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'lost' };

export class Claims {
  private readonly keys = new Map<string, string>();

  constructor(
    private readonly show: string,
    private readonly viewer: Pick<Viewer, 'call'>,
  ) {}

  /** Never rejects. */
  async claim(offer: string): Promise<Claim> {
    const key = this.keys.get(offer) ?? newId();
    this.keys.set(offer, key);
    try {
      const answer = await this.viewer.call(
        `/shows/${this.show}/offers/${encodeURIComponent(offer)}/claim`,
        { method: 'POST', headers: { 'Idempotency-Key': key }, body: {} },
      );
      const code = asMap(asMap(answer)?.['claim'])?.['code'];
      return isText(code) ? { kind: 'claimed', code } : { kind: 'lost' };
    } catch (error) {
      if (!(error instanceof ApiError) || error.passing) return { kind: 'lost' };
      return { kind: 'refused', code: error.code, message: error.message || error.code };
    }
  }
}
