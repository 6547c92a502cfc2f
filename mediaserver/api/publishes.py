"""The publishes' endpoint: how a show's host is heard and seen by the server."""

from collections.abc import Callable
from dataclasses import asdict

from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.bus.messages import SessionHealth, TrackHealth
from mediaserver.errors import RequestRefused
from transcoder.ladder_state import LadderState


class PublishResources:
    """`health` gives the last that was heard of a show's publish, None without one; `ladder` of
    its ladder, None while nothing is encoded."""

    def __init__(
        self,
        *,
        health: Callable[[str], SessionHealth | None],
        ladder: Callable[[str], LadderState | None],
    ) -> None:
        self._health = health
        self._ladder = ladder

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        return [
            Endpoint(
                row="GET /api/v1/shows/{show}/health",
                does="How the publish of the show fares, each second anew: figures, one hint for "
                "its host, and what its ladder is made of. 409 while nobody publishes.",
                handler=self.health,
                answer=forms.Health,
                refuses=(409,),
            )
        ]

    async def health(self, ask: Ask) -> web.Response:
        """GET health."""
        health = self._health(ask.show)
        if health is None:
            raise RequestRefused(409, "no_publish", f"Nobody publishes to the show {ask.show} now.")
        return answer(
            forms.Health(
                session=health.session,
                state=health.state,
                hint=health.hint,
                video=_track(health.video),
                audio=_track(health.audio),
                rtt_ms=health.rtt_ms,
                skew_ms=health.skew_ms,
                ladder=_ladder(self._ladder(ask.show)),
            )
        )


def _track(track: TrackHealth | None) -> forms.TrackHealth | None:
    return None if track is None else forms.TrackHealth(**asdict(track))


def _ladder(state: LadderState | None) -> forms.Ladder | None:
    if state is None:
        return None
    return forms.Ladder(
        rungs=[
            forms.LadderRung(
                rung=each.rung,
                role=each.role,
                mirrors=each.mirrors or None,
                dozing=each.dozing,
                instead_of=each.instead_of or None,
            )
            for each in state.rungs
        ],
        step=state.step,
        half_rate=state.half_rate,
        passthrough=state.passthrough,
        unfit=state.unfit or None,
        sentence=state.sentence,
    )
