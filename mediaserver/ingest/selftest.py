"""The start-up self-test: are the parts of aiortc and aioice there that ingest is built on?

They are not public, so another version may move them without notice. Found missing at the start
they are one sentence; found missing in a show they would be a riddle.
"""

import inspect
from collections.abc import Sequence

import aioice
import aiortc
import pylibsrtp
from aioice.ice import Connection, StunProtocol
from aioice.stun import Transaction
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport

from mediaserver.errors import StartError

_METHODS: Sequence[tuple[type, str, tuple[str, ...]]] = (
    (Connection, "check_incoming", ("self", "message", "addr", "protocol")),
    (Connection, "check_state", ("self", "pair", "state")),
    (Connection, "check_complete", ("self", "pair")),
    (Connection, "check_start_task", ("self", "pair")),
    (Connection, "build_request", ("self", "pair", "nominate")),
    (Connection, "query_consent", ("self",)),
    (Connection, "request_received", ("self", "message", "addr", "protocol")),
    (Connection, "data_received", ("self", "data", "component")),
    (Connection, "recvfrom", ("self",)),
    (Connection, "gather_candidates", ("self",)),
    (
        StunProtocol,
        "request",
        ("self", "request", "addr", "integrity_key", "retransmissions"),
    ),
    (StunProtocol, "send_data", ("self", "data", "addr")),
    (StunProtocol, "send_stun", ("self", "message", "addr")),
    (Transaction, "response_received", ("self", "message", "addr")),
    (RTCDtlsTransport, "_handle_rtp_data", ("self", "data", "arrival_time_ms")),
    (RTCDtlsTransport, "_handle_rtcp_data", ("self", "data")),
    (RTCDtlsTransport, "_send_rtp", ("self", "data")),
    (RTCDtlsTransport, "_set_role", ("self", "role")),
)

_CONNECTION_STATE = (
    "_check_list",
    "_closing",
    "_local_candidates",
    "_local_candidates_end",
    "_local_candidates_start",
    "_nominated",
    "_protocols",
    "_query_consent_task",
    "_queue",
    "_remote_candidates",
)

_DTLS_STATE = ("_ssl", "_rx_srtp", "_tx_srtp", "_task")

_SRTP_STATE = ("_srtp", "_cdata", "_buffer")


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
    session = pylibsrtp.Session()
    missing += [f"Session.{name}" for name in _SRTP_STATE if not hasattr(session, name)]
    missing += [f"pylibsrtp.{name}" for name in ("ffi", "lib") if name not in vars(pylibsrtp)]
    transport = RTCIceTransport(gatherer)
    dtls = RTCDtlsTransport(transport, [RTCCertificate.generateCertificate()])
    missing += [f"RTCDtlsTransport.{n}" for n in _DTLS_STATE if not hasattr(dtls, n)]
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
