"""Decoded audio laid on one continuous line of samples, whatever arrives or does not.

Blocks are placed by their timestamps. A block within `SLEW_LIMIT` of where the last one ended is
joined to it and resampled by a fraction of a percent, so that drift is followed and a tone stays
pure: no sample is dropped or doubled. A block farther off is put where it belongs: what lies
between becomes a short decaying echo and then silence, and what overlaps is cut. Pure; positions
count samples at 48 kHz on the media timeline.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from transcoder.cmaf.aac import AUDIO_RATE_HZ
from transcoder.stretch import Pcm, Stretcher

SLEW_LIMIT = AUDIO_RATE_HZ // 100
"""10 ms: clocks drift by less between two blocks, and the shortest loss is longer or equal."""
MAX_AHEAD = 10 * AUDIO_RATE_HZ
"""Nothing is kept that lies more than 10 s past what was read: it bounds the memory."""

_SLEW_S = 1.0
"""An offset is made good at the rate that would take this long, and so ever more gently."""
_SLEW_MOST = 1 / 160
"""11 cents of pitch: a little more than a timeline ever asks for."""
_SLEW_DEAD = 1.0
"""Timestamps are rounded: an offset of a sample is none."""
_ECHO = 960
"""The last 20 ms, backwards and fading, cover the beginning of a gap."""
_FADE_IN = 128


class _Block(NamedTuple):
    start: int
    pcm: Pcm
    seam: bool
    """It does not go on where the one before ended: to be faded in."""


class SampleLine:
    """Place blocks as they come, read samples as their time comes.

    Holds at most `MAX_AHEAD` samples; what lies past that is refused.
    """

    def __init__(self, *, start: int, channels: int) -> None:
        self._channels = channels
        self._read = start
        self._end: int | None = None
        self._stretcher = Stretcher(channels)
        self._blocks: deque[_Block] = deque()
        self._tail = np.zeros((channels, _ECHO), np.float32)
        self._echo: Pcm | None = np.zeros((channels, 0), np.float32)

    @property
    def position(self) -> int:
        """The next sample to be read."""
        return self._read

    @property
    def end(self) -> int:
        """Where the sound ends that has come since the source began; nothing has: what was read."""
        return self._read if self._end is None else self._end

    def restart(self) -> None:
        """The next block comes from another source: place it where it says, without slewing."""
        if self._end is not None:
            self._append(self._end, self._stretcher.rest(), seam=False)
            self._end = None

    def place(self, start: int, pcm: Pcm) -> bool:
        """Put a block that begins at `start` onto the line; False when it lies too far ahead.

        Of what was already read or placed nothing is changed: such samples of it are cut. Its last
        `LOOKAHEAD` samples come with the next block.
        """
        if start + pcm.shape[1] > self._read + MAX_AHEAD:
            return False
        seam = self._end is None or abs(start - self._due) > SLEW_LIMIT
        if self._end is None or seam:
            self.restart()
            self._stretcher, self._end = Stretcher(self._channels), start
        made = self._stretcher.push(pcm, _slew(start - self._due))
        self._append(self._end, made, seam=seam)
        self._end += made.shape[1]
        return True

    @property
    def _due(self) -> float:
        """Where the next block joins the last one."""
        assert self._end is not None  # noqa: S101 - a block has been placed
        return self._end + self._stretcher.held

    def _append(self, start: int, pcm: Pcm, *, seam: bool) -> None:
        free_from = self._read
        if self._blocks:
            last = self._blocks[-1]
            free_from = max(free_from, last.start + last.pcm.shape[1])
        cut = max(0, free_from - start)
        if cut < pcm.shape[1]:
            # A copy, so that a sliver does not keep its whole block in memory.
            kept = pcm[:, cut:].copy() if cut else pcm
            self._blocks.append(_Block(start + cut, kept, seam or cut > 0))

    def read(self, count: int) -> Pcm:
        """The next `count` samples, silence and all."""
        out = np.empty((self._channels, count), np.float32)
        done = 0
        while done < count:
            room = count - done
            gap = self._blocks[0].start - self._read if self._blocks else room
            piece = self._gap(min(gap, room)) if gap > 0 else self._sound(room)
            out[:, done : done + piece.shape[1]] = piece
            done += piece.shape[1]
            self._read += piece.shape[1]
            self._tail = np.concatenate((self._tail, piece), axis=1)[:, -_ECHO:]
        return out

    def _gap(self, count: int) -> Pcm:
        """`count` samples of a gap: first the echo, which begins on the last sample's value."""
        if self._echo is None:
            self._echo = self._new_echo()
        piece = np.zeros((self._channels, count), np.float32)
        echo, self._echo = self._echo[:, :count], self._echo[:, count:]
        piece[:, : echo.shape[1]] = echo
        return piece

    def _new_echo(self) -> Pcm:
        echo: Pcm = self._tail[:, ::-1] * np.linspace(1, 0, _ECHO, dtype=np.float32)
        return echo

    def _sound(self, room: int) -> Pcm:
        """At most `room` samples of the first block, faded in over the echo after a gap or seam."""
        block = self._blocks.popleft()
        piece, rest = block.pcm[:, :room], block.pcm[:, room:]
        if rest.shape[1]:
            self._blocks.appendleft(_Block(block.start + room, rest, seam=False))
        if block.seam and self._echo is None:
            self._echo = self._new_echo()
        if self._echo is not None:
            piece = piece.copy()
            fade = min(_FADE_IN, piece.shape[1])
            ramp = np.linspace(0, 1, fade, dtype=np.float32)
            piece[:, :fade] *= ramp
            echo = self._echo[:, :fade]
            piece[:, : echo.shape[1]] += echo * (1 - ramp[: echo.shape[1]])
            self._echo = None
        return piece


def _slew(offset: float) -> float:
    """How much longer a block is made that lies `offset` samples after its predecessor's end."""
    if abs(offset) <= _SLEW_DEAD:
        return 0.0
    return max(-_SLEW_MOST, min(_SLEW_MOST, offset / (_SLEW_S * AUDIO_RATE_HZ)))
