"""The errors of the media server.

ComptoirError              a sentence for people, and a stable ``code``
├── ConfigError            the configuration cannot be used; names the key's path
├── StartError             a port, folder or dependency the server needs is not to be had
├── BusError               the peer process is gone, or answered nothing in time
└── RequestRefused         a request that cannot be met (carries the HTTP status and a field)
    └── PublishRefused     a publish that cannot go on air
"""


class ComptoirError(Exception):
    """Root of the media server's errors. The message is a sentence for people."""

    code = "comptoir_error"


class ConfigError(ComptoirError):
    """The configuration cannot be used: the key's path, what was given, what is legal."""

    code = "config_invalid"


class StartError(ComptoirError):
    """A port, folder or dependency that the server needs is not to be had."""

    code = "cannot_start"


class BusError(ComptoirError):
    """The peer process is gone, or did not answer in time."""

    code = "process_unavailable"


class RequestRefused(ComptoirError):
    """A request that cannot be met; `status` is the HTTP status that says so, `field` the part of
    the request that is to blame, if one is, `retry_after_s` when to try again, if that helps."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        field: str | None = None,
        *,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field
        self.retry_after_s = retry_after_s


class PublishRefused(RequestRefused):
    """A publish that cannot go on air."""
