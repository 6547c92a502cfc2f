/**
 * The media that travels on the page's event socket, as one who plays it sees it: who may ask for it
 * now, and every message that is not the log's, as it came.
 */

import { type Fields, MSGPACK_PROTOCOL } from './wire';

export interface MediaListener {
  hear(message: Fields): void;
  /** True at each new connection, which knows of no subscription; false when it is lost. */
  connected(is: boolean): void;
}

export interface MediaLine {
  /** Whether media can be asked for now. */
  readonly open: boolean;
  /** Whether the server is there, and speaks no subprotocol that carries media. */
  readonly refused: boolean;
  /** False where the message cannot go out now; nothing is kept for later. */
  send(message: Fields): boolean;
  /** The connection is suspected: another takes its place at once, and knows of no subscription. */
  renew(): void;
  /** One listener at a time: a new one takes the place of the last. The answer ends that. */
  listen(listener: MediaListener): () => void;
}

/** Asked about the round trip so often while media is played: its length is what buffers are for. */
const ASK_EVERY_MS = 5_000;

interface Socket {
  send(message: Fields): boolean;
  ask(): void;
  renew(): void;
  /** Whether there is always something to hear, as long as the connection is good. */
  expect(much: boolean): void;
}

export class SocketMedia implements MediaLine {
  open = false;
  refused = false;
  private listener: MediaListener | null = null;
  private asking = 0;
  /** Media was asked for, on this connection or one before, and may come yet. */
  private expecting = false;

  constructor(private readonly socket: Socket) {}

  send(message: Fields): boolean {
    if (message['type'] === 'unsubscribe') this.expect(false);
    if (!this.open || !this.socket.send(message)) return false;
    if (message['type'] === 'subscribe') this.expect(true);
    return true;
  }

  renew(): void {
    this.socket.renew();
  }

  listen(listener: MediaListener): () => void {
    this.listener = listener;
    clearInterval(this.asking);
    this.asking = window.setInterval(() => this.socket.ask(), ASK_EVERY_MS);
    return () => {
      if (this.listener !== listener) return;
      this.listener = null;
      clearInterval(this.asking);
      this.expect(false);
    };
  }

  hear(message: Fields): void {
    if (message['type'] === 'media_over') this.expect(false);
    this.listener?.hear(message);
  }

  /** The page's socket speaks this now; null when it is lost. */
  connected(protocol: string | null): void {
    this.open = protocol === MSGPACK_PROTOCOL;
    this.refused = protocol !== null && !this.open;
    this.listener?.connected(this.open);
  }

  private expect(much: boolean): void {
    if (much === this.expecting) return;
    this.expecting = much;
    this.socket.expect(much);
  }
}
