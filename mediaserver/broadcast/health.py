"""What main last heard of each publish's health."""

from mediaserver.bus.messages import SessionEvent, SessionHealth


class HealthBoard:
    """The last `SessionHealth` of each session that is open; bounded by ingest's own bound."""

    def __init__(self) -> None:
        self._sessions: dict[str, SessionHealth] = {}

    def heard(self, health: SessionHealth) -> None:
        """Ingest has looked at a session."""
        self._sessions[health.session] = health

    def session_event(self, event: SessionEvent) -> None:
        """What is closed has no health."""
        if event.state == "closed":
            self._sessions.pop(event.session, None)

    def clear(self) -> None:
        """Ingest is gone, and its sessions with it."""
        self._sessions.clear()

    def of(self, show: str) -> SessionHealth | None:
        """The newest publish of `show` whose media flows, else is missing, else the newest."""
        of_show = [each for each in self._sessions.values() if each.show == show]
        return max(of_show, key=_rank, default=None)


def _rank(health: SessionHealth) -> tuple[int, int]:
    """A newcomer has not got the show before its media flows."""
    return {"media": 2, "silent": 1}.get(health.state, 0), health.source
