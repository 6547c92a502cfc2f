"""What the forms of several rooms share: names, money, and the one form of an error."""

from typing import Annotated

from msgspec import Meta, Struct

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Letters, digits, _ and -")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]
Price = Annotated[int, Meta(ge=0, le=1_000_000_000, description="In cents or their like")]


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why not, in a sentence."""

    code: str
    message: str
    field: str | None = None


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    """The one form of an error."""

    error: Fault
