"""What the hot layer counts. Plain numbers, read off when asked: a labelled counter of the metrics
library costs as much as a tenth of a response."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

Layer = Literal["hot", "cold"]

_WAKE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_AGE_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)


class Spread:
    """A histogram in which many may be counted at once."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float, count: int) -> None:
        """`count` times `value`."""
        self._counts[bisect_left(self._bounds, value)] += count
        self._sum += value * count

    def family(self, name: str, help_text: str) -> Metric:
        """As Prometheus has it: cumulative."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(name, help_text, buckets=buckets, sum_value=self._sum)


class Tally:
    """Responses with media, all of one kind, counted where they are written."""

    __slots__ = ("body_bytes", "requests")

    def __init__(self) -> None:
        self.requests = self.body_bytes = 0


class HotMetrics(Collector):
    """One per gateway process; made before the registry that reports it."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._requests: Counter[tuple[str, int, Layer]] = Counter()
        self._bytes: Counter[str] = Counter()
        self._tallies: dict[str, Tally] = {}
        self._evictions: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._handshakes: Counter[str] = Counter()
        self._wakes = Spread(_WAKE_BUCKETS_S)
        self._ages = Spread(_AGE_BUCKETS_S)
        self.connections = 0
        """Open just now."""
        self.pulling = 0
        """Of these, how many asked for media in the last seconds."""
        self.certificate_ends: Callable[[], float] | None = None
        """When it does, in seconds since 1970; None without TLS."""
        self.load = 0.0
        """The share of a core that this process took of late."""

    def register(self, registry: CollectorRegistry) -> None:
        """Have it all reported."""
        registry.register(self)

    def request(self, kind: str, status: int, body_bytes: int, layer: Layer) -> None:
        """A response went out."""
        self._requests[kind, status, layer] += 1
        self._bytes[kind] += body_bytes

    def tally(self, kind: str) -> Tally:
        """Where the hot layer counts responses of that kind with status 200."""
        found = self._tallies.get(kind)
        if found is None:
            found = self._tallies[kind] = Tally()
        return found

    def evicted(self, reason: str) -> None:
        """A connection was ended by us: `slow`, `head`, `body` or `idle`."""
        self._evictions[reason] += 1

    def refused(self, reason: str) -> None:
        """A connection was not let in: `load`, `full` or `address`."""
        self._refused[reason] += 1

    def handshake(self, outcome: str) -> None:
        """A TLS handshake has ended (`mediaserver.gateway.hot.tls_door.Handshake`)."""
        self._handshakes[outcome] += 1

    def woken(self, count: int, *, since_ns: int, ended_ns: int | None) -> None:
        """So many waiters were given just now what was there at `since_ns`."""
        now_ns = self._clock_ns()
        self._wakes.add((now_ns - since_ns) / 1e9, count)
        if ended_ns is not None:
            self._ages.add((now_ns - ended_ns) / 1e9, count)

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        requests = CounterMetricFamily(
            "comptoir_gateway_requests",
            "Responses by what was asked for, status, and the layer that answered.",
            labels=["kind", "status", "layer"],
        )
        counts, body_bytes = self._requests.copy(), self._bytes.copy()
        for kind, tally in self._tallies.items():
            counts[kind, 200, "hot"] += tally.requests
            body_bytes[kind] += tally.body_bytes
        for (kind, status, layer), count in sorted(counts.items()):
            requests.add_metric([kind, str(status), layer], count)
        yield requests
        yield _counter(
            "comptoir_gateway_served_bytes", "Bytes of response bodies.", "kind", body_bytes
        )
        yield _counter(
            "comptoir_gateway_evictions",
            "Connections ended by the gateway, by reason.",
            "reason",
            self._evictions,
        )
        yield _counter(
            "comptoir_gateway_refused",
            "Connections that were not let in, by reason.",
            "reason",
            self._refused,
        )
        yield from self._tls()
        yield self._wakes.family(
            "comptoir_gateway_wake_seconds",
            "From what a waiting request asked for being there until it was written to it.",
        )
        yield self._ages.family(
            "comptoir_gateway_delivery_age_seconds",
            "From the end of the newest part's media until it was written to those who waited.",
        )
        yield GaugeMetricFamily(
            "comptoir_gateway_connections", "Connections that are open.", value=self.connections
        )
        viewers = GaugeMetricFamily(
            "comptoir_gateway_viewers_pull",
            "Connections that asked for media in the last ten seconds.",
            value=self.pulling,
        )
        yield viewers
        yield GaugeMetricFamily(
            "comptoir_gateway_load", "Share of a core used of late.", value=self.load
        )

    def _tls(self) -> Iterator[Metric]:
        if self.certificate_ends is None:
            return
        yield _counter(
            "comptoir_gateway_handshakes",
            "TLS handshakes, by how they ended.",
            "outcome",
            self._handshakes,
        )
        yield GaugeMetricFamily(
            "comptoir_gateway_certificate_ends_timestamp_seconds",
            "When the certificate in use expires.",
            value=self.certificate_ends(),
        )


def _counter(name: str, help_text: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family
