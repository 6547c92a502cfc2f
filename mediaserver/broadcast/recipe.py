"""What the workers of a media epoch are told to make, fixed when the epoch begins."""

import json
from dataclasses import dataclass
from typing import Protocol, get_args

from transcoder.control import LatencyPreset
from transcoder.errors import ProfileError
from transcoder.profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What every worker of the epoch is told: the profile as it was at the epoch's start."""

    name: str
    """What the profile is called in the configuration: a name, or the path of a file."""
    profile: Profile
    latency: LatencyPreset

    def to_text(self) -> str:
        """One line of JSON, for the epoch's record."""
        return json.dumps([self.name, self.profile.to_plain(), self.latency])

    @classmethod
    def from_text(cls, text: str) -> "Recipe":
        """The inverse of `to_text`. Raises `ValueError` for one of another version."""
        try:
            name, plain, latency = json.loads(text)
            legal = isinstance(name, str) and isinstance(plain, dict)
            if not legal or latency not in get_args(LatencyPreset):
                raise ValueError("it is of another version")
            return cls(name=name, profile=Profile.from_plain(plain), latency=latency)
        except (TypeError, ProfileError, RecursionError) as exc:
            raise ValueError(str(exc)) from None


class Recipes(Protocol):
    """Where a new epoch's recipe comes from (`mediaserver.profile_desk.ProfileDesk`)."""

    async def next(self, show: str) -> Recipe:
        """The recipe of the next epoch of `show`. Never fails: a publish is not to be refused over
        a profile."""
