import { describe, expect, it } from 'vitest';

import {
  chosenVariant,
  firstChoice,
  isPriceRange,
  parseProduct,
  singleVariant,
  valueStanding,
  withStock,
} from '../../src/shared/product';

const variant = (id: string, options: string[], available: number, price = 3_900) => ({
  id,
  options,
  price_minor: price,
  available,
  sold_out: available === 0,
});
const apron = parseProduct({
  id: 'apron',
  name: 'Apron',
  options: [
    { name: 'Size', values: ['S', 'L'] },
    { name: 'Colour', values: ['ochre', 'slate'] },
  ],
  variants: [
    variant('s-ochre', ['S', 'ochre'], 0),
    variant('s-slate', ['S', 'slate'], 2),
    variant('l-ochre', ['L', 'ochre'], 3, 4_200),
  ],
  price_minor: 3_900,
  struck_minor: 4_500,
  lowest_30d_minor: 4_000,
  currency: 'EUR',
  available: 5,
})!;

describe('a product with a choice', () => {
  it('is read with all it has', () => {
    expect(apron).toMatchObject({ struckMinor: 4_500, lowestMinor: 4_000, soldOut: false });
    expect(apron.variants.map(({ soldOut }) => soldOut)).toEqual([true, false, false]);
    expect([isPriceRange(apron), singleVariant(apron)]).toEqual([true, null]);
  });

  it('begins with what can be bought', () => {
    expect(firstChoice(apron)).toEqual(['S', 'slate']);
    expect(chosenVariant(apron, ['S', 'slate'])?.id).toBe('s-slate');
    expect(chosenVariant(apron, ['S', null])).toBeNull();
    expect(chosenVariant(apron, ['L', 'slate'])).toBeNull();
  });

  it('says of each value what stands in its way', () => {
    const standing = (value: string) => valueStanding(apron, ['L', 'ochre'], 1, value);
    expect([standing('ochre'), standing('slate')]).toEqual(['open', 'none']);
    expect(valueStanding(apron, ['S', 'slate'], 1, 'ochre')).toBe('sold-out');
    expect(valueStanding(apron, [null, null], 0, 'S')).toBe('open');
  });

  it('is sold out when its last variant is', () => {
    const less = withStock(apron, 's-slate', 0, true);
    expect([less.available, less.soldOut]).toEqual([3, false]);
    const none = withStock(less, 'l-ochre', 0, true);
    expect([none.available, none.soldOut]).toEqual([0, true]);
    expect(withStock(none, 'l-ochre', 1, false).soldOut).toBe(false);
    expect(withStock(apron, 's-slate', 2, true).variants[1]?.soldOut).toBe(true);
  });

  it('has one variant where the show names none', () => {
    const jar = parseProduct({
      id: 'jar',
      name: 'Jar',
      price_minor: 1,
      currency: 'EUR',
      available: 4,
    })!;
    expect(singleVariant(jar)?.id).toBe('default');
    expect(withStock(jar, null, 0, true).soldOut).toBe(true);
  });

  it.each([[[{ id: '' }]], [[{ id: 'x', price_minor: -1, available: 1 }]], ['x'], [null]])(
    'leaves out variants like %j',
    (variants) => {
      const product = parseProduct({
        id: 'a',
        name: 'A',
        price_minor: 1,
        currency: 'EUR',
        available: 1,
        variants,
      });
      expect(product?.variants.map(({ id }) => id)).toEqual(['default']);
    },
  );
});
