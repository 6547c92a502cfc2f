"""Who has a show: its holder, until a newcomer's media flows; and who may have it back by itself.

A publish that is accepted while a show is going on has not got the show yet: it may never connect.
So there are two places, and whoever publishes takes one of them:

    nothing shown yet ── publish ──→ holder          (replaces a holder that is still connecting)
    show going on ────── publish ──→ newcomer        (replaces a newcomer before it; the holder's
                                                      media goes on, the slate of a lost one too)
    publish that resumes X ────────→ X's own place   (X is ended; a newcomer is too where X is the
                                                      holder, and may resume: see below)
    newcomer's first media ────────→ holder          (the holder before it is ended: overtaken)
    newcomer closed ───────────────→ its place is empty, and it may resume it; the holder goes on
    holder closed or silent ───────→ lost: it may resume, until the grace time is over
    DELETE of the newcomer ────────→ its place is empty; the holder goes on, or its grace time does
    DELETE of the holder ──────────→ an open newcomer is the holder; else the show ends

The transcoder fences by source number itself, from the newcomer's first frame. So a newcomer is
always of a later source than the holder: an earlier one would be fenced off.

Two pages with one key, both publishing again whenever they are pushed off, would push each other
off for ever. So a client says which session it lost, and only the last of a place is given that
place back. Whose the places are is kept in the epoch's record, for a main that comes back.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal

from mediaserver.broadcast.desk import Session
from mediaserver.broadcast.epochs import EpochRecord
from mediaserver.broadcast.run import EpochRun

Place = Literal["holder", "newcomer"]

_REMEMBERED = 32


class Fence:
    """The open publishes of one show, and what taking over needs to be remembered; `end` is asked
    to end one."""

    def __init__(self, end: Callable[[str], None]) -> None:
        self._end = end
        self.holder: Session | None = None
        """The publish that feeds the show; None when it is lost."""
        self.newcomer: Session | None = None
        """The publish that is to feed it as soon as its media flows."""
        self.overtaken: deque[str] = deque(maxlen=_REMEMBERED)
        """Sessions that lost their place to a newer publish; the oldest are forgotten."""
        self._resumed: dict[Place, str | None] = {}

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The open publishes."""
        return tuple(each for each in (self.holder, self.newcomer) if each is not None)

    @property
    def flowing(self) -> bool:
        """Whether the host's media feeds the show."""
        return self.holder is not None and self.holder.state == "media"

    @property
    def arriving(self) -> bool:
        """Whether a publish is about to have media."""
        return any(each.state in ("connecting", "connected") for each in self.sessions)

    @property
    def occupied(self) -> bool:
        """Whether a second publisher would push a working host off."""
        return any(each.holds_the_air for each in self.sessions)

    def find(self, session: str) -> Session | None:
        """The open publish of this id."""
        return next((each for each in self.sessions if each.id == session), None)

    def free_place(self, *, begun: bool) -> Place:
        """Where a publish belongs that resumes none; `begun`: viewers have something to watch."""
        held = begun or (self.holder is not None and self.holder.state != "connecting")
        return "newcomer" if held else "holder"

    def place_of(self, session: str, record: EpochRecord) -> Place | None:
        """The place that the client which had `session` may have back, in the epoch of `record`.

        A client that never heard of the answer to its last attempt asks for the session before it
        again, which is right as long as nothing flows from that attempt.
        """
        for place, last in _lasts(record).items():
            attempt = self.find(last)
            flowing = attempt is not None and attempt.holds_the_air
            again = session == self._resumed.get(place) and not flowing
            if last and (session == last or again):
                return place
        return None

    def take(self, session: Session, place: Place, *, resumed: str | None, epoch: EpochRun) -> None:
        """Give `session` the place, back where it has `resumed` it, and end who had it."""
        last = _lasts(epoch.record)[place]
        if last and resumed is None:
            self.overtaken.append(last)
        self._resumed[place] = resumed
        if place == "holder":
            self.let_go()
            self.holder = session
            epoch.accepted(session.id)
        else:
            if self.newcomer is not None:
                self._end(self.newcomer.id)
            self.newcomer = session
            epoch.challenged(session.id)

    def promote(self, epoch: EpochRun) -> None:
        """The newcomer has the show now; the holder before it is overtaken, and ended."""
        self.overtaken.append(epoch.record.session)
        self._resumed = {"holder": self._resumed.get("newcomer")}
        before, self.holder, self.newcomer = self.holder, self.newcomer, None
        epoch.succeeded()
        if before is not None:
            self._end(before.id)

    def withdraw(self, session: str, epoch: EpochRun) -> bool:
        """End a publish of `epoch` at its host's wish; False when the show is to end with it."""
        self._end(session)
        mine = self.find(session)
        if mine is not None:
            self.leave(mine)
        if session == epoch.record.newcomer:
            epoch.challenged("")
        elif self.newcomer is not None:
            self.promote(epoch)
        else:
            return False
        return True

    def leave(self, session: Session) -> None:
        """A publish is over; its place stays its own until somebody takes it."""
        if self.holder is session:
            self.holder = None
        elif self.newcomer is session:
            self.newcomer = None

    def lose(self) -> None:
        """Every publish is over."""
        self.holder = self.newcomer = None

    def let_go(self) -> None:
        """End every publish."""
        for session in self.sessions:
            self._end(session.id)
        self.lose()


def _lasts(record: EpochRecord) -> dict[Place, str]:
    """The last session of each place, "" where there was none."""
    return {"holder": record.session, "newcomer": record.newcomer}
