"""What the worker gives up before it touches a stranger's media: network, memory, core dumps.

Best effort: what the system does not permit is left, and logged once. Connections through the
paths of Unix sockets keep working without a network.

Memory is bounded by RLIMIT_DATA, which since Linux 4.7 counts every private mapping that may be
written to, heaps and threads' stacks included (setrlimit(2)), but no address space that is merely
reserved: a GPU's driver reserves far more of that than any machine has memory, and RLIMIT_AS would
keep its encoders from ever being opened. Shared mappings are not counted; no codec makes any.
"""

import ctypes
import os
import resource

import structlog

log = structlog.get_logger()

MEMORY_BYTES = 4 * 1024**3
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def enter_sandbox() -> None:
    """Confine the calling thread and all it starts from now on. For a process of its own only."""
    log.info("sandboxed", network=_leave_network(), **_bound_memory())


def _leave_network() -> str:
    """Move to a network namespace of our own, which has no interface (unshare(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    for flags, how in (
        (_CLONE_NEWNET, "none"),
        (_CLONE_NEWNET | _CLONE_NEWUSER, "none, in a user namespace"),
    ):
        if libc.unshare(flags) == 0:
            return how
    return f"kept: {os.strerror(ctypes.get_errno())}"


def _bound_memory() -> dict[str, int | str]:
    applied: dict[str, int | str] = {}
    limits = (
        ("memory_bytes", resource.RLIMIT_DATA, MEMORY_BYTES),
        ("core", resource.RLIMIT_CORE, 0),
    )
    for name, kind, wanted in limits:
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(kind, (limit, limit))
        except (OSError, ValueError) as exc:
            applied[name] = f"kept: {exc}"
        else:
            applied[name] = limit
    return applied
