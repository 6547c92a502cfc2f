/**
 * A WHIP client (RFC 9725): one POST begins a session, one DELETE ends it for everybody.
 *
 * A lost connection is closed without DELETE: the server then keeps the show on air for its grace
 * time, and a new session goes on where this one stopped. `publish` throws `WhipError`.
 */

import { errorCode, errorMessage } from '../shared/api';
import { maxBitrateBps, preferredCodecs } from './codecs';

/**
 * `busy` and `network` may be tried again; `taken` too where the session on air is ours.
 * `overtaken`: a newer publish has held the show since the session that was to be resumed.
 */
export type WhipProblem =
  'key' | 'show' | 'taken' | 'overtaken' | 'codecs' | 'refused' | 'busy' | 'network' | 'webrtc';

export class WhipError extends Error {
  constructor(
    readonly problem: WhipProblem,
    message: string,
    /** The server asks to be left alone for so long. */
    readonly retryAfterMs = 0,
  ) {
    super(message);
    this.name = 'WhipError';
  }
}

export interface WhipOptions {
  readonly url: string;
  readonly key: string;
  readonly stream: MediaStream;
  /** A screen keeps its resolution and gives up frames; a camera does the opposite. */
  readonly isScreen: boolean;
  /** Our last session, where it is resumed by itself; null where the host has asked to go live. */
  readonly resume?: string | null;
  readonly onConnected: () => void;
  /** The connection failed, or was away for longer than it may be. Told once. */
  readonly onLost: () => void;
  readonly fetcher?: typeof fetch;
  readonly createPeer?: () => RTCPeerConnection;
}

const GATHER_MS = 1_000;
const ANSWER_MS = 15_000;
const CONNECT_MS = 12_000;
const DISCONNECTED_MS = 3_000;
const END_ANSWER_MS = 3_000;
const END_AGAIN_MS = 1_000;
const END_TRIES = 4;
const MAX_RETRY_AFTER_S = 60;
/**
 * A browser begins with a small picture until it knows the network, and the server sizes its
 * ladder by what it sees first: so the full size is held for this long.
 */
const HOLD_SIZE_MS = 10_000;

const PROBLEM_BY_STATUS: Readonly<Record<number, WhipProblem>> = {
  401: 'key',
  403: 'key',
  404: 'show',
  406: 'codecs',
  409: 'taken',
  429: 'busy',
};

export class WhipSession {
  private lostTimer: ReturnType<typeof setTimeout> | undefined;
  private holdTimer: ReturnType<typeof setTimeout> | undefined;
  /** Ended, lost or let go: nothing more is told. */
  private over = false;
  private resource: string | null = null;

  private constructor(
    private readonly options: WhipOptions,
    private readonly peer: RTCPeerConnection,
    private readonly video: RTCRtpTransceiver,
    private readonly audio: RTCRtpTransceiver,
  ) {}

  /** Resolves once the server's answer is applied; `onConnected` follows when media can flow. */
  static async publish(options: WhipOptions): Promise<WhipSession> {
    const session = WhipSession.prepare(options);
    try {
      await session.negotiate();
    } catch (error) {
      session.close();
      throw error instanceof WhipError ? error : new WhipError('webrtc', String(error));
    }
    return session;
  }

  /** Sends other tracks from now on, without a new session. */
  async replace(stream: MediaStream, isScreen: boolean): Promise<void> {
    await Promise.all([
      this.video.sender.replaceTrack(videoTrack(stream, isScreen)),
      this.audio.sender.replaceTrack(stream.getAudioTracks()[0] ?? null),
    ]);
    clearTimeout(this.holdTimer);
    await tune(this.video.sender, stream, isScreen);
  }

  /** The server's name of this session: the end of its address. Empty before the answer. */
  get id(): string {
    return this.resource?.split('/').pop() ?? '';
  }

  stats(): Promise<RTCStatsReport> {
    return this.peer.getStats();
  }

  /**
   * Ends the show: DELETE, then close, because a connection that closes first counts as lost.
   * Safe in `pagehide`, where the first request outlives the page. A server that is restarting is
   * asked again; one that stays away ends the show by its grace time.
   */
  async end(): Promise<void> {
    const { resource } = this;
    this.resource = null;
    this.over = true;
    for (let tries = 0; resource !== null && tries < END_TRIES; tries += 1) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, END_AGAIN_MS));
      if (await this.delete(resource)) break;
    }
    this.close();
  }

  /** Lets go of the connection; the show stays on air for the server's grace time. */
  close(): void {
    this.over = true;
    clearTimeout(this.lostTimer);
    clearTimeout(this.holdTimer);
    this.peer.close();
  }

  private static prepare(options: WhipOptions): WhipSession {
    const peer = createPeer(options);
    const { stream, isScreen } = options;
    const track = videoTrack(stream, isScreen);
    const { width = 0, height = 0 } = track?.getSettings() ?? {};
    const encoding = { maxBitrate: maxBitrateBps(width, height), maxFramerate: 30 };
    const video = peer.addTransceiver(track ?? 'video', {
      direction: 'sendonly',
      streams: [stream],
      sendEncodings: [encoding],
    });
    const audio = peer.addTransceiver(stream.getAudioTracks()[0] ?? 'audio', {
      direction: 'sendonly',
      streams: [stream],
    });
    const session = new WhipSession(options, peer, video, audio);
    peer.addEventListener('connectionstatechange', () => session.onConnectionState());
    return session;
  }

  private async negotiate(): Promise<void> {
    const { peer, options } = this;
    const known = globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs;
    if (known) this.video.setCodecPreferences?.(preferredCodecs(known));
    await tune(this.video.sender, options.stream, true);
    await peer.setLocalDescription();
    await gathered(peer);
    const response = await this.post(peer.localDescription?.sdp ?? '');
    const location = response.headers.get('Location');
    if (location === null) throw new WhipError('refused', 'the answer has no Location');
    // Behind a proxy the server may name another scheme or host than the one that reached it.
    const endpoint = new URL(options.url, globalThis.location?.href);
    this.resource = new URL(new URL(location, endpoint).pathname, endpoint).href;
    this.waitAtMost(CONNECT_MS);
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    this.holdTimer = setTimeout(() => {
      void tune(this.video.sender, options.stream, options.isScreen);
    }, HOLD_SIZE_MS);
  }

  private async post(offer: string): Promise<Response> {
    const { url, key, resume, fetcher = fetch } = this.options;
    let response: Response;
    try {
      response = await fetcher(url, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${key}`,
          'Content-Type': 'application/sdp',
          ...(resume ? { 'Comptoir-Resume': resume } : {}),
        },
        body: offer,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch (error) {
      throw new WhipError('network', String(error));
    }
    if (response.status === 201) return response;
    throw refusal(response, await response.text().catch(() => ''));
  }

  /** True when the server has answered, whatever it said. */
  private async delete(resource: string): Promise<boolean> {
    try {
      const response = await (this.options.fetcher ?? fetch)(resource, {
        method: 'DELETE',
        headers: { Authorization: `Bearer ${this.options.key}` },
        keepalive: true,
        signal: AbortSignal.timeout(END_ANSWER_MS),
      });
      return response.status < 500;
    } catch {
      return false;
    }
  }

  private onConnectionState(): void {
    switch (this.peer.connectionState) {
      case 'connected':
        clearTimeout(this.lostTimer);
        if (!this.over) this.options.onConnected();
        break;
      case 'disconnected':
        this.waitAtMost(DISCONNECTED_MS);
        break;
      case 'failed':
        this.lose();
    }
  }

  private waitAtMost(ms: number): void {
    clearTimeout(this.lostTimer);
    this.lostTimer = setTimeout(() => this.lose(), ms);
  }

  private lose(): void {
    if (this.over) return;
    this.close();
    this.options.onLost();
  }
}

function refusal(response: Response, body: string): WhipError {
  const { status } = response;
  const fallback: WhipProblem = status >= 500 ? 'busy' : 'refused';
  const overtaken = status === 409 && errorCode(body) === 'taken_over';
  const retryAfterS = Number(response.headers.get('Retry-After')) || 0;
  return new WhipError(
    overtaken ? 'overtaken' : (PROBLEM_BY_STATUS[status] ?? fallback),
    errorMessage(body) || `HTTP ${status}`,
    Math.min(MAX_RETRY_AFTER_S, Math.max(0, retryAfterS)) * 1_000,
  );
}

function createPeer({ createPeer: create }: WhipOptions): RTCPeerConnection {
  try {
    return create ? create() : new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  } catch (error) {
    throw new WhipError('webrtc', String(error));
  }
}

/** An interface that gathers no candidates may not hold up the others for longer than this. */
function gathered(peer: RTCPeerConnection): Promise<void> {
  if (peer.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function videoTrack(stream: MediaStream, isScreen: boolean): MediaStreamTrack | null {
  const track = stream.getVideoTracks()[0] ?? null;
  if (track && 'contentHint' in track) track.contentHint = isScreen ? 'detail' : 'motion';
  return track;
}

/** Bit rate and what to give up first. Browsers that know neither keep their own mind. */
async function tune(sender: RTCRtpSender, stream: MediaStream, holdSize: boolean): Promise<void> {
  const { width = 0, height = 0 } = stream.getVideoTracks()[0]?.getSettings() ?? {};
  const parameters = sender.getParameters();
  const [encoding] = parameters.encodings;
  if (!encoding) return;
  encoding.maxBitrate = maxBitrateBps(width, height);
  parameters.degradationPreference = holdSize ? 'maintain-resolution' : 'maintain-framerate';
  await sender.setParameters(parameters).catch(() => undefined);
}
