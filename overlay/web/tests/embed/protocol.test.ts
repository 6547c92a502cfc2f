import { describe, expect, it } from 'vitest';

import { sealed, unsealed, verdictOf } from '../../src/embed/protocol';

describe('the protocol of an embedded player', () => {
  it('knows its own messages and no others', () => {
    expect(unsealed(sealed({ type: 'checkout', url: null }))).toEqual({
      type: 'checkout',
      url: null,
    });
    const foreign = [null, 'x', {}, { type: 'cart' }, { 'comptoir.v1': 7 }, { 'comptoir.v1': {} }];
    expect(foreign.map(unsealed)).toEqual([null, null, null, null, null, null]);
  });

  it.each([
    [true, { success: true, reason: null }],
    [{ success: true }, { success: true, reason: null }],
    [false, { success: false, reason: 'refused' }],
    [
      { success: false, reason: 'out-of-stock' },
      { success: false, reason: 'out-of-stock' },
    ],
    [undefined, { success: false, reason: 'refused' }],
    ['yes', { success: false, reason: 'refused' }],
  ])('takes the answer %j as %j', (answer, verdict) => {
    expect(verdictOf(answer)).toEqual(verdict);
  });
});
