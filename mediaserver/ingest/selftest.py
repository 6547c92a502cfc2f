"""The start-up self-test: are the parts of aiortc and aioice there that ingest is built on?

They are not public, so another version may move them without notice. Found missing at the start
they are one sentence; found missing in a show they would be a riddle.
"""

import inspect
from collections.abc import Sequence

import aioice
import aiortc
from aioice.ice import Connection, StunProtocol
from aioice.stun import Transaction
from aiortc.rtcdtlstransport import RTCDtlsTransport, RtpRouter
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport

from mediaserver.errors import StartError

_METHODS: Sequence[tuple[type, str, tuple[str, ...]]] = (
    (Connection, "check_incoming", ("self", "message", "addr", "protocol")),
    (Connection, "check_state", ("self", "pair", "state")),
    (Connection, "request_received", ("self", "message", "addr", "protocol")),
    (Connection, "data_received", ("self", "data", "component")),
    (Connection, "recvfrom", ("self",)),
    (Connection, "gather_candidates", ("self",)),
    (StunProtocol, "send_data", ("self", "data", "addr")),
    (StunProtocol, "send_stun", ("self", "message", "addr")),
    (Transaction, "response_received", ("self", "message", "addr")),
    (RtpRouter, "route_rtp", ("self", "packet")),
    (RTCDtlsTransport, "_register_rtp_receiver", ("self", "receiver", "parameters")),
    (RTCDtlsTransport, "_send_rtp", ("self", "data")),
    (RTCDtlsTransport, "_set_role", ("self", "role")),
)

_CONNECTION_STATE = (
    "_check_list",
    "_local_candidates",
    "_local_candidates_end",
    "_local_candidates_start",
    "_nominated",
    "_protocols",
    "_queue",
    "_remote_candidates",
)


async def check_internals() -> None:
    """Raise `StartError` naming everything that is not where ingest expects it."""
    missing = [
        f"{owner.__name__}.{name}{parameters}"
        for owner, name, parameters in _METHODS
        if _parameters(owner, name) != parameters
    ]
    gatherer = RTCIceGatherer(iceServers=[])
    connection = getattr(gatherer, "_connection", None)
    if not isinstance(connection, Connection):
        missing.append("RTCIceGatherer._connection")
    missing += [f"Connection.{name}" for name in _CONNECTION_STATE if not hasattr(connection, name)]
    transport = RTCIceTransport(gatherer)
    missing += [f"RTCIceTransport.{n}" for n in ("_recv", "_send") if not hasattr(transport, n)]
    if missing:
        raise StartError(
            f"aiortc {aiortc.__version__} and aioice {aioice.__version__} are not built as the "
            f"ingest process expects; install the versions of requirements.lock. "
            f"Not found: {', '.join(missing)}."
        )


def _parameters(owner: type, name: str) -> tuple[str, ...] | None:
    method = getattr(owner, name, None)
    return tuple(inspect.signature(method).parameters) if callable(method) else None
