"""Which picture a part ends with, and how long after it the part was there. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.report import percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """From a part's last picture to the part, in milliseconds, for each rendition."""

    ms: Mapping[str, Sequence[float]]

    def p(self, share: float, rendition: str | None = None) -> float:
        """A percentile of one rendition, or of the slowest of them."""
        if rendition is not None:
            return percentile(self.ms[rendition], share)
        return max(percentile(values, share) for values in self.ms.values())


def frame_numbers(
    ends: Sequence[tuple[float, int]], *, period: int, frames_per_second: int
) -> list[int]:
    """The running number of the picture that each part ends with.

    `ends` has, for each part in order, when it came (seconds after picture 0 was sent) and the
    number painted into its last picture, which repeats after `period`: of the pictures with that
    number it is the newest that had been sent by then.
    """
    numbers = []
    for came_s, painted in ends:
        sent = int(came_s * frames_per_second)
        numbers.append(sent - (sent - painted) % period)
    return numbers
