"""Timed metadata on its way into the parts, and its form in band. Pure.

What was told waits here until the part of its frame is cut. Cutting a part and taking its cues is
one step of one thread, so a cue goes either into that part or, being late, to the start of the
next; never into none, never into two.
"""

import re

from transcoder.cmaf.emsg import ID3_SCHEME, EventMessage, emsg_box
from transcoder.cmaf.id3 import Private, private_tag
from transcoder.values import TICKS_PER_SECOND, TimedMetadata

OWNER = "comptoir.cue"
"""Of the ID3 PRIV frame that is the message."""

MAX_PENDING = 256
"""Cues that wait for their frame."""
MAX_PER_PART = 16
"""More than these go to the parts that follow, so that no part is a burst."""
MAX_PAYLOAD_BYTES = 1024
BOX_BYTES = 12 + 20 + len(ID3_SCHEME) + 2 + 20 + len(OWNER) + 1
"""What a cue takes besides its payload: the heads and fields of `emsg`, tag and frame."""
MIN_DURATION = TICKS_PER_SECOND // 4
"""Players take this and less for infinite: a cue lasts longer."""

_MAX_CARRIED = 4096
_MAX_PTS = 1 << 53
"""Beyond it a player's numbers are not exact, and no show lasts three millennia."""
_MAX_DURATION = 0xFFFF_FFFF
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_Key = tuple[str, int]


def refusal(cue: TimedMetadata) -> str | None:
    """Why `cue` cannot be carried, as a sentence; None for one that can."""
    if not _ID.fullmatch(cue.id):
        return "the id is not 1 to 64 letters, digits, dashes and underscores"
    if not 0 <= cue.revision <= 0xFFFF_FFFF:
        return f"revision {cue.revision} is not a number of 32 bits"
    if not 0 <= cue.pts < _MAX_PTS:
        return f"tick {cue.pts} lies on no timeline"
    if not MIN_DURATION < cue.duration < _MAX_DURATION:
        return f"a duration of {cue.duration} ticks is not above {MIN_DURATION} and bounded"
    if len(cue.payload) > MAX_PAYLOAD_BYTES:
        return f"a payload of {len(cue.payload)} bytes is over the limit of {MAX_PAYLOAD_BYTES}"
    try:
        cue.payload.decode()
    except UnicodeDecodeError:
        return "the payload is not UTF-8"
    return None


class CueQueue:
    """What is to happen on frames that are still to come. One thread only.

    Holds at most 256; when full, what is told next is refused. An (id, revision) that waits, or is
    one of the last 4096 taken, is told again in vain.
    """

    def __init__(self) -> None:
        self._pending: dict[_Key, TimedMetadata] = {}
        self._carried: dict[_Key, None] = {}

    def add(self, cue: TimedMetadata) -> str | None:
        """Keep `cue` until its part is cut; the sentence why not when it cannot be carried."""
        reason = refusal(cue)
        if reason is not None:
            return reason
        if self.knows(cue):
            return None
        if len(self._pending) >= MAX_PENDING:
            return f"{MAX_PENDING} others wait for their frames already"
        self._pending[cue.id, cue.revision] = cue
        return None

    def knows(self, cue: TimedMetadata) -> bool:
        """Whether it waits already, or was one of the last taken."""
        key = (cue.id, cue.revision)
        return key in self._pending or key in self._carried

    def take(self, *, until_tick: int) -> tuple[TimedMetadata, ...]:
        """The cues of the part that ends at `until_tick`, in the order of their frames.

        Those with their frame in it, and those whose frame's part had left; at most 16, the
        earliest, and the others come with the next part.
        """
        due = [cue for cue in self._pending.values() if cue.pts < until_tick]
        due.sort(key=lambda cue: cue.pts)
        for cue in due[:MAX_PER_PART]:
            key = (cue.id, cue.revision)
            del self._pending[key]
            self._carried[key] = None
        while len(self._carried) > _MAX_CARRIED:
            del self._carried[next(iter(self._carried))]
        return tuple(due[:MAX_PER_PART])

    def left(self) -> tuple[TimedMetadata, ...]:
        """Everything that waits: after the last part, what will never be carried."""
        return tuple(self._pending.values())


def in_band(cues: tuple[TimedMetadata, ...], *, part_number: int, start_tick: int) -> bytes:
    """The `emsg` boxes of a part's cues: what stands before its `moof`, in every rendition.

    AOM §2.2.3: the presentation time lies within the fragment that carries the box, so a late cue
    is said to begin with the part, and its exact time is in its payload. Part numbers run through
    the epoch, whichever worker makes them, and so the numbers of the messages are unique in it.
    """
    return b"".join(
        emsg_box(
            EventMessage(
                scheme=ID3_SCHEME,
                value="",
                timescale=TICKS_PER_SECOND,
                presentation_time=max(cue.pts, start_tick),
                duration=cue.duration,
                id=(part_number * MAX_PER_PART + index) & 0xFFFF_FFFF,
                message=private_tag(Private(owner=OWNER, data=cue.payload)),
            )
        )
        for index, cue in enumerate(cues)
    )
