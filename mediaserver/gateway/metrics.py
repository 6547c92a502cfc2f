"""What the gateway counts, in Prometheus text for main to pass on."""

from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mediaserver.gateway.event_metrics import EventMetrics
from mediaserver.gateway.hot.metrics import HotMetrics

_LAG_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_AGE_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)


class Holding(Protocol):
    """What is read off at each report."""

    @property
    def waiting(self) -> int: ...

    @property
    def held_bytes(self) -> int: ...

    @property
    def held_events(self) -> int: ...

    @property
    def held_event_bytes(self) -> int: ...

    refused: int
    event_metrics: EventMetrics
    hot_metrics: HotMetrics


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
        yield GaugeMetricFamily(
            "comptoir_gateway_event_history_bytes",
            "Bytes of these events, in both encodings.",
            value=self._holding.held_event_bytes,
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
        self.hot = holding.hot_metrics
        self.hot.register(self._registry)
        self._parts = Counter(
            "comptoir_gateway_parts", "Parts taken into windows.", registry=self._registry
        )
        self._part_age = Histogram(
            "comptoir_gateway_part_age_seconds",
            "From the end of a part's media to its arrival here.",
            buckets=_AGE_BUCKETS_S,
            registry=self._registry,
        )
        self._lag = Histogram(
            "comptoir_gateway_bus_lag_seconds",
            "From a message being sent until it was read here. Through Redis by the wall clocks of "
            "both machines.",
            ["engine"],
            buckets=_LAG_BUCKETS_S,
            registry=self._registry,
        )
        self._reconnects = Counter(
            "comptoir_gateway_bus_reconnects",
            "Connections of the bus that were lost.",
            ["engine"],
            registry=self._registry,
        )
        self._resyncs = Counter(
            "comptoir_gateway_bus_resyncs",
            "Gaps in a show's log that made its snapshot necessary.",
            ["engine"],
            registry=self._registry,
        )
        self._playlists = Counter(
            "comptoir_gateway_playlists_rendered",
            "Media playlists rendered and gzipped.",
            registry=self._registry,
        )

    def request(self, kind: str, status: int, body_bytes: int) -> None:
        """A response of the cold layer went out."""
        self.hot.request(kind, status, body_bytes, "cold")

    def part(self, age_s: float) -> None:
        """A part came that was new."""
        self._parts.inc()
        self._part_age.observe(age_s)

    def playlists(self, count: int) -> None:
        """So many playlists were rendered."""
        self._playlists.inc(count)

    def lag(self, engine: str, seconds: float) -> None:
        """A message was under way for so long."""
        self._lag.labels(engine).observe(seconds)

    def reconnected(self, engine: str) -> None:
        """A connection of the bus was lost."""
        self._reconnects.labels(engine).inc()

    def resynced(self, engine: str) -> None:
        """A log had a gap."""
        self._resyncs.labels(engine).inc()

    def text(self) -> bytes:
        """All of it in text exposition format."""
        return generate_latest(self._registry)
