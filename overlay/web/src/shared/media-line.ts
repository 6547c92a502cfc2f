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
  /** One listener at a time: a new one takes the place of the last. The answer ends that. */
  listen(listener: MediaListener): () => void;
}

/** Asked about the round trip so often while media is played: its length is what buffers are for. */
const ASK_EVERY_MS = 5_000;

interface Socket {
  send(message: Fields): boolean;
  ask(): void;
}

export class SocketMedia implements MediaLine {
  open = false;
  refused = false;
  private listener: MediaListener | null = null;
  private asking = 0;

  constructor(private readonly socket: Socket) {}

  send(message: Fields): boolean {
    return this.open && this.socket.send(message);
  }

  listen(listener: MediaListener): () => void {
    this.listener = listener;
    clearInterval(this.asking);
    this.asking = window.setInterval(() => this.socket.ask(), ASK_EVERY_MS);
    return () => {
      if (this.listener !== listener) return;
      this.listener = null;
      clearInterval(this.asking);
    };
  }

  hear(message: Fields): void {
    this.listener?.hear(message);
  }

  /** The page's socket speaks this now; null when it is lost. */
  connected(protocol: string | null): void {
    this.open = protocol === MSGPACK_PROTOCOL;
    this.refused = protocol !== null && !this.open;
    this.listener?.connected(this.open);
  }
}
