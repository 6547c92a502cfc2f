"""The made-up show: its parts, playlists, frames and cues, one step at a time. Pure.

Three renditions of the same bytes, of which viewers watch one; segments of 2 s, an independent part
each second, a window of 60 s.
"""

import struct
from collections import deque
from dataclasses import dataclass

from bench.fanout import parts
from mediaserver.bus.messages import ShowSnapshot, ShowStatus
from mediaserver.gateway import event_frames
from overlay.show import events
from overlay.show.fold import ShowState
from overlay.values import Cue, ShowEvent
from transcoder.values import TICKS_PER_SECOND, Anchor, InitSection, Part

SHOW, EPOCH, LOG, WATCHED = "demo", "e1", "log1", "480p"
LADDER = ("720p", WATCHED, "360p")
FOLDER = f"/live/{SHOW}/{EPOCH}/{WATCHED}/"
PLAYLIST = f"{FOLDER}media.m3u8"
EVENTS = f"/live/{SHOW}/events"
SEGMENT_TICKS = 2 * TICKS_PER_SECOND
WINDOW_S = 60
_LISTED_PARTS_S = 6
_STEP = struct.Struct("<QQIIII")
STAMP = "stamp-"
"""Before the time at which a cue was made, in its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """What goes on air, and when."""

    part_ticks: int = TICKS_PER_SECOND // 2
    part_bytes: int = 60_000
    cue_every: int = 0
    """A cue with every so many parts; 0 for none."""
    cue_after_part: bool = True
    """A cue is due right after its part, which is the worst moment, else half a part later."""

    @property
    def part_s(self) -> float:
        """The length of a part."""
        return self.part_ticks / TICKS_PER_SECOND

    @property
    def parts_per_segment(self) -> int:
        """How many parts a segment has."""
        return SEGMENT_TICKS // self.part_ticks


class Show:
    """The show as it goes on. `begin_ns` is the monotonic time of its first frame."""

    def __init__(self, air: Air, *, begin_ns: int, utc_us: int) -> None:
        self.air = air
        self._anchor = Anchor(utc_us=utc_us, monotonic_ns=begin_ns)
        self._number = 0
        self._bytes = air.part_bytes // 8 * 8
        self._filler = parts.filler(0, self._bytes)
        self.log = ShowState.empty(LOG)

    @property
    def due_ns(self) -> int:
        """When the next part is whole: the end of its last frame."""
        return self._anchor.monotonic_ns_at((self._number + 1) * self.air.part_ticks)

    def status(self) -> ShowStatus:
        """The show is live."""
        return ShowStatus(show=SHOW, title="Bench", state="live", epoch=EPOCH)

    def snapshot(self) -> ShowSnapshot:
        """The log folded so far."""
        state = self.log.to_plain()
        return ShowSnapshot(show=SHOW, epoch=LOG, offset=self.log.offset, state=state)

    def inits(self) -> list[InitSection]:
        """The init section of each rendition."""
        bps = round(self.air.part_bytes * 8 / self.air.part_s)
        return [
            InitSection(
                show=SHOW,
                epoch=EPOCH,
                rendition=rendition,
                generation=0,
                ladder=LADDER,
                anchor=self._anchor,
                codecs="avc1.4D401F,mp4a.40.2",
                width=854,
                height=480,
                frames_per_second=30,
                bandwidth_bps=bps,
                average_bandwidth_bps=bps,
                part_ticks=self.air.part_ticks,
                segment_ticks=SEGMENT_TICKS,
                data=bytes(800),
            )
            for rendition in LADDER
        ]

    def step(self, now_ns: int) -> list[Part]:
        """The next part of each rendition, made now."""
        number, air = self._number, self.air
        msn, index = divmod(number, air.parts_per_segment)
        data = parts.head(number, self._bytes, now_ns) + self._filler
        self._number += 1
        self._filler = parts.filler(self._number, self._bytes)
        return [
            Part(
                show=SHOW,
                epoch=EPOCH,
                rendition=rendition,
                generation=0,
                number=number,
                msn=msn,
                index=index,
                decode_time=number * air.part_ticks,
                duration=air.part_ticks,
                independent=number * air.part_ticks % TICKS_PER_SECOND == 0,
                last=index == air.parts_per_segment - 1,
                cues=(),
                data=data,
            )
            for rendition in LADDER
        ]

    def cue(self, now_ns: int) -> ShowEvent:
        """The next line of the log: a cue of about 300 bytes that says when it was made."""
        tick = max(0, self._anchor.tick(now_ns))
        value = Cue(
            id=f"{STAMP}{now_ns}-{self.log.offset}",
            revision=1,
            type="pin",
            media_epoch=EPOCH,
            pts=tick,
            duration=TICKS_PER_SECOND,
            product="jam-of-a-very-long-name-which-fills-the-message",
            ends=None,
        )
        event = ShowEvent(
            show=SHOW,
            epoch=LOG,
            offset=self.log.offset + 1,
            media_epoch=EPOCH,
            pts=tick,
            utc_us=self._anchor.utc_us_at(tick),
            type="cue",
            data=events.cue(value),
        )
        self.log = self.log.apply(event)
        return event


class Steps:
    """The same show as finished bytes, for peers: playlist, part, and the frame that pushes it."""

    def __init__(self, air: Air) -> None:
        self._air = air
        self._listed: deque[Part] = deque(maxlen=round(WINDOW_S / air.part_s))

    def step(self, part: Part) -> bytes:
        """What a peer is sent for one part of the watched rendition (`struct step` of server.c)."""
        self._listed.append(part)
        text = self.playlist().encode()
        pushed = push_frame(part)
        head = _STEP.pack(part.number, part.msn, part.index, len(text), len(part.data), len(pushed))
        return b"".join((head, text, part.data, pushed))

    def playlist(self) -> str:
        """A playlist of the whole window, as long as the gateway's own."""
        newest = self._listed[-1]
        first = next((part.msn for part in self._listed if part.index == 0), newest.msn)
        whole = [part for part in self._listed if part.msn >= first]
        lines = [*self._head(first), *(line for part in whole for line in self._part(part))]
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-{newest.number + 1}.m4s"')
        lines += [
            f'#EXT-X-RENDITION-REPORT:URI="../{name}/media.m3u8",LAST-MSN={newest.msn},'
            f"LAST-PART={newest.index}"
            for name in LADDER
            if name != WATCHED
        ]
        return "\n".join(lines) + "\n"

    def _head(self, first: int) -> list[str]:
        part_s = self._air.part_s
        return [
            "#EXTM3U",
            "#EXT-X-VERSION:6",
            "#EXT-X-TARGETDURATION:2",
            f"#EXT-X-PART-INF:PART-TARGET={part_s:.5f}",
            f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={3 * part_s:.5f}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
            '#EXT-X-MAP:URI="init-0.mp4"',
        ]

    def _part(self, part: Part) -> list[str]:
        air, lines = self._air, []
        if part.index == 0:
            second = part.msn * 2 % 60
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:{second:02}.000Z")
        if part.number > self._listed[-1].number - round(_LISTED_PARTS_S / air.part_s):
            independent = ",INDEPENDENT=YES" if part.independent else ""
            uri = f"part-{part.number}.m4s"
            lines.append(f'#EXT-X-PART:DURATION={air.part_s:.5f},URI="{uri}"{independent}')
        if part.last:
            lines += ["#EXTINF:2.00000,", f"seg-{part.msn}.m4s"]
        return lines


def push_frame(part: Part) -> bytes:
    """The part as a WebSocket frame: the message of media push."""
    message = {
        "type": "part",
        "epoch": part.epoch,
        "rendition": part.rendition,
        "generation": part.generation,
        "number": part.number,
        "msn": part.msn,
        "index": part.index,
        "decode_time": part.decode_time,
        "duration": part.duration,
        "independent": part.independent,
        "discontinuity": False,
        "data": part.data,
    }
    return event_frames.frame(message, "msgpack")
