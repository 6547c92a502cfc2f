"""Movie fragments (ISO/IEC 14496-12 §8.8): a part is one `moof` and the `mdat` it points into."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from transcoder.cmaf.boxes import box, full_box

SYNC_FLAGS = 0x0200_0000
"""Sample flags (§8.8.3.1): depends on no other sample, is a sync sample."""
NON_SYNC_FLAGS = 0x0101_0000
"""Sample flags: depends on others, is not a sync sample."""

_TFHD_FLAGS = 0x02_0000 | 0x08 | 0x20
"""default-base-is-moof; default sample duration and flags are given."""
_TRUN_FLAGS = 0x01 | 0x200
"""The data offset and each sample's size are given."""
_TRUN_FIRST_FLAGS = 0x04
_TRUN_DURATIONS, _TRUN_EACH_FLAGS = 0x100, 0x400
_MDAT_HEAD_BYTES = 8

FRAGMENT_BYTES = 8 + 16 + _MDAT_HEAD_BYTES
"""What a fragment takes besides its runs: the heads of `moof` and `mdat`, and `mfhd`."""
RUN_BYTES = 8 + 24 + 20 + 24
"""What a run takes besides its samples: the head of `traf`, `tfhd`, `tfdt` and `trun`."""
SAMPLE_BYTES = 4
"""What a sample takes besides its data."""
MOST_SAMPLE_BYTES = 12
"""The same where samples differ in length and more than the first may be a sync sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRun:
    """Consecutive samples of one track."""

    track: int
    decode_time: int
    """Of the first sample, in the track's timescale."""
    sample_duration: int
    default_flags: int
    first_flags: int
    """Flags of the first sample; the others have `default_flags`."""
    samples: Sequence[bytes]
    durations: Sequence[int] | None = None
    """Of each sample, in place of `sample_duration`."""
    flags: Sequence[int] | None = None
    """Of each sample, in place of `default_flags` and `first_flags`."""

    @property
    def data_bytes(self) -> int:
        """The run's share of the `mdat`."""
        return sum(map(len, self.samples))

    @property
    def box_bytes(self) -> int:
        """The run's `traf`."""
        each = SAMPLE_BYTES + 4 * (self.durations is not None) + 4 * (self.flags is not None)
        # §8.8.8.1: the first sample's flags and each sample's are not given together.
        return RUN_BYTES - 4 * (self.flags is not None) + each * len(self.samples)


def fragment(sequence: int, runs: Sequence[TrackRun]) -> bytes:
    """One `moof` and one `mdat`, the runs' samples one run after the other."""
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFF_FFFF))
    trafs_bytes = sum(run.box_bytes for run in runs)
    data_offset = 8 + len(mfhd) + trafs_bytes + _MDAT_HEAD_BYTES
    trafs = []
    for run in runs:
        trafs.append(_traf(run, data_offset))
        data_offset += run.data_bytes
    samples = [sample for run in runs for sample in run.samples]
    mdat_bytes = _MDAT_HEAD_BYTES + sum(map(len, samples))
    mdat_head = struct.pack(">I4s", mdat_bytes, b"mdat")
    # The samples are most of the bytes and are copied this once.
    return b"".join((box(b"moof", mfhd, *trafs), mdat_head, *samples))


def _traf(run: TrackRun, data_offset: int) -> bytes:
    """`data_offset` counts from the first byte of the `moof` (§8.8.7.1)."""
    header = struct.pack(">III", run.track, run.sample_duration, run.default_flags)
    return box(
        b"traf",
        full_box(b"tfhd", 0, _TFHD_FLAGS, header),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", run.decode_time)),
        _trun(run, data_offset),
    )


def _trun(run: TrackRun, data_offset: int) -> bytes:
    """TrackRunBox (§8.8.8), with no field of a sample that its defaults say."""
    fields: list[Sequence[int]] = [list(map(len, run.samples))]
    flags, first = _TRUN_FLAGS, struct.pack(">I", run.first_flags)
    if run.durations is not None:
        flags |= _TRUN_DURATIONS
        fields.insert(0, run.durations)
    if run.flags is not None:
        flags, first = flags | _TRUN_EACH_FLAGS, b""
        fields.append(run.flags)
    else:
        flags |= _TRUN_FIRST_FLAGS
    each = [value for sample in zip(*fields, strict=True) for value in sample]
    head = struct.pack(">Ii", len(run.samples), data_offset)
    return full_box(b"trun", 0, flags, head, first, struct.pack(f">{len(each)}I", *each))
