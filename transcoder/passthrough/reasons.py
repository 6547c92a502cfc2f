"""Why a source is not passed on: a code for programs, a sentence for the operator."""

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "off",
    "waiting",
    "codec",
    "format",
    "colour",
    "reordered",
    "size",
    "rotated",
    "bitrate",
    "keyframes",
    "damaged",
    "malformed",
    "sets",
    "stopped",
    "flood",
    "ahead",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """What speaks against passing the source on."""

    code: Code
    sentence: str
    """For people; of bounded length, with nothing of the source's own bytes but numbers."""


OFF = Unfit(code="off", sentence="The profile says passthrough: never.")
WAITING = Unfit(code="waiting", sentence="The source's next keyframe is waited for.")
DAMAGED = Unfit(
    code="damaged", sentence="Packets of the source were lost, which would show until a keyframe."
)
UNDECODABLE = Unfit(code="damaged", sentence="The source sent a picture that cannot be decoded.")
STOPPED = Unfit(
    code="stopped", sentence="The source stopped, or sends fewer pictures than there are parts."
)
FLOOD = Unfit(code="flood", sentence="The source sends more pictures than can be shown in time.")
AHEAD = Unfit(code="ahead", sentence="The source's times run ahead of the clock.")
SETS_BETWEEN = Unfit(
    code="sets", sentence="The source changes its parameter sets between keyframes."
)
SETS_OFTEN = Unfit(code="sets", sentence="The source changes its parameter sets too often.")
BIDIRECTIONAL = Unfit(
    code="reordered",
    sentence=(
        "The source sends B-frames, or says that it may: their order is not that of their times."
    ),
)
ROTATED = Unfit(
    code="rotated",
    sentence="The source's pictures are to be turned or mirrored, which players do not do.",
)


def wrong_codec(codec: str) -> Unfit:
    """Of a codec that is not H.264."""
    return Unfit(code="codec", sentence=f"The source sends {codec.upper()}; only H.264 is passed.")


def wrong_format(what: str) -> Unfit:
    """Of H.264 that not every player takes."""
    return Unfit(
        code="format", sentence=f"The source's H.264 {what}, which not every player takes."
    )


def wrong_colour(what: str) -> Unfit:
    """Of colours that would change with each switch to another rung."""
    return Unfit(
        code="colour",
        sentence=f"The source's colours are of {what}; those of the other rungs are of BT.709.",
    )


def wrong_size(given: tuple[int, int], wanted: tuple[int, int], rung: str) -> Unfit:
    """Of pictures of another size than the rung's."""
    return Unfit(
        code="size",
        sentence=(
            f"The source's pictures are {given[0]}x{given[1]}, "
            f"those of {rung} are {wanted[0]}x{wanted[1]}."
        ),
    )


def malformed(sentence: str) -> Unfit:
    """Of an access unit that cannot be read; `sentence` is a `MediaError`'s."""
    return Unfit(code="malformed", sentence=f"The source's H.264 cannot be read: {sentence}.")


def too_seldom(longest_s: float) -> Unfit:
    """Of keyframes too far apart for segments to begin with one."""
    return Unfit(
        code="keyframes",
        sentence=(
            "The source's keyframes come too seldom or at the wrong time: "
            f"a segment begins with one and lasts at most {longest_s:.1f} s."
        ),
    )


def too_fat(limit_bps: int) -> Unfit:
    """Of more bits than BANDWIDTH says."""
    return Unfit(
        code="bitrate",
        sentence=f"The source's bitrate is above the {limit_bps / 1e6:.1f} Mb/s of its rung.",
    )
