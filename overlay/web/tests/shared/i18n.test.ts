import { describe, expect, it } from 'vitest';

import { MESSAGES, format, pickLanguage } from '../../src/shared/i18n';
import '../../src/shared/messages/studio';

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

describe('messages', () => {
  const { en, ...others } = MESSAGES;

  it.each(Object.entries(others))('%s has the keys of English, each with words', (_tag, texts) => {
    expect(Object.keys(texts).sort()).toEqual(Object.keys(en).sort());
    expect(Object.values(texts).filter((text) => text.trim() === '')).toEqual([]);
  });

  it.each(Object.entries(others))('%s has the placeholders of English', (_tag, texts) => {
    for (const [key, english] of Object.entries(en)) {
      expect([key, placeholders(texts[key]!)]).toEqual([key, placeholders(english)]);
    }
  });
});

describe('pickLanguage', () => {
  it.each([
    ['', ['fr-CA', 'en'], 'fr'],
    ['', ['de', 'fr'], 'fr'],
    ['', ['de'], 'en'],
    ['?lang=fr', ['en'], 'fr'],
    ['?lang=en-GB', ['fr'], 'en'],
    ['?lang=xx', ['fr'], 'fr'],
    ['?lang=', [], 'en'],
  ])('%s with %j speaks %s', (search, preferred, expected) => {
    expect(pickLanguage(search, preferred)).toBe(expected);
  });
});

describe('format', () => {
  it('fills in what is known and leaves the rest', () => {
    expect(format('{n} of {all} {what}', { n: 1, all: 2 })).toBe('1 of 2 {what}');
  });
});
