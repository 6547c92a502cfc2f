"""The credentials that a gateway shows to those who come in now: read again when the files change.

Connections that are open keep what they shook hands with. Files that are no good (half written,
key and certificate of different renewals) change nothing and are told once in the log; the next
change is tried again.
"""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from mediaserver.certificates import Credentials, read_credentials
from mediaserver.config_tls import TlsFiles
from mediaserver.errors import StartError

CHECK_EVERY_S = 1.0

_Seen = tuple[tuple[int, int, int], ...]

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TlsKeeper:
    """Made with good files. Raises `StartError`, a sentence."""

    def __init__(self, files: TlsFiles, *, now: Callable[[], datetime] = _utc_now) -> None:
        self._files = files
        self._now = now
        self._seen = self._look()
        self._credentials = read_credentials(files)
        self._tell()

    @property
    def context(self) -> ssl.SSLContext:
        """For the next handshake."""
        return self._credentials.context

    @property
    def credentials(self) -> Credentials:
        """What is shown now."""
        return self._credentials

    def renew(self) -> bool:
        """Look at the files; whether there is something new to show."""
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self._credentials = read_credentials(self._files)
        except StartError as exc:
            log.warning("certificate_kept", reason=str(exc))
            return False
        log.info("certificate_renewed", until=self._credentials.ends.isoformat())
        self._tell()
        return True

    async def watch_forever(self) -> None:
        """Renew when the files change, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            self.renew()

    def _look(self) -> _Seen:
        return tuple(_stamp(path) for path in (self._files.certificate, self._files.key))

    def _tell(self) -> None:
        if doubts := self._credentials.doubts(self._now()):
            log.warning("certificate_doubtful", reason=doubts)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return status.st_ino, status.st_mtime_ns, status.st_size
