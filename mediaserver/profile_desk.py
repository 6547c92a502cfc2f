"""Which encoder profile a show's next media epoch is made with: main's desk for it.

A show has the profile that the operator has chosen for it over the API, else the one that the
configuration gives the show, else the server's. Files are read anew for each epoch, in a thread, so
that a change counts from the next publish on. A file that cannot be used refuses no publish: the
last good content of that profile is used, that of the server's profile where there is none, and the
built-in one at last; the operator is told in the log, by a metric and over the API.

What was chosen, and the last good content of each profile in use, are in ``profiles.json`` in the
data folder; both survive a restart.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from mediaserver.broadcast.recipe import Recipe
from mediaserver.config import Config
from mediaserver.errors import ConfigError, RequestRefused
from mediaserver.profiles import find_profile, known_profiles
from transcoder.errors import ProfileError
from transcoder.profiles import Profile

FILE = "profiles.json"
READ_TIMEOUT_S = 5.0
"""For a profile's file. A disk that is slower is one that cannot be read."""

log = structlog.get_logger()
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowProfile:
    """What the next epoch of a show will be made with."""

    profile: str
    chosen: bool
    """Whether it was chosen over the API and does not come from the configuration."""
    fault: str | None
    """Why it cannot be used as it is now; then its last good content is."""


class ProfileDesk:
    """One per main; its methods run on main's loop. Bounded by the number of declared shows."""

    def __init__(self, config: Config) -> None:
        self._shows = {name: show.profile or config.profile for name, show in config.shows.items()}
        self._default = config.profile
        self._folder = config.profile_folder
        self._latency = config.latency
        self._path = config.data / FILE
        kept = _read(self._path)
        self._chosen = {show: name for show, name in kept.chosen.items() if show in self._shows}
        self._good = kept.good
        self._faults: dict[str, str] = {}
        self._stuck: asyncio.Future[Any] | None = None
        """A read that the disk has not answered yet, and may never."""

    @property
    def faults(self) -> Mapping[str, str]:
        """Of each show whose profile could not be used when it was last looked at, the sentence."""
        return self._faults

    async def known(self) -> tuple[str, ...]:
        """The names that may be chosen. Those that ship alone, while the folder is unreadable."""
        try:
            return tuple(sorted(await self._off_loop(known_profiles, self._folder)))
        except ConfigError:
            return tuple(sorted(known_profiles()))

    async def next(self, show: str) -> Recipe:
        """The recipe of the next epoch of `show`. Never fails."""
        name = self._name_of(show)
        profile, fault = await self._looked_at(show, name)
        if profile is None:
            profile, used = await self._instead(name)
            log.error("profile_broken", show=show, profile=name, used=used, error=fault)
        else:
            log.info("profile_read", show=show, profile=name)
        return Recipe(name=name, profile=profile, latency=self._latency)

    async def look(self, show: str) -> ShowProfile:
        """What the next epoch of `show` would be made with; its file is read anew."""
        name = self._name_of(show)
        profile, fault = await self._looked_at(show, name)
        return ShowProfile(
            profile=name, chosen=show in self._chosen, fault=fault if profile is None else None
        )

    async def choose(self, show: str, name: str | None) -> ShowProfile:
        """From its next epoch on `show` is made with the profile `name`; None: with that of the
        configuration again. A path may not be chosen: who has the key has not the machine.

        Raises `RequestRefused` for a name that is unknown or whose file cannot be used (422), and
        where it cannot be stored (503); then nothing has changed.
        """
        if name is not None:
            known = await self.known()
            if name not in known:
                raise RequestRefused(
                    422,
                    "unknown_profile",
                    f"There is no profile of this name; use one of: {', '.join(known)}.",
                    field="profile",
                )
            profile, fault = await self._read_file(name)
            if profile is None:
                raise RequestRefused(422, "profile_broken", fault, field="profile")
        others = {each: chosen for each, chosen in self._chosen.items() if each != show}
        chosen = others if name is None else {**others, show: name}
        if not self._store(chosen, self._good):
            raise RequestRefused(
                503, "not_stored", "The data folder cannot be written, so nothing was changed."
            )
        self._chosen = chosen
        log.info("profile_chosen", show=show, profile=name)
        return await self.look(show)

    def _name_of(self, show: str) -> str:
        return self._chosen.get(show) or self._shows[show]

    async def _looked_at(self, show: str, name: str) -> tuple[Profile | None, str]:
        """The profile, or why it cannot be used; either is remembered."""
        profile, fault = await self._read_file(name)
        if profile is None:
            self._faults[show] = fault
        else:
            self._faults.pop(show, None)
            self._remember(name, profile)
        return profile, fault

    async def _read_file(self, name: str) -> tuple[Profile | None, str]:
        """The profile, or why it cannot be used."""
        try:
            return await self._off_loop(find_profile, name, self._folder), ""
        except ConfigError as exc:
            return None, str(exc)
        except Exception:
            log.exception("profile_unreadable", profile=name)
            return None, f"The profile {name} cannot be read; the server's log says why."

    async def _off_loop(self, read: Callable[..., _T], *arguments: object) -> _T:
        """What `read` gives, in a thread. Raises `ConfigError` where the disk does not answer in
        time, and at once as long as it has not: else it would take all of the process's threads."""
        if self._stuck is None or self._stuck.done():
            reading = asyncio.get_running_loop().run_in_executor(None, read, *arguments)
            done, _ = await asyncio.wait({reading}, timeout=READ_TIMEOUT_S)
            if done:
                return reading.result()
            reading.add_done_callback(lambda late: late.cancelled() or late.exception())
            self._stuck = reading
        raise ConfigError("The disk with the encoder profiles does not answer.")

    def _remember(self, name: str, profile: Profile) -> None:
        plain = profile.to_plain()
        if self._good.get(name) == plain:
            return
        used = {self._default, *self._shows.values(), *self._chosen.values(), name}
        self._good = {each: good for each, good in self._good.items() if each in used}
        self._good[name] = plain
        self._store(self._chosen, self._good)

    async def _instead(self, name: str) -> tuple[Profile, str]:
        """The best that is left, and what to call it in the log."""
        if (profile := self._last_good(name)) is not None:
            return profile, "its last good content"
        profile, _ = await self._read_file(self._default)
        if profile is None:
            profile = self._last_good(self._default)
        return (Profile(), "built in") if profile is None else (profile, self._default)

    def _last_good(self, name: str) -> Profile | None:
        try:
            return Profile.from_plain(self._good[name])
        except (KeyError, ProfileError):
            return None

    def _store(self, chosen: Mapping[str, str], good: Mapping[str, Any]) -> bool:
        temporary = self._path.with_suffix(".new")
        try:
            temporary.write_text(json.dumps({"chosen": chosen, "good": good}), encoding="utf-8")
            temporary.replace(self._path)
        except OSError as exc:
            log.error("profiles_not_stored", error=exc.strerror)
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    chosen: Mapping[str, str]
    good: Mapping[str, dict[str, Any]]


def _read(path: Path) -> "_Kept":
    """What is in the file; nothing where it is missing or no file of ours."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        chosen = {str(show): str(name) for show, name in content["chosen"].items()}
        return _Kept(chosen=chosen, good={n: dict(plain) for n, plain in content["good"].items()})
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        log.warning("profiles_unreadable", path=path.name, error=str(exc))
    return _Kept(chosen={}, good={})
