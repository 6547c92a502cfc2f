"""Decoded audio laid on one continuous line of samples, whatever arrives or does not.

Blocks are placed by their timestamps. A block within `SLEW_LIMIT` of where the last one ended is
joined to it and resampled by a fraction of a percent, so that drift is followed without a click. A
block farther off is put where it belongs: what lies between becomes a short decaying echo and then
silence, and what overlaps is cut. Pure; positions count samples at 48 kHz on the media timeline.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from transcoder.cmaf.aac import AUDIO_RATE_HZ

Pcm = NDArray[np.float32]
"""Samples in -1 to 1, shaped (channels, samples)."""

SLEW_LIMIT = AUDIO_RATE_HZ // 100
"""10 ms: clocks drift by less between two blocks, and the shortest loss is longer or equal."""
MAX_AHEAD = 10 * AUDIO_RATE_HZ
"""Nothing is kept that lies more than 10 s past what was read: it bounds the memory."""

_SLEW_GAIN = 24
"""A block makes good 1/24 of the offset: half a second, smoothly, for blocks of 20 ms."""
_SLEW_SHARE = 240
"""At most 1 in 240 samples is added or dropped, 7 cents of pitch."""
_ECHO = 960
"""The last 20 ms, backwards and fading, cover the beginning of a gap."""
_FADE_IN = 128


class SampleLine:
    """Place blocks as they come, read samples as their time comes.

    Holds at most `MAX_AHEAD` samples; what lies past that is refused.
    """

    def __init__(self, *, start: int, channels: int) -> None:
        self._channels = channels
        self._read = start
        self._end: int | None = None
        self._blocks: deque[tuple[int, Pcm]] = deque()
        self._tail = np.zeros((channels, _ECHO), np.float32)
        self._echo: Pcm | None = np.zeros((channels, 0), np.float32)

    @property
    def position(self) -> int:
        """The next sample to be read."""
        return self._read

    def restart(self) -> None:
        """The next block comes from another source: place it where it says, without slewing."""
        self._end = None

    def place(self, start: int, pcm: Pcm) -> bool:
        """Put a block that begins at `start` onto the line; False when it lies too far ahead.

        Of what was already read or placed nothing is changed: such samples of it are cut.
        """
        if start + pcm.shape[1] > self._read + MAX_AHEAD:
            return False
        if self._end is not None and abs(start - self._end) <= SLEW_LIMIT:
            pcm = _stretched(pcm, _slewed_length(pcm.shape[1], start - self._end))
            start = self._end
        self._end = start + pcm.shape[1]
        free_from = self._read
        if self._blocks:
            last_start, last = self._blocks[-1]
            free_from = max(free_from, last_start + last.shape[1])
        cut = max(0, free_from - start)
        if cut < pcm.shape[1]:
            # A copy, so that a sliver does not keep its whole block in memory.
            self._blocks.append((start + cut, pcm[:, cut:].copy() if cut else pcm))
        return True

    def read(self, count: int) -> Pcm:
        """The next `count` samples, silence and all."""
        out = np.empty((self._channels, count), np.float32)
        done = 0
        while done < count:
            room = count - done
            gap = self._blocks[0][0] - self._read if self._blocks else room
            piece = self._gap(min(gap, room)) if gap > 0 else self._sound(room)
            out[:, done : done + piece.shape[1]] = piece
            done += piece.shape[1]
            self._read += piece.shape[1]
            self._tail = np.concatenate((self._tail, piece), axis=1)[:, -_ECHO:]
        return out

    def _gap(self, count: int) -> Pcm:
        """`count` samples of a gap: first the echo, which begins on the last sample's value."""
        if self._echo is None:
            self._echo = self._tail[:, ::-1] * np.linspace(1, 0, _ECHO, dtype=np.float32)
        piece = np.zeros((self._channels, count), np.float32)
        echo, self._echo = self._echo[:, :count], self._echo[:, count:]
        piece[:, : echo.shape[1]] = echo
        return piece

    def _sound(self, room: int) -> Pcm:
        """At most `room` samples of the first block, faded in over the echo after a gap."""
        start, block = self._blocks.popleft()
        piece, rest = block[:, :room], block[:, room:]
        if rest.shape[1]:
            self._blocks.appendleft((start + room, rest))
        if self._echo is not None:
            piece = piece.copy()
            fade = min(_FADE_IN, piece.shape[1])
            ramp = np.linspace(0, 1, fade, dtype=np.float32)
            piece[:, :fade] *= ramp
            echo = self._echo[:, :fade]
            piece[:, : echo.shape[1]] += echo * (1 - ramp[: echo.shape[1]])
            self._echo = None
        return piece


def _slewed_length(samples: int, offset: int) -> int:
    limit = samples // _SLEW_SHARE
    return samples + max(-limit, min(limit, int(offset / _SLEW_GAIN)))


def _stretched(pcm: Pcm, count: int) -> Pcm:
    """`pcm` resampled to `count` samples with cubic (Catmull-Rom) interpolation.

    Where the cubic reaches past an end, the end's sample stands in for the neighbour block's; the
    positions are within a hundredth of a sample there, so it is not heard.
    """
    samples = pcm.shape[1]
    if count == samples:
        return pcm
    at = np.arange(count) * (samples / count)
    index = at.astype(np.intp)
    part = (at - index).astype(np.float32)
    before, here, after, beyond = (
        pcm[:, np.clip(index + shift, 0, samples - 1)] for shift in (-1, 0, 1, 2)
    )
    slope = (after - before) / 2
    bend = before - 2.5 * here + 2 * after - beyond / 2
    twist = (beyond - before) / 2 + 1.5 * (here - after)
    stretched: Pcm = ((twist * part + bend) * part + slope) * part + here
    return stretched
