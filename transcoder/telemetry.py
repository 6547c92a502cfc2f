"""The worker's metrics, in a registry of its own, sent to main as text (`Metrics`)."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

_PREFIX = "comptoir_transcoder_"


class Telemetry:
    """Counts what one epoch run does. Safe to use from any thread; labels are bounded."""

    def __init__(self, show: str) -> None:
        self._registry = CollectorRegistry()
        self._show = show
        self._children: dict[tuple[Counter, str], Counter] = {}
        """What is counted many times a second, by counter and label."""
        self._units = self._counter("access_units", "Access units received.", "kind")
        self._pictures = self._counter(
            "pictures", "Decoded pictures: taken, replaced, late or ahead.", "fate"
        )
        self._slots = self._counter("slots", "Slots filled: fresh, repeat or slate.", "kind")
        self._encode = self._counter(
            "encode_seconds", "CPU seconds of a rung's own thread: scaling, encoding.", "rung"
        )
        self._process = self._counter("process_seconds", "CPU seconds of the worker, all threads.")
        self._spent_s = 0.0
        self._parts = self._counter("parts", "Parts made, of all renditions.")
        self._cues = self._counter("cues", "Cues on their frame, late or not carried.", "fate")
        self._lost = self._gauge("parts_lost", "Parts that left the window before main had them.")
        self._dropped = self._gauge("access_units_dropped", "Access units dropped unread.")
        self._errors = self._counter("decode_errors", "Access units that the decoder refused.")
        self._asked = self._counter("keyframe_requests", "Keyframes asked of the source.")
        self._skipped = self._counter(
            "skipped_slots", "Slots without a picture: backlog or half_rate.", "reason"
        )
        self._stills = self._counter("stills", "Pictures made stills.")
        self._stills_s = self._counter("still_seconds", "CPU seconds of making stills.")
        self._slate_s = self._counter("slate_seconds", "Seconds of slate on air.")
        self._backlog = self._gauge("backlog_slots", "Slots in the encoders.")
        self._intake = self._gauge("intake_depth", "Access units received and not yet decoded.")
        self._lag = self._gauge("lag_seconds", "Now less the end of the last part.")

    def unit(self, kind: Literal["video", "audio"]) -> None:
        """An access unit has been received."""
        self._often(self._units, kind).inc()

    def picture(self, fate: Literal["taken", "replaced", "late", "ahead"]) -> None:
        """A picture has been decoded (`transcoder.slots.Arrival`)."""
        self._often(self._pictures, fate).inc()

    def slot(self, kind: Literal["fresh", "repeat", "slate"], seconds: float) -> None:
        """A slot of this length has been filled."""
        self._often(self._slots, kind).inc()
        if kind == "slate":
            self._slate_s.labels(self._show).inc(seconds)

    def encoded(self, rung: str, cpu_s: float) -> None:
        """A rung has encoded a picture."""
        self._often(self._encode, rung).inc(cpu_s)

    def spent(self, process_cpu_s: float) -> None:
        """What the worker has taken so far; the threads that encoders start by themselves (x265's,
        SVT-AV1's) are in here and in no rung's count. Called by one thread."""
        self._process.labels(self._show).inc(max(0.0, process_cpu_s - self._spent_s))
        self._spent_s = max(self._spent_s, process_cpu_s)

    def parts(self, count: int) -> None:
        """Parts have been made."""
        self._parts.labels(self._show).inc(count)

    def cue(self, fate: Literal["exact", "late", "unsent"]) -> None:
        """A cue begins in a part, on its frame or after it; or will begin in none."""
        self._cues.labels(self._show, fate).inc()

    def losses(self, *, parts: int, units: int) -> None:
        """All parts lost from the window and access units dropped unread, so far."""
        self._lost.labels(self._show).set(parts)
        self._dropped.labels(self._show).set(units)

    def decode_error(self) -> None:
        """The decoder has refused an access unit."""
        self._errors.labels(self._show).inc()

    def keyframe_asked(self) -> None:
        """A keyframe request has been sent."""
        self._asked.labels(self._show).inc()

    def skipped(self, reason: Literal["backlog", "half_rate"]) -> None:
        """A slot has no picture in the encoded rungs: they are behind, or at half the rate."""
        self._skipped.labels(self._show, reason).inc()

    def stilled(self, cpu_s: float) -> None:
        """A picture has been made a poster, a thumbnail or both."""
        self._stills.labels(self._show).inc()
        self._stills_s.labels(self._show).inc(cpu_s)

    def depths(self, *, backlog: int, intake: int, lag_s: float) -> None:
        """How full the queues are, and how far behind the clock the output is."""
        self._backlog.labels(self._show).set(backlog)
        self._intake.labels(self._show).set(intake)
        self._lag.labels(self._show).set(lag_s)

    def render(self) -> bytes:
        """All metrics in Prometheus text exposition format."""
        return generate_latest(self._registry)

    def _often(self, counter: Counter, label: str) -> Counter:
        """The counter's child of this label, found without prometheus-client's lock."""
        child = self._children.get((counter, label))
        if child is None:
            child = self._children[counter, label] = counter.labels(self._show, label)
        return child

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(_PREFIX + name, help_text, ("show", *labels), registry=self._registry)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(_PREFIX + name, help_text, ("show",), registry=self._registry)
