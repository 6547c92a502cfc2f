"""What the gateway counts, in Prometheus text for main to pass on."""

from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mediaserver.gateway.event_metrics import EventMetrics

_AGE_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)


class Holding(Protocol):
    """What is read off at each report."""

    @property
    def waiting(self) -> int: ...

    @property
    def held_bytes(self) -> int: ...

    @property
    def held_events(self) -> int: ...

    refused: int
    event_metrics: EventMetrics


class _HoldingCollector(Collector):
    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "comptoir_gateway_waiters",
            "Requests that wait for a playlist or a part.",
            value=self._holding.waiting,
        )
        yield GaugeMetricFamily(
            "comptoir_gateway_window_bytes",
            "Bytes of media in memory.",
            value=self._holding.held_bytes,
        )
        yield GaugeMetricFamily(
            "comptoir_gateway_event_history",
            "Events of all shows that can be told again to a socket that was away.",
            value=self._holding.held_events,
        )
        yield CounterMetricFamily(
            "comptoir_gateway_media_refused",
            "Parts and init sections that could not be listed.",
            value=self._holding.refused,
        )


class GatewayMetrics:
    """One registry per gateway process."""

    def __init__(self, holding: Holding) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_HoldingCollector(holding))
        holding.event_metrics.register(self._registry)
        self._requests = Counter(
            "comptoir_gateway_requests",
            "Responses by what was asked for and status.",
            ["kind", "status"],
            registry=self._registry,
        )
        self._served_bytes = Counter(
            "comptoir_gateway_served_bytes",
            "Bytes of response bodies.",
            ["kind"],
            registry=self._registry,
        )
        self._parts = Counter(
            "comptoir_gateway_parts", "Parts taken into windows.", registry=self._registry
        )
        self._part_age = Histogram(
            "comptoir_gateway_part_age_seconds",
            "From the end of a part's media to its arrival here.",
            buckets=_AGE_BUCKETS_S,
            registry=self._registry,
        )
        self._playlists = Counter(
            "comptoir_gateway_playlists_rendered",
            "Media playlists rendered and gzipped.",
            registry=self._registry,
        )

    def request(self, kind: str, status: int, body_bytes: int) -> None:
        """A response went out."""
        self._requests.labels(kind, str(status)).inc()
        self._served_bytes.labels(kind).inc(body_bytes)

    def part(self, age_s: float) -> None:
        """A part came that was new."""
        self._parts.inc()
        self._part_age.observe(age_s)

    def playlists(self, count: int) -> None:
        """So many playlists were rendered."""
        self._playlists.inc(count)

    def text(self) -> bytes:
        """All of it in text exposition format."""
        return generate_latest(self._registry)
