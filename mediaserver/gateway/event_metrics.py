"""What the event sockets count."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mediaserver.gateway.push.metrics import PushMetrics

_FANOUT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_CUE_DELAY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class EventMetrics:
    """Made before the registry that reports it; one per gateway process."""

    def __init__(self) -> None:
        self.push = PushMetrics()
        """The media on the same sockets."""
        self._sockets = Gauge(
            "comptoir_gateway_event_sockets",
            "Event sockets that are open.",
            ["encoding"],
            registry=None,
        )
        self._sent = Counter(
            "comptoir_gateway_event_messages_sent",
            "Messages of a show written to its event sockets, each counted once a socket.",
            registry=None,
        )
        self._fanout = Histogram(
            "comptoir_gateway_event_fanout_seconds",
            "From a message's arrival here until the last socket of its show was given it.",
            buckets=_FANOUT_BUCKETS_S,
            registry=None,
        )
        self._cue_delay = Histogram(
            "comptoir_gateway_cue_delay_seconds",
            "From the writing of a cue, by the clock of the machine that wrote it, until the last"
            " socket of its show was given it.",
            buckets=_CUE_DELAY_BUCKETS_S,
            registry=None,
        )
        self._aborted = Counter(
            "comptoir_gateway_event_sockets_aborted",
            "Event sockets that were cut off, by reason.",
            ["reason"],
            registry=None,
        )

    def register(self, registry: CollectorRegistry) -> None:
        """Have it all reported."""
        counted = (self._sockets, self._sent, self._fanout, self._cue_delay, self._aborted)
        for collector in counted:
            registry.register(collector)
        self.push.register(registry)

    def opened(self, encoding: str) -> None:
        """A socket is open."""
        self._sockets.labels(encoding).inc()

    def closed(self, encoding: str) -> None:
        """A socket is gone."""
        self._sockets.labels(encoding).dec()

    def aborted(self, reason: str) -> None:
        """Cut off: `slow`, `stalled`, `silent`, `flood`, `malformed` or `too_big`."""
        self._aborted.labels(reason).inc()

    def sent(self, messages: int) -> None:
        """So many messages were written."""
        self._sent.inc(messages)

    def fanned_out(self, seconds: float) -> None:
        """One message has reached all."""
        self._fanout.observe(seconds)

    def cue_delivered(self, seconds: float) -> None:
        """A cue has reached all, so long after it was written; less than 0, where the two machines'
        clocks differ, counts as 0."""
        self._cue_delay.observe(max(0.0, seconds))
