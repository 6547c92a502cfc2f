"""What media push counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mediaserver.gateway.push.messages import SkipReason

_PASS_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_AGE_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)


class PushMetrics:
    """Made before the registry that reports it; one per gateway process."""

    def __init__(self) -> None:
        self.viewers = 0
        """Subscriptions just now."""
        self._viewers = Gauge(
            "comptoir_gateway_push_viewers", "Viewers by media push.", registry=None
        )
        self._viewers.set_function(lambda: self.viewers)
        self._parts = Counter(
            "comptoir_gateway_push_parts",
            "Parts written to viewers, each counted once a viewer.",
            registry=None,
        )
        self._bytes = Counter(
            "comptoir_gateway_push_bytes", "Bytes of media in these parts.", registry=None
        )
        self._skips = Counter(
            "comptoir_gateway_push_skips",
            "Times a viewer was sent on without some parts, by reason.",
            ["reason"],
            registry=None,
        )
        self._skipped = Counter(
            "comptoir_gateway_push_parts_skipped",
            "Parts that viewers went without, by reason.",
            ["reason"],
            registry=None,
        )
        self._pass = Histogram(
            "comptoir_gateway_push_pass_seconds",
            "From a part's publication until the last viewer by push was given it.",
            buckets=_PASS_BUCKETS_S,
            registry=None,
        )
        self._age = Histogram(
            "comptoir_gateway_push_part_age_seconds",
            "From the end of a part's media until the last viewer by push was given it.",
            buckets=_AGE_BUCKETS_S,
            registry=None,
        )

    def register(self, registry: CollectorRegistry) -> None:
        """Have it all reported."""
        for collector in (
            self._viewers,
            self._parts,
            self._bytes,
            self._skips,
            self._skipped,
            self._pass,
            self._age,
        ):
            registry.register(collector)

    def joined(self) -> None:
        """A viewer has subscribed."""
        self.viewers += 1

    def left(self) -> None:
        """A subscription is over."""
        self.viewers -= 1

    def pushed(self, parts: int, media_bytes: int) -> None:
        """So much was written."""
        self._parts.inc(parts)
        self._bytes.inc(media_bytes)

    def skipped(self, reason: SkipReason, parts: int) -> None:
        """A viewer goes on without so many parts."""
        self._skips.labels(reason).inc()
        self._skipped.labels(reason).inc(parts)

    def passed(self, seconds: float, age_s: float | None) -> None:
        """What was published has been offered to all, `age_s` after it happened."""
        self._pass.observe(seconds)
        if age_s is not None:
            self._age.observe(age_s)
