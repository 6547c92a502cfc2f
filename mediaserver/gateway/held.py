"""What a gateway holds of one show besides its listeners (`mediaserver.gateway.shows`)."""

from dataclasses import dataclass, field

from mediaserver.bus.messages import ShowStatus
from mediaserver.gateway.publication import Publication
from mediaserver.gateway.stills import ShowStills


@dataclass(slots=True, kw_only=True)
class HeldEpoch:
    """A media epoch, and when it is to be freed; None: not as things are."""

    publication: Publication
    free_at_ns: int | None = None


@dataclass(slots=True, kw_only=True)
class HeldShow:
    """What its status says, its stills, and its media epochs by name."""

    status: ShowStatus
    stills: ShowStills
    epochs: dict[str, HeldEpoch] = field(default_factory=dict)
