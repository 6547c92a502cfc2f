"""The life of one show on air, in main: publishes come and go, workers die, the epoch goes on.

A *media epoch* runs from the first publish to its end: the host's DELETE, or the grace time after
the host's media went missing. Inside it a publish may be lost and found, taken over (the states
are drawn in `mediaserver.broadcast.fence`), or its worker replaced; viewers keep their playlist all
the while.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from mediaserver.broadcast.cues import Moment
from mediaserver.broadcast.desk import Session, ShowDesk, ShowPolicy
from mediaserver.broadcast.epochs import EpochRecord
from mediaserver.broadcast.fence import Fence, Place
from mediaserver.broadcast.grace import Grace
from mediaserver.broadcast.recipe import Recipe
from mediaserver.broadcast.run import EpochRun, Made
from mediaserver.broadcast.worker_care import WorkerCare
from mediaserver.bus import said
from mediaserver.bus.messages import AirState, OpenSession, SessionEvent, SessionInfo, ShowStatus
from mediaserver.bus.said import Said
from mediaserver.errors import PublishRefused, RequestRefused
from mediaserver.workers.pool import Worker
from overlay.show.cues import CueMoment
from overlay.show.log import MediaTime
from overlay.values import Cue
from transcoder.control import CueUnsent, EndEpoch
from transcoder.values import Part

END_WAIT_S = 4.0
"""How long a worker may take to flush the last part of an ended epoch."""
ARRIVAL_S = 10.0
"""How much longer a host is waited for who is connecting as the grace time ends."""

log = structlog.get_logger()


class ShowRunner:
    """One show. All methods run on main's event loop."""

    def __init__(self, *, name: str, title: str, desk: ShowDesk, policy: ShowPolicy) -> None:
        self.name = name
        self.title = title
        self._desk = desk
        self._policy = policy
        self._lock = asyncio.Lock()
        self._epoch: EpochRun | None = None
        self._grace = Grace(policy.grace_s, self._grace_over)
        self._care = WorkerCare(
            show=name,
            pool=desk.pool,
            employed=self._route,
            lost=self.worker_lost,
            give_up=self._give_up,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._logged: Sequence[Cue] = ()
        self._fence = Fence(desk.ingest.close)
        self._closed = False
        self._told = self.status

    # What others may ask

    @property
    def status(self) -> ShowStatus:
        """How the show fares, as the gateways are told."""
        epoch = self._epoch
        shown = epoch.name if epoch is not None and epoch.begun else None
        return ShowStatus(show=self.name, title=self.title, state=self._state(), epoch=shown)

    def has_session(self, session: str) -> bool:
        """Whether `session` is a publish of this show, or was its last one before it was lost."""
        epoch = self._epoch
        if epoch is None or epoch.ending or epoch.ended:
            return False
        return session in (epoch.record.session, epoch.record.newcomer)

    def is_connecting(self, session: str) -> bool:
        """Whether `session` is this show's and has not connected yet."""
        known = self._fence.find(session)
        return known is not None and known.state == "connecting"

    def was_taken_over(self, session: str) -> bool:
        """Whether `session` had this show before a newer publish took it."""
        return session in self._fence.overtaken

    def media(self) -> tuple[tuple[Said, ...], int]:
        """What of the epoch brings a gateway up to date; and how many steps a full window has."""
        window = None if self._epoch is None else self._epoch.window
        return ((), 0) if window is None else (tuple(window.said()), window.most_steps)

    # What the host does

    async def publish(self, session: str, offer: str, *, resume: str | None = None) -> str:
        """Answer a WHIP offer, and put it on air as its media flows. Raises `PublishRefused`.

        With `resume`, the id of the session it had, a client asks by itself and not at its host's
        wish: it gets the show back unless a newer publish has had it since.
        """
        async with self._lock:
            self._desk.require_owned(self.name)
            refusing = self._policy.second_publisher == "refuse"
            if resume is None and refusing and self._fence.occupied:
                raise PublishRefused(
                    409, "already_live", f"Somebody is on air in the show {self.name} already."
                )
            epoch = await self._epoch_to_join()
            self._place(epoch, resume)
            worker = await self._care.reserved(epoch)
            try:
                answer, source = await self._open(epoch, worker, session, offer)
                place = self._place(epoch, resume)  # it may have been overtaken meanwhile
            except PublishRefused:
                self._desk.ingest.close(session)
                self._care.release(epoch, worker)
                raise
            self._join(epoch, Session(id=session, source=source), place, resume)
            if not self._care.employ(epoch, worker):
                self._route(epoch, session)  # answered for the worker that was not needed
            log.info(
                "publish_accepted", show=self.name, epoch=epoch.name, source=source, place=place
            )
            return answer

    async def unpublish(self, session: str) -> bool:
        """The host ends the show (DELETE), or leaves it to the other one where there are two.
        False when `session` is not its publish."""
        async with self._lock:
            if self._epoch is None or not self.has_session(session):
                return False
            if self._fence.withdraw(session, self._epoch):
                self._follow()
            else:
                self._end_epoch("the host ended the show")
            return True

    async def stamp(self, moment: Moment) -> CueMoment:
        """The media time of a cue to come. Raises `RequestRefused` when the show is not on air."""
        if self._epoch is None or not self._epoch.on_air:
            raise RequestRefused(409, "not_on_air", f"The show {self.name} is not on air.")
        holder = self._fence.holder
        session = None if holder is None else holder.id
        return await self._epoch.stamp(moment, session=session, clock=self._desk.ingest)

    def air_time(self) -> MediaTime | None:
        """The tick that is now, for what happens while the show is on air."""
        return self._epoch.air_time() if self._epoch is not None and self._epoch.on_air else None

    def carry(self, cue: Cue) -> None:
        """Put a committed cue into the media; one of an epoch that has ended stays in the log."""
        if self._epoch is not None:
            self._epoch.carry(cue)

    # What ingest says

    def session_event(self, event: SessionEvent) -> None:
        """Follow a session of this show; events of another one are late and ignored."""
        session = self._fence.find(event.session)
        if session is None:
            return
        log.info("session_" + event.state, show=self.name, reason=event.reason)
        if event.state == "closed":
            self._fence.leave(session)
        else:
            session.state = event.state
        self._follow()

    def adopt_session(self, info: SessionInfo) -> bool:
        """Main is back and a publish has gone on without it. False when it has no place here: one
        whose host has no answer, because main died over it, has none."""
        epoch = self._resumed(info.epoch)
        if epoch is None or not self.has_session(info.session):
            return False
        if self._fence.find(info.session) is None:
            session = Session(id=info.session, source=info.source, state=info.state)
            if info.session == epoch.record.newcomer:
                self._fence.newcomer = session
            else:
                self._fence.holder = session
            self._follow()
        return True

    def ingest_lost(self) -> None:
        """The ingest process is gone, and with it every session."""
        if self._fence.sessions and not self._closed:
            log.warning("publish_lost_with_ingest", show=self.name)
            self._fence.lose()
            self._follow()

    # What workers say

    def worker_made(self, worker: Worker, made: Made) -> None:
        """An init section of the epoch, or a still."""
        if self._epoch is not None and self._epoch.worker is worker:
            news = self._epoch.add(made)
            if news is not None:
                self._desk.say(news)

    def worker_part(self, worker: Worker, part: Part) -> None:
        """A part of the epoch."""
        if self._epoch is not None and self._epoch.worker is worker:
            step = self._epoch.add_part(part)
            if step is not None:
                self._desk.say(step)
            self._tell()

    def worker_ended(self, worker: Worker) -> None:
        """The worker has flushed: the epoch is over."""
        if self._epoch is not None and self._epoch.worker is worker:
            self._close_epoch(self._epoch)

    def adopt_worker(self, worker: Worker, epoch_name: str) -> bool:
        """Main is back and a worker has gone on without it. False when it has no place here."""
        epoch = self._resumed(epoch_name)
        if epoch is None or epoch.ended or epoch.worker is not None:
            return False
        epoch.adopt(worker)
        return True

    def cue_unsent(self, worker: Worker, unsent: CueUnsent) -> None:
        """The worker cannot carry a cue; event sockets have it all the same."""
        if self._epoch is not None and self._epoch.worker is worker:
            self._epoch.cue_unsent(unsent)

    def worker_lost(self, worker: Worker) -> None:
        """The worker's process is gone: bring another, or note the end it was asked for."""
        epoch = self._epoch
        if self._closed or epoch is None or epoch.worker is not worker:
            return
        epoch.lose_worker()
        if epoch.ending or epoch.ended:
            self._close_epoch(epoch)
        else:
            log.warning("worker_lost", show=self.name, worker=worker.name)
            self._care.died()
            self._spawn(self._care.replace(epoch))

    def restore(self, cues: Sequence[Cue] = ()) -> None:
        """At main's start: go on with the epoch that was on air, if that is recent enough, and
        with the `cues` in the show's log."""
        self._logged = cues
        record = self._desk.store.get(self.name)
        if record is not None and record.fresh(self._policy.grace_s):
            self._resumed(record.epoch)
            self._tell()

    def disown(self) -> None:
        """Another node has the show: end the publish and the epoch here."""
        self._fence.let_go()
        self._end_epoch("another node has the show")

    async def close(self) -> None:
        """Stop every task and timer. The epoch itself stays as it is, for the next main."""
        self._closed = True
        self._grace.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Inside

    def _state(self) -> AirState:
        epoch = self._epoch
        if epoch is None or not epoch.begun:
            return "idle"
        if epoch.ended or epoch.ending:
            return "ended"
        return "live" if self._fence.flowing else "away"

    def _place(self, epoch: EpochRun, resume: str | None) -> Place:
        """Where a publish belongs in `epoch`. Raises `PublishRefused` where another has it now."""
        place: Place | None = "holder"
        record = self._desk.store.get(self.name)
        if resume is not None and record is not None and record.session:
            place = self._fence.place_of(resume, record)
        if place is None:
            raise PublishRefused(
                409,
                "taken_over",
                f"Another publish has taken the show {self.name}; publish anew to take it back.",
            )
        if epoch is not self._epoch:
            return "holder"
        return self._fence.free_place(begun=epoch.begun) if resume is None else place

    async def _epoch_to_join(self) -> EpochRun:
        if (epoch := self._epoch) is not None and not epoch.ending and not epoch.ended:
            return epoch
        return self._new_run(await self._desk.recipes.next(self.name))

    def _new_run(self, recipe: Recipe, record: EpochRecord | None = None) -> EpochRun:
        return EpochRun(
            show=self.name,
            recipe=recipe,
            store=self._desk.store,
            window_s=self._policy.window_s,
            record=record,
        )

    def _resumed(self, name: str) -> EpochRun | None:
        if self._epoch is None:
            record = self._desk.store.get(self.name)
            if record is None or record.epoch != name or (recipe := record.made_by) is None:
                return None
            self._epoch = self._new_run(recipe, record)
            self._epoch.recall(self._logged)
            self._watch_grace()
            self._spawn(self._care.ensure(self._epoch))
        return self._epoch if self._epoch.name == name else None

    async def _open(
        self, epoch: EpochRun, worker: Worker, session: str, offer: str
    ) -> tuple[str, int]:
        source = epoch.next_source()
        answer = await self._desk.ingest.open(
            OpenSession(
                request=0,
                session=session,
                show=self.name,
                epoch=epoch.name,
                source=source,
                offer=offer,
                au_socket=str(worker.au_socket),
                anchor=epoch.record.anchor,
            )
        )
        return answer, source

    def _join(self, epoch: EpochRun, session: Session, place: Place, resume: str | None) -> None:
        if self._epoch is not None and self._epoch is not epoch:
            self._fence.let_go()
            self._close_epoch(self._epoch)
        self._epoch = epoch
        self._fence.take(session, place, resumed=resume, epoch=epoch)
        self._watch_grace()

    def _follow(self) -> None:
        """A publish has changed its state: draw the consequences, and tell."""
        newcomer = self._fence.newcomer
        if self._epoch is not None and newcomer is not None and newcomer.state == "media":
            self._fence.promote(self._epoch)
        self._watch_grace()
        self._tell()

    def _route(self, epoch: EpochRun, *sessions: str) -> None:
        for session in sessions or [each.id for each in self._fence.sessions]:
            if epoch.worker is not None:
                self._desk.ingest.route(session, str(epoch.worker.au_socket))

    async def _give_up(self, reason: str, *, unless_back: bool = False) -> None:
        async with self._lock:
            if unless_back and self._fence.flowing:
                return
            if unless_back and self._fence.arriving and self._grace.extend(ARRIVAL_S):
                return
            self._fence.let_go()
            self._end_epoch(reason)

    def _watch_grace(self) -> None:
        if self._epoch is not None:
            self._grace.watch(missing=not self._fence.flowing)

    def _grace_over(self) -> None:
        self._spawn(self._give_up("the host did not come back in time", unless_back=True))

    def _end_epoch(self, reason: str) -> None:
        epoch = self._epoch
        self._grace.stop()
        if epoch is None or epoch.ending or epoch.ended:
            return
        log.info("epoch_ending", show=self.name, epoch=epoch.name, reason=reason)
        epoch.ending = True
        if epoch.worker is not None and epoch.worker.send(EndEpoch(epoch=epoch.name)):
            asyncio.get_running_loop().call_later(END_WAIT_S, self._close_epoch, epoch)
            self._tell()
        else:
            self._close_epoch(epoch)

    def _close_epoch(self, epoch: EpochRun) -> None:
        end = epoch.end()
        if end is not None:
            self._desk.say(end)
        self._tell()

    def _tell(self) -> None:
        status = self.status
        if status != self._told:
            self._told = status
            log.info("show_state", show=self.name, state=status.state, epoch=status.epoch)
            self._desk.say(said.status(status))
            self._desk.told(status)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
