"""What keeps `comptoir check` from judging at all."""

from mediaserver.errors import ComptoirError


class CannotCheck(ComptoirError):
    """There is nothing at that address to judge; the message says why."""

    code = "cannot_check"
