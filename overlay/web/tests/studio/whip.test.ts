import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type WhipOptions, WhipSession } from '../../src/studio/whip';

/** As much of a peer connection as a WHIP client touches; tests move its states. */
class FakePeer extends EventTarget {
  connectionState: RTCPeerConnectionState = 'new';
  iceGatheringState: RTCIceGatheringState = 'complete';
  localDescription = { sdp: 'offer' };
  remote: RTCSessionDescriptionInit | null = null;
  closed = false;
  readonly transceivers: { kind: unknown; init: RTCRtpTransceiverInit | undefined }[] = [];
  readonly senders: { track: unknown; parameters: RTCRtpSendParameters }[] = [];

  addTransceiver(kind: unknown, init?: RTCRtpTransceiverInit) {
    this.transceivers.push({ kind, init });
    const sender = {
      track: kind,
      parameters: { encodings: [{}] } as RTCRtpSendParameters,
      getParameters: () => sender.parameters,
      setParameters: async (parameters: RTCRtpSendParameters) => {
        sender.parameters = parameters;
      },
      replaceTrack: async (track: unknown) => {
        sender.track = track;
      },
    };
    this.senders.push(sender);
    return { sender };
  }
  async setLocalDescription() {}
  async setRemoteDescription(description: RTCSessionDescriptionInit) {
    this.remote = description;
  }
  close() {
    this.closed = true;
  }
  become(state: RTCPeerConnectionState) {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
}

interface Request {
  readonly url: string;
  readonly init: RequestInit | undefined;
}

const track = (kind: string, width = 1280, height = 720) => ({
  kind,
  contentHint: '',
  getSettings: () => ({ width, height }),
});
const stream = (video: unknown, audio: unknown) =>
  ({
    getVideoTracks: () => (video ? [video] : []),
    getAudioTracks: () => (audio ? [audio] : []),
  }) as unknown as MediaStream;

let peer: FakePeer;
let requests: Request[];
let answer: () => Promise<Response>;
let deletion: () => Promise<Response>;
let told: string[];

function created(location = '/live/demo/whip/abc'): Response {
  return new Response('answer', { status: 201, headers: { Location: location } });
}

function publish(more: Partial<WhipOptions> = {}): Promise<WhipSession> {
  return WhipSession.publish({
    url: 'https://shop.example/live/demo/whip',
    key: 'key-key-key-key-key',
    stream: stream(track('video'), track('audio')),
    isScreen: false,
    onConnected: () => told.push('connected'),
    onLost: () => told.push('lost'),
    createPeer: () => peer as unknown as RTCPeerConnection,
    fetcher: async (url, init) => {
      requests.push({ url: String(url), init });
      return init?.method === 'DELETE' ? deletion() : answer();
    },
    ...more,
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  peer = new FakePeer();
  requests = [];
  told = [];
  answer = async () => created();
  deletion = async () => new Response();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('WhipSession', () => {
  it('posts its offer with the key and applies the answer', async () => {
    await publish();
    expect(requests).toHaveLength(1);
    const { url, init } = requests[0] as Request;
    expect(url).toBe('https://shop.example/live/demo/whip');
    expect(init).toMatchObject({
      method: 'POST',
      body: 'offer',
      headers: { Authorization: 'Bearer key-key-key-key-key', 'Content-Type': 'application/sdp' },
    });
    expect(peer.remote).toEqual({ type: 'answer', sdp: 'answer' });
    expect(peer.transceivers.map(({ init: i }) => i?.direction)).toEqual(['sendonly', 'sendonly']);
    expect(peer.transceivers[0]?.init?.sendEncodings?.[0]?.maxBitrate).toBe(2_500_000);
  });

  it('resumes its last session by name, and learns the name of the new one', async () => {
    const session = await publish({ resume: 'session-before' });
    expect(requests[0]?.init?.headers).toMatchObject({ 'Comptoir-Resume': 'session-before' });
    expect(session.id).toBe('abc');
    await publish({ resume: null });
    expect(requests[1]?.init?.headers).not.toHaveProperty('Comptoir-Resume');
  });

  it.each([
    [{ status: 409 }, 'taken_over', 'overtaken', 0],
    [{ status: 409 }, 'already_live', 'taken', 0],
    [{ status: 429, headers: { 'Retry-After': '7' } }, 'too_many', 'busy', 7_000],
    [{ status: 503, headers: { 'Retry-After': '9999' } }, 'busy', 'busy', 60_000],
    [{ status: 503, headers: { 'Retry-After': 'soon' } }, 'busy', 'busy', 0],
  ])('is refused: %j %s', async (init, code, problem, retryAfterMs) => {
    answer = async () =>
      new Response(JSON.stringify({ error: { code, message: 'No.' } }), init as ResponseInit);
    await expect(publish()).rejects.toMatchObject({ problem, message: 'No.', retryAfterMs });
  });

  it('offers sound even where there is none yet, so that it may come later', async () => {
    const session = await publish({ stream: stream(track('video'), null) });
    expect(peer.transceivers[1]?.kind).toBe('audio');
    const voice = track('audio');
    await session.replace(stream(track('video'), voice), false);
    expect(peer.senders[1]?.track).toBe(voice);
  });

  it('keeps the resolution of a screen, and of a camera while it begins', async () => {
    const preference = () => peer.senders[0]?.parameters.degradationPreference;
    const screen = track('video', 1920, 1080);
    await publish({ stream: stream(screen, null), isScreen: true });
    expect(screen.contentHint).toBe('detail');
    expect(peer.senders[0]?.parameters.encodings[0]?.maxBitrate).toBe(3_800_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(preference()).toBe('maintain-resolution');

    peer = new FakePeer();
    await publish();
    expect(preference()).toBe('maintain-resolution');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(preference()).toBe('maintain-framerate');
  });

  it('waits a second at most for candidates', async () => {
    peer.iceGatheringState = 'gathering';
    const published = publish();
    await vi.advanceTimersByTimeAsync(999);
    expect(requests).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    await published;
    expect(requests).toHaveLength(1);
  });

  it('posts as soon as candidates are complete', async () => {
    peer.iceGatheringState = 'gathering';
    const published = publish();
    await vi.advanceTimersByTimeAsync(10);
    peer.iceGatheringState = 'complete';
    peer.dispatchEvent(new Event('icegatheringstatechange'));
    await published;
    expect(requests).toHaveLength(1);
  });

  it.each([
    [401, 'key'],
    [403, 'key'],
    [404, 'show'],
    [406, 'codecs'],
    [409, 'taken'],
    [413, 'refused'],
    [503, 'busy'],
    [500, 'busy'],
  ])('tells what %i means', async (status, problem) => {
    answer = async () => new Response('{"error":{"message":"No."}}', { status });
    await expect(publish()).rejects.toMatchObject({ problem, message: 'No.' });
    expect(peer.closed).toBe(true);
  });

  it('tells a server out of reach from a refusal', async () => {
    answer = () => Promise.reject(new TypeError('Failed to fetch'));
    await expect(publish()).rejects.toMatchObject({ problem: 'network' });
  });

  it('refuses an answer that cannot be ended', async () => {
    answer = async () => new Response('answer', { status: 201 });
    await expect(publish()).rejects.toMatchObject({ problem: 'refused' });
  });

  it('ends with one DELETE of its Location, which outlives the page', async () => {
    const session = await publish();
    await session.end();
    await session.end();
    expect(requests.slice(1)).toMatchObject([
      {
        url: 'https://shop.example/live/demo/whip/abc',
        init: { method: 'DELETE', keepalive: true },
      },
    ]);
    expect(peer.closed).toBe(true);
  });

  it('keeps the connection until the server knows that this is the end', async () => {
    let closedBefore = true;
    deletion = async () => {
      closedBefore = peer.closed;
      return new Response();
    };
    const session = await publish();
    await session.end();
    expect(closedBefore).toBe(false);
    expect(peer.closed).toBe(true);
  });

  it('asks a server that restarts again, and not for ever', async () => {
    deletion = async () => new Response('', { status: 503 });
    const ended = (await publish()).end();
    await vi.advanceTimersByTimeAsync(60_000);
    await ended;
    expect(requests.filter(({ init }) => init?.method === 'DELETE')).toHaveLength(4);
    expect(peer.closed).toBe(true);
  });

  it('is lost at once when the connection fails, told once and without a DELETE', async () => {
    await publish();
    peer.become('connected');
    peer.become('failed');
    peer.become('failed');
    expect(told).toEqual(['connected', 'lost']);
    expect(requests).toHaveLength(1);
    expect(peer.closed).toBe(true);
  });

  it('forgives a short absence, not a long one', async () => {
    await publish();
    peer.become('connected');
    peer.become('disconnected');
    vi.advanceTimersByTime(2_900);
    peer.become('connected');
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual(['connected', 'connected']);
    peer.become('disconnected');
    vi.advanceTimersByTime(3_000);
    expect(told.at(-1)).toBe('lost');
  });

  it('does not wait for a connection that never comes', async () => {
    await publish();
    vi.advanceTimersByTime(12_000);
    expect(told).toEqual(['lost']);
  });

  it('is silent once it has ended', async () => {
    const session = await publish();
    await session.end();
    peer.become('failed');
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
  });
});
