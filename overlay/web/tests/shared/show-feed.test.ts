import { afterEach, describe, expect, it, vi } from 'vitest';

import { ShowFeed } from '../../src/shared/show-feed';

const urls: string[] = [];

class FakeSocket {
  static readonly OPEN = 1;
  readyState = 0;

  constructor(url: string) {
    urls.push(url);
  }

  close(): void {}
}

describe('ShowFeed', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('connects anew when the browser has a network again, until it is stopped', () => {
    const browser = new EventTarget();
    vi.stubGlobal('WebSocket', FakeSocket);
    vi.stubGlobal('window', globalThis);
    vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser));
    vi.stubGlobal('location', { protocol: 'https:', host: 'shop.example' });
    const feed = new ShowFeed('demo');
    feed.start();
    expect(urls).toHaveLength(1);
    browser.dispatchEvent(new Event('online'));
    expect(urls).toHaveLength(2);
    feed.stop();
    browser.dispatchEvent(new Event('online'));
    expect(urls).toHaveLength(2);
  });
});
