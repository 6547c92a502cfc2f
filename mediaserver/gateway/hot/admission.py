"""Who may come in: so many connections in all and from one address, and no new viewers while the
process is busy. Those who watch already go on watching.

Whoever is turned away gets an answer to the first request, a short one; beyond what the spare file
descriptors bear there is none.
"""

import resource
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import structlog

from mediaserver.addresses import Network, is_of, party
from mediaserver.errors import StartError
from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.hot.limits import Limits as Limits
from mediaserver.gateway.hot.targets import HotTarget

log = structlog.get_logger()

SPARE_DESCRIPTORS = 512
"""For the bus, main's connections (256) and files. Who shakes hands for TLS has a descriptor of the
connections' (`Listener._start_tls`: those in both are never more than these may be)."""

MAX_TURNED_AWAY = 128
MAX_TURNED_AWAY_OF_A_PARTY = 16
"""Open at a time, of those who are refused: so many are told why. They take nobody's place."""

MIN_CONNECTIONS = 64

_LOAD_SHARE_OF_NEW = 0.4
"""The load is an average that forgets: three quarters of it are the last three seconds."""

_BEGINNINGS = frozenset({"index", "events"})

Refusal = Literal["full", "address"]


def _unavailable(code: str, message: str, *, status: int = 503, after_s: int) -> Answer:
    return answers.error(
        status,
        code,
        message,
        cache_control=answers.NO_STORE,
        headers=(("Retry-After", str(after_s)),),
    )


BUSY = _unavailable("busy", "This server has as many viewers as it can serve well.", after_s=5)
_REFUSALS: dict[Refusal, Answer] = {
    "full": _unavailable("full", "This server has as many connections as it can take.", after_s=10),
    "address": _unavailable(
        "too_many_connections",
        "There are too many connections from this address.",
        status=429,
        after_s=10,
    ),
}


class Admission:
    """Counts connections. `exempt` addresses, proxies of the operator's, are not counted alone.

    Those who are refused are counted apart: an address that goes on knocking keeps nobody out.
    """

    def __init__(self, limits: Limits, *, exempt: Sequence[Network] = ()) -> None:
        self._limits = limits
        self._exempt = exempt
        self._by_party: Counter[str] = Counter()
        self._turned_away_of: Counter[str] = Counter()
        self._turned_away = 0
        self.open = 0
        """Of those who were let in."""

    def enter(self, address: str) -> tuple[str | None, Refusal | None]:
        """A connection is open: whom it counts for, and why it is refused, if it is."""
        who = None if is_of(address, self._exempt) else party(address)
        refusal: Refusal | None = None
        if who is not None and self._by_party[who] >= self._limits.connections_per_address:
            refusal = "address"
        elif self.open >= self._limits.max_connections:
            refusal = "full"
        if refusal is not None:
            self._turned_away += 1
        else:
            self.open += 1
        if who is not None:
            (self._by_party if refusal is None else self._turned_away_of)[who] += 1
        return who, refusal

    def leave(self, who: str | None, refusal: Refusal | None) -> None:
        """It is closed; `enter` said this of it."""
        if refusal is None:
            self.open -= 1
        else:
            self._turned_away -= 1
        if who is not None:
            counts = self._by_party if refusal is None else self._turned_away_of
            counts[who] -= 1
            if not counts[who]:
                del counts[who]

    def overrun(self, who: str | None) -> bool:
        """Whether not even an answer is to be had for one who has just been refused."""
        return self._turned_away > MAX_TURNED_AWAY or (
            who is not None and self._turned_away_of[who] > MAX_TURNED_AWAY_OF_A_PARTY
        )

    @staticmethod
    def is_new(who: str | None, target: HotTarget, *, fresh: bool) -> bool:
        """Whether a request is a new viewer's, to be refused while the process is busy.

        `who` as `enter` said. `fresh`: nothing of a show was asked for on the connection before.
        A proxy's connections carry anybody's requests, so there only what a viewer begins with is
        refused. An event socket that says how far it has come is one that watched already.
        """
        kind = target.path.kind
        if kind == "events" and any(name == "since" for name, _ in target.query.items()):
            return False
        return kind in _BEGINNINGS if who is None else fresh

    @staticmethod
    def answer(refusal: Refusal) -> Answer:
        """What a refused connection is told."""
        return _REFUSALS[refusal]


class Load:
    """The share of a core that this process took of late. `cpu_ns` is its CPU clock."""

    def __init__(self, cpu_ns: Callable[[], int], now_ns: int) -> None:
        self._cpu_ns = cpu_ns
        self._last_cpu_ns = cpu_ns()
        self._last_ns = now_ns
        self.share = 0.0

    def sample(self, now_ns: int) -> float:
        """Look at the clocks; call it every second or so."""
        cpu_ns = self._cpu_ns()
        if now_ns > self._last_ns:
            share = (cpu_ns - self._last_cpu_ns) / (now_ns - self._last_ns)
            self.share += _LOAD_SHARE_OF_NEW * (share - self.share)
        self._last_cpu_ns, self._last_ns = cpu_ns, now_ns
        return self.share


def connections_possible(wanted: int) -> int:
    """How many connections the limit of open files bears, at most `wanted`.

    The soft limit is raised as far as need be and the system lets us. A limit below that costs
    viewers, not the show: it is told in the log, once. Raises `StartError` where next to nothing
    would be left.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + MAX_TURNED_AWAY + SPARE_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    possible = min(wanted, raised - MAX_TURNED_AWAY - SPARE_DESCRIPTORS)
    if possible < MIN_CONNECTIONS:
        raise StartError(
            f"This process may open {raised} files, which leaves the gateway next to no "
            f"connections; gateway.max_connections: {wanted} needs a limit (ulimit -n) of {needed}."
        )
    if possible < wanted:
        log.warning("connections_limited", wanted=wanted, possible=possible, open_files=raised)
    return possible
