"""The endpoints of a show's encoder profile: what its next publish is made with."""

from collections.abc import Callable, Mapping

from aiohttp import web

from mediaserver.api import forms
from mediaserver.api.air import Air
from mediaserver.api.endpoints import Ask, Endpoint, answer
from mediaserver.broadcast.epochs import EpochRecord
from mediaserver.profile_desk import ProfileDesk, ShowProfile


class ProfileResources:
    """`recorded` gives the last media epoch of a show, of which the shows say whether it is on
    air."""

    def __init__(
        self,
        *,
        shows: Mapping[str, Air],
        desk: ProfileDesk,
        recorded: Callable[[str], EpochRecord | None],
    ) -> None:
        self._shows = shows
        self._desk = desk
        self._recorded = recorded

    def endpoints(self) -> list[Endpoint]:
        """One per row."""
        row = "/api/v1/shows/{show}/profile"
        return [
            Endpoint(
                row=f"GET {row}",
                does="The encoder profile of the show's next publish, read anew, and of the one "
                "on air.",
                handler=self.look,
                answer=forms.ShownProfile,
            ),
            Endpoint(
                row=f"PUT {row}",
                does="Choose the encoder profile of the show's next publishes. What is on air "
                "keeps its own until it ends.",
                handler=self.choose,
                form=forms.ProfileChoice,
                answer=forms.ShownProfile,
                refuses=(422, 503),
            ),
        ]

    async def look(self, ask: Ask) -> web.Response:
        """GET profile."""
        return answer(await self._shown(ask.show, await self._desk.look(ask.show)))

    async def choose(self, ask: Ask) -> web.Response:
        """PUT profile."""
        chosen = await self._desk.choose(ask.show, ask.form.profile)
        return answer(await self._shown(ask.show, chosen))

    async def _shown(self, show: str, of_next: ShowProfile) -> forms.ShownProfile:
        return forms.ShownProfile(
            profile=of_next.profile,
            chosen=of_next.chosen,
            fault=of_next.fault,
            on_air=self._on_air(show),
            known=await self._desk.known(),
        )

    def _on_air(self, show: str) -> str | None:
        status, record = self._shows[show].status, self._recorded(show)
        if status.state not in ("live", "away") or record is None or record.epoch != status.epoch:
            return None
        recipe = record.made_by
        return None if recipe is None else recipe.name
