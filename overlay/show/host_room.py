"""The host's part of the shop, on any device of theirs: run of show, marks, undo, rehearsal."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from overlay import checks
from overlay.errors import NothingToUndo
from overlay.orders import recover
from overlay.orders.room import OrdersRoom
from overlay.show import cues as cue_rules
from overlay.show import events, rehearsal, run, settings, soldout
from overlay.show.cues import CueDraft, CueMoment
from overlay.show.log import MediaTime
from overlay.show.run import RunItem
from overlay.show.settings import Settings
from overlay.values import Cue, ShowEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A step of the run of show was pinned."""

    item: RunItem
    cues: tuple[Cue, ...]
    events: tuple[ShowEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What the host did last is undone."""

    what: str
    """``pin``, ``sold_out``, ``for_sale``, ``run``."""
    events: tuple[ShowEvent, ...]


class HostRoom(OrdersRoom):
    """What the host does while the show is on."""

    def run_of_show(self, show: str) -> tuple[RunItem, ...]:
        """The queue."""
        with self._store.read() as connection:
            return run.queue(connection, show)

    def put_run(self, show: str, items: Any) -> tuple[RunItem, ...]:
        """Have this queue and no other: added, reordered, ticked. Raises `InvalidInput`."""
        wanted = run.checked(items)
        with self._store.write() as connection:
            known = run.queue(connection, show)
            if known != wanted:
                run.replace_all(connection, show, wanted)
                own = settings.load(connection, show)
                own.did("run", items=[item.to_plain() for item in known])
                settings.save(connection, show, own)
        return wanted

    def pin_run(
        self, show: str, item_id: str, moment: CueMoment, *, request: str | None = None
    ) -> Ran:
        """Pin the products of a step on one frame, a cue each, and tick it.

        The same `request` again gives the same cues. Raises `InvalidInput`, `UnknownProduct`,
        `CueConflict`, `CueRefused`.
        """
        if request is not None:
            checks.identifier(request, "request")
        with self._store.write() as connection:
            item = run.find(connection, show, item_id)
            writer = self._writer(show)
            placed = [
                cue_rules.place(
                    connection,
                    writer,
                    draft=CueDraft(
                        type="pin",
                        product=product,
                        id=None if request is None else f"{request[:62]}-{n}",
                    ),
                    moment=moment,
                )
                for n, product in enumerate(item.products)
            ]
            told = tuple(event for _, event in placed if event is not None)
            if told or not item.products:
                run.mark(connection, show, item.id, done=True)
                own = settings.load(connection, show)
                pinned = [cue.id for cue, _ in placed]
                own.did("pin", item=item.id, cues=pinned, done=item.done)
                settings.save(connection, show, own)
            item = run.find(connection, show, item_id)
        return Ran(item=item, cues=tuple(cue for cue, _ in placed), events=told)

    def mark_sold_out(
        self, show: str, product: str, variant: str | None = None, *, at: MediaTime | None = None
    ) -> tuple[ShowEvent, ...]:
        """Take what is left off sale (`overlay.show.soldout`). Raises `UnknownProduct`."""
        return self._marked(show, "sold_out", product, variant, at)

    def lift_sold_out(
        self, show: str, product: str, variant: str | None = None, *, at: MediaTime | None = None
    ) -> tuple[ShowEvent, ...]:
        """Put it back on sale. Raises `UnknownProduct`."""
        return self._marked(show, "for_sale", product, variant, at)

    def undo(self, show: str, moment: CueMoment | None) -> Undone:
        """Undo what the host did last: a pin, a sold-out mark (or its lifting), a new queue.

        `moment` is now, None off air, where a pin is over anyhow. Raises `NothingToUndo`.
        """
        at = None if moment is None else MediaTime(media_epoch=moment.media_epoch, pts=moment.pts)
        pinned = {cue.id: cue.media_epoch for cue in self.snapshot(show).cues}
        with self._store.write() as connection:
            own = settings.load(connection, show)
            if not own.undo:
                raise NothingToUndo("There is nothing left to undo.")
            step = own.undo.pop()
            if step["what"] == "pin":
                told = self._unpinned(connection, show, step, moment, pinned)
            else:
                told = self._undone(connection, show, own, step, at)
            settings.save(connection, show, own)
        return Undone(what=step["what"], events=told)

    def rehearse(
        self, show: str, *, on: bool, moment: CueMoment | None = None
    ) -> tuple[ShowEvent, ...]:
        """Begin to rehearse, or stop and undo all of it (`overlay.show.rehearsal`).

        `moment` is now, where the rehearsal's cards end; None off air. Raises `OfferSettled` where
        an offer is open.
        """
        state = self.snapshot(show)
        with self._telling() as connection:
            writer, own = self._writer(show), settings.load(connection, show)
            if on == (own.rehearsal is not None):
                return ()
            told: list[ShowEvent] = []
            if on:
                plan = recover.missing(connection, show, state, now_us=writer.utc_us)
                told += self._told(connection, plan)
                own.rehearsal = rehearsal.memory(connection, show, own, now_us=writer.utc_us)
                own.undo = []
            else:
                if moment is not None:
                    told += rehearsal.unpinned(connection, writer, state, moment)
                told += rehearsal.undo(connection, writer, own)
            settings.save(connection, show, own)
            data = events.rehearsal(on=on)
            told.append(writer.append(connection, "rehearsal", data, at=None))
            if not on:
                for event in told:
                    state = state.apply(event)
                plan = recover.missing(connection, show, state, now_us=writer.utc_us)
                told += self._told(connection, plan)
        self._teller.forget(show)
        return tuple(told)

    def rehearses(self, show: str) -> bool:
        """Whether what happens is play."""
        with self._store.read() as connection:
            return settings.load(connection, show).rehearsal is not None

    def _marked(
        self, show: str, what: str, product: str, variant: str | None, at: MediaTime | None
    ) -> tuple[ShowEvent, ...]:
        with self._store.write() as connection:
            own = settings.load(connection, show)
            move = soldout.mark if what == "sold_out" else soldout.lift
            told = move(
                connection, self._writer(show), own, product=product, variant=variant, at=at
            )
            if told:
                own.did(what, product=product, variants=[each.data["variant"] for each in told])
                settings.save(connection, show, own)
        return told

    def _undone(
        self,
        connection: Connection,
        show: str,
        own: Settings,
        step: dict[str, Any],
        at: MediaTime | None,
    ) -> tuple[ShowEvent, ...]:
        writer = self._writer(show)
        if step["what"] == "run":
            run.replace_all(connection, show, run.checked(step["items"]))
            return ()
        move = soldout.lift if step["what"] == "sold_out" else soldout.mark
        told: list[ShowEvent] = []
        for variant in step["variants"]:
            told += move(connection, writer, own, product=step["product"], variant=variant, at=at)
        return tuple(told)

    def _unpinned(
        self,
        connection: Connection,
        show: str,
        step: dict[str, Any],
        moment: CueMoment | None,
        pinned: dict[str, str],
    ) -> tuple[ShowEvent, ...]:
        """End a step's pins, those of this very broadcast; `pinned` has the epoch of each."""
        run.mark(connection, show, step["item"], done=step["done"])
        if moment is None:
            return ()
        writer = self._writer(show)
        ended = [
            cue_rules.place(
                connection, writer, draft=CueDraft(type="unpin", ends=cue), moment=moment
            )[1]
            for cue in step["cues"]
            if pinned.get(cue) == moment.media_epoch
        ]
        return tuple(event for event in ended if event is not None)
