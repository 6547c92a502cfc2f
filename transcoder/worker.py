"""The transcoder worker process: one media epoch, from `StartEpoch` to `EpochEnd`.

It warms up, gives up what it does not need, dials main and waits to be told an epoch; then it
listens for an ingest, transcodes, and sends what comes out to main. Main may come and go. One
worker serves one epoch; `run` returns when that is over, and the process is to exit then.
"""

import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from transcoder.control import EndEpoch, Hello, Listening, StartEpoch
from transcoder.epoch import EpochRun
from transcoder.errors import TranscoderError
from transcoder.intake import Intake
from transcoder.ladder_state import Watched
from transcoder.link import MainLink
from transcoder.outbox import Outbox
from transcoder.profiles import Profile
from transcoder.sandbox import enter_sandbox
from transcoder.stills.maker import StillMaker
from transcoder.telemetry import Telemetry
from transcoder.values import EpochEnd, TimedMetadata
from transcoder.warm import warm_up

log = structlog.get_logger()

Clock = Callable[[], int]
"""Reads the monotonic clock in nanoseconds."""

METRICS_EVERY_NS = 2_000_000_000
_IDLE_WAIT_S = 0.1
_LONGEST_WAIT_S = 0.02
"""The loop looks at the clock, and at `stop`, at least this often."""
_FLUSH_S, _SEND_S = 2.0, 2.0
"""How long the encoders, and then main, have at the epoch's end to take the rest."""
_FAILURE_SEND_S = 0.5


def run(*, main_socket: Path, worker_id: str, window_s: float, stop: threading.Event) -> None:
    """Be a worker process until the epoch is over, which is flushed, or until `stop` is set.

    `window_s` of parts are kept for a main that comes back. Raises `TranscoderError`, after one
    log line, when the epoch cannot be transcoded: the process is to exit non-zero, and main
    brings another worker.
    """
    enter_sandbox()
    warm_up()
    gc.collect()
    gc.freeze()  # what lives as long as the process: no collection looks at it again
    serve(
        main_socket=main_socket,
        hello=Hello(role="worker", id=worker_id, pid=os.getpid()),
        window_s=window_s,
        stop=stop,
    )


def serve(
    *,
    main_socket: Path,
    hello: Hello,
    window_s: float,
    stop: threading.Event,
    clock: Clock = time.monotonic_ns,
) -> None:
    """`run` without what changes the process. `clock` is what the media goes by."""
    bell = threading.Event()
    outbox = Outbox(hello, window_s=window_s)
    link = MainLink(main_socket, outbox, wake=bell.set)
    link.start()
    try:
        start = _awaited_start(link, bell, stop)
        if start is not None:
            _Shift(start, link=link, outbox=outbox, bell=bell, stop=stop, clock=clock).work()
    finally:
        link.close()


def _awaited_start(
    link: MainLink, bell: threading.Event, stop: threading.Event
) -> StartEpoch | None:
    while not stop.is_set():
        for order in link.taken():
            if isinstance(order, StartEpoch):
                return order
            log.warning("order_ignored", order=type(order).__name__)
        bell.wait(_IDLE_WAIT_S)
        bell.clear()
    return None


class _Results:
    """The run's `RunOutput`: media goes to main, keyframe requests to the ingest."""

    def __init__(self, outbox: Outbox, intake: Intake) -> None:
        self.init = outbox.init
        self.part = outbox.part
        self.ladder = outbox.ladder
        self.cue_unsent = outbox.cue_unsent
        self.request_keyframe = intake.request_keyframe


class _Shift:
    """The loop of one epoch: what arrived goes to the run, what came out to main."""

    def __init__(
        self,
        start: StartEpoch,
        *,
        link: MainLink,
        outbox: Outbox,
        bell: threading.Event,
        stop: threading.Event,
        clock: Clock,
    ) -> None:
        self._start = start
        self._link = link
        self._outbox = outbox
        self._bell = bell
        self._stop = stop
        self._clock = clock
        self._telemetry = Telemetry(start.show)
        self._next_metrics_ns = clock()

    def work(self) -> None:
        """Transcode until told to end, or to stop. Raises `TranscoderError` after logging it."""
        log.info("epoch_started", show=self._start.show, epoch=self._start.epoch)
        try:
            self._transcode()
        except TranscoderError as exc:
            log.error("epoch_failed", epoch=self._start.epoch, error=str(exc))
            self._outbox.wait_sent(_FAILURE_SEND_S)
            raise
        log.info("epoch_left" if self._stop.is_set() else "epoch_ended", epoch=self._start.epoch)

    def _transcode(self) -> None:
        with contextlib.ExitStack() as stack:
            intake = self._opened_intake()
            stack.callback(intake.close)
            stills = self._stills()
            stack.callback(stills.close)
            run = EpochRun(
                self._start,
                output=_Results(self._outbox, intake),
                telemetry=self._telemetry,
                wake=self._bell.set,
                now_ns=self._clock(),
                pictured=stills.offer,
            )
            stack.callback(run.close)
            self._outbox.epoch_started(self._listening, show=self._start.show)
            while not (self._stop.is_set() or self._told_to_end(run)):
                self._turn(run, intake)
            if self._stop.is_set():
                return  # the process ends, not the epoch: another worker goes on with it
            run.finish(_FLUSH_S)
            self._outbox.end(EpochEnd(show=self._start.show, epoch=self._start.epoch))
            if not self._outbox.wait_sent(_SEND_S):
                log.warning("epoch_end_unsent", epoch=self._start.epoch)

    def _turn(self, run: EpochRun, intake: Intake) -> None:
        now_ns = self._clock()  # before the queue is emptied: what came by then is taken
        run.turn(intake.drain(), now_ns)
        self._report(run, intake, now_ns)
        due_in_s = run.due_in_s(self._clock())
        self._bell.wait(_LONGEST_WAIT_S if due_in_s is None else min(due_in_s, _LONGEST_WAIT_S))
        self._bell.clear()

    def _told_to_end(self, run: EpochRun) -> bool:
        """Follow main's orders. True when one of them is to end."""
        for order in self._link.taken():
            if isinstance(order, EndEpoch) and order.epoch == self._start.epoch:
                return True
            if isinstance(order, TimedMetadata):
                run.cue(order)
            elif isinstance(order, Watched) and order.epoch == self._start.epoch:
                run.watched(order.rungs, self._clock())
            elif isinstance(order, StartEpoch) and order.epoch == self._start.epoch:
                self._outbox.epoch_started(self._listening, show=self._start.show)
                for cue in order.cues:
                    run.cue(cue)
            else:
                log.warning("order_ignored", order=type(order).__name__)
        return False

    def _report(self, run: EpochRun, intake: Intake, now_ns: int) -> None:
        if now_ns < self._next_metrics_ns:
            return
        self._next_metrics_ns = now_ns + METRICS_EVERY_NS
        self._telemetry.losses(parts=self._outbox.parts_lost, units=intake.dropped)
        self._telemetry.depths(backlog=run.backlog, intake=intake.depth, lag_s=run.lag_s(now_ns))
        self._telemetry.spent(time.process_time())
        self._outbox.metrics(self._telemetry.render())

    def _stills(self) -> StillMaker:
        return StillMaker(
            Profile.from_plain(self._start.profile).pictures,
            show=self._start.show,
            epoch=self._start.epoch,
            made=self._outbox.still,
            spent=self._telemetry.stilled,
        )

    def _opened_intake(self) -> Intake:
        path = Path(self._start.au_socket)
        try:
            return Intake(path, epoch=self._start.epoch, wake=self._bell.set)
        except OSError as exc:
            raise TranscoderError(
                f"the access unit socket {path.name} cannot be opened: {exc.strerror}"
            ) from exc

    @property
    def _listening(self) -> Listening:
        return Listening(epoch=self._start.epoch, au_socket=self._start.au_socket)
