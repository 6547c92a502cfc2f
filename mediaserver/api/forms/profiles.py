"""Which encoder profile a show is made with."""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(min_length=1, max_length=200)]


class ProfileChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The profile from the next publish on; null: the configuration's again."""

    profile: _Name | None


class ShownProfile(Struct, frozen=True, kw_only=True):
    """The profile of a show's next publish, and of the one on air."""

    profile: str
    chosen: bool
    """Chosen here; else it comes from the configuration."""
    fault: str | None
    """Why the profile cannot be used as it is; its last good content is, until it is mended."""
    on_air: str | None
    """The profile that the show on air was begun with, and keeps."""
    known: tuple[str, ...]
    """The names that may be chosen."""
