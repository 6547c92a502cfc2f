"""The JSON of the run of show, of marks and of rehearsals."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from mediaserver.api.forms.base import Id
from mediaserver.api.forms.shows import Cue


class RunItemForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step: up to three products that are pinned together, or a moment without any."""

    id: Id
    title: Annotated[str, Meta(max_length=200)] = ""
    note: Annotated[str, Meta(max_length=2000)] = ""
    products: Annotated[tuple[Id, ...], Meta(max_length=3)] = ()
    done: bool = False


class RunForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole queue, in order."""

    items: Annotated[tuple[RunItemForm, ...], Meta(max_length=200)]


class RunPinForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When; `request` makes it repeatable."""

    clicked_at_ms: Annotated[float, Meta(ge=0, le=1e14)] | None = None
    request: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,62}$")] | None = None


class MarkForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One variant, or all."""

    variant: Id | None = None


class RehearsalForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether to rehearse. Switching off undoes all that was made meanwhile."""

    on: bool


class RunItem(Struct, frozen=True, kw_only=True):
    """A step of the show."""

    id: str
    title: str
    note: str
    products: tuple[str, ...]
    done: bool


class Run(Struct, frozen=True, kw_only=True):
    """The run of show."""

    items: tuple[RunItem, ...]


class RunPinned(Struct, frozen=True, kw_only=True):
    """A step was pinned: a cue for each of its products, all of one frame."""

    item: RunItem
    cues: tuple[Cue, ...]


class Undone(Struct, frozen=True, kw_only=True):
    """What was undone."""

    undone: Literal["pin", "sold_out", "for_sale", "run"]


class Rehearsal(Struct, frozen=True, kw_only=True):
    """Whether the show rehearses."""

    on: bool
