"""Which main takes a request that is not the gateway's own.

A show's requests go to the node that speaks for it: our own main over its Unix socket, another one
where it says that it answers. All else goes to our own main, or, where this node has none, to the
first of the configured ones that has not just failed.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

SECRET_HEADER = "Comptoir-Cluster"  # noqa: S105 - the name of a field
"""Shown to mains of other nodes; what a client sends under this name goes no further."""

FAILED_FOR_S = 5.0

_SHOW = re.compile(r"/(?:live|api/v1/shows)/([^/]+)(?:/.*)?")


@dataclass(frozen=True, slots=True)
class MainAddress:
    """Where a main answers: the path of a Unix socket, or host and port."""

    path: str = ""
    host: str = ""
    port: int = 0
    secret: str = ""

    @property
    def authority(self) -> str:
        """For a URL."""
        if self.path:
            return "main"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"MainAddress({self.path or self.authority})"


class MainRoutes:
    """One per gateway process."""

    def __init__(
        self,
        own: Path | None,
        *,
        mains: Sequence[str] = (),
        secret: str = "",
        owner_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        """`own` is our main's socket; `mains` are others as ``host:port``; `owner_of` gives the
        address of a show's owner, where that is another node and known."""
        self._own = None if own is None else MainAddress(path=str(own))
        self._secret = secret
        self._mains = [self._at(main) for main in mains]
        self._owner_of = owner_of
        self._failed_at_s: dict[MainAddress, float] = {}

    def of(self, raw_path: str) -> MainAddress:
        """Where a request for this path goes."""
        found = _SHOW.fullmatch(raw_path)
        owner = self._owner_of(unquote(found.group(1))) if found else None
        if owner:
            return self._at(owner)
        if self._own is not None:
            return self._own
        since_s = time.monotonic() - FAILED_FOR_S
        working = [m for m in self._mains if self._failed_at_s.get(m, since_s) <= since_s]
        return (working or self._mains)[0]

    def failed(self, main: MainAddress) -> None:
        """A main could not be reached: the others are asked first for a while."""
        if main in self._mains:
            self._failed_at_s[main] = time.monotonic()

    def _at(self, address: str) -> MainAddress:
        host, _, port = address.rpartition(":")
        return MainAddress(host=host.strip("[]"), port=int(port), secret=self._secret)
