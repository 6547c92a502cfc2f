"""What the shop's endpoints need of shows on air."""

from typing import Protocol

from mediaserver.broadcast.cues import Moment
from mediaserver.bus.messages import ShowStatus
from overlay.show.cues import CueMoment
from overlay.show.log import MediaTime


class Air(Protocol):
    """What the shop needs of a show on air (`mediaserver.broadcast.show.ShowRunner`)."""

    @property
    def status(self) -> ShowStatus:
        """How the show fares."""

    async def stamp(self, moment: Moment) -> CueMoment:
        """The media time of a moment. Raises `RequestRefused`."""

    def air_time(self) -> MediaTime | None:
        """The tick that is now; None off air."""
