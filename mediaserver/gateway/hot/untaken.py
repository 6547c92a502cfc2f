"""What the kernel still holds for a client: the only sight of it where a transport shows none.

Over TLS what is written is encrypted at once, and goes to a transport below that nobody sees. While
that has anything, so has the kernel: only the kernel's own figures tell how far a client is.
"""

import socket
import struct

_SIZE = 160
_UNACKED_AT = 24
_ACKED_BYTES_AT = 120
_NOT_SENT_AT = 144
"""In Linux's `struct tcp_info` (linux/tcp.h), since 4.6."""


def kernel_untaken(raw: socket.socket | None) -> tuple[int, int]:
    """Whether a TCP connection's client has something to take, and the bytes it has taken in all.

    The former is 0 if not, else a number that means nothing more. Both are 0 where the system does
    not tell.
    """
    try:
        info = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE) if raw else b""
    except OSError:  # it may have been closed under us
        info = b""
    if len(info) < _NOT_SENT_AT + 4:
        return 0, 0
    (unacked,) = struct.unpack_from("I", info, _UNACKED_AT)
    (not_sent,) = struct.unpack_from("I", info, _NOT_SENT_AT)
    (acked_bytes,) = struct.unpack_from("Q", info, _ACKED_BYTES_AT)
    return unacked + not_sent, acked_bytes
