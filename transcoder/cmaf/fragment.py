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
_TRUN_FLAGS = 0x01 | 0x04 | 0x200
"""The data offset, the first sample's flags and each sample's size are given."""
_MDAT_HEAD_BYTES = 8

FRAGMENT_BYTES = 8 + 16 + _MDAT_HEAD_BYTES
"""What a fragment takes besides its runs: the heads of `moof` and `mdat`, and `mfhd`."""
RUN_BYTES = 8 + 24 + 20 + 24
"""What a run takes besides its samples: the head of `traf`, `tfhd`, `tfdt` and `trun`."""
SAMPLE_BYTES = 4
"""What a sample takes besides its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRun:
    """Consecutive samples of one track, all of the same duration."""

    track: int
    decode_time: int
    """Of the first sample, in the track's timescale."""
    sample_duration: int
    default_flags: int
    first_flags: int
    """Flags of the first sample; the others have `default_flags`."""
    samples: Sequence[bytes]

    @property
    def data_bytes(self) -> int:
        """The run's share of the `mdat`."""
        return sum(map(len, self.samples))


def fragment(sequence: int, runs: Sequence[TrackRun]) -> bytes:
    """One `moof` and one `mdat`, the runs' samples one run after the other."""
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFF_FFFF))
    trafs_bytes = sum(RUN_BYTES + SAMPLE_BYTES * len(run.samples) for run in runs)
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
    count = len(run.samples)
    sizes = map(len, run.samples)
    return box(
        b"traf",
        full_box(b"tfhd", 0, _TFHD_FLAGS, header),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", run.decode_time)),
        full_box(
            b"trun",
            0,
            _TRUN_FLAGS,
            struct.pack(f">IiI{count}I", count, data_offset, run.first_flags, *sizes),
        ),
    )
