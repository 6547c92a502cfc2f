"""Access units of sources, real and mutated, as passthrough reads them."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.avc import nal_types, split_annexb
from transcoder.errors import MediaError
from transcoder.passthrough.units import MAX_NALS, MAX_SETS, read_unit

Encode = Callable[..., list[bytes]]
IDR = b"\x00\x00\x01\x65\x88\x84\x21\xff"
P = b"\x00\x00\x01\x41\x9a\x21\xff"


def nals_of(sample: bytes) -> list[bytes]:
    nals = []
    while sample:
        (length,) = struct.unpack_from(">I", sample)
        nals.append(sample[4 : 4 + length])
        sample = sample[4 + length :]
    return nals


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
@pytest.mark.parametrize("params", ["", "slices=4:sliced-threads=0", "aud=1", "cabac=1"])
def test_the_sample_is_the_sources_own_slices(h264: Encode, profile: str, params: str) -> None:
    packets = h264(6, params if profile != "baseline" else params.replace("cabac=1", ""))
    for index, data in enumerate(packets):
        unit = read_unit(data)
        kept = [nal for nal in split_annexb(data) if nal[0] & 0x1F in (1, 5, 6)]
        assert nals_of(unit.sample) == kept
        assert unit.keyframe == (index == 0)
        assert not unit.bidirectional
        assert bool(unit.sps) == bool(unit.pps) == (index == 0)
        assert set(nal_types(unit.sample)) <= {1, 5, 6}


def test_several_slices_are_one_picture(h264: Encode) -> None:
    unit = read_unit(h264(1, "slices=4:sliced-threads=0")[0])
    assert [nal[0] & 0x1F for nal in nals_of(unit.sample)].count(5) == 4


def test_b_frames_are_seen(h264: Encode) -> None:
    units = [read_unit(data) for data in h264(12, bframes=2)]
    assert [unit.bidirectional for unit in units].count(True) >= 4
    assert not units[0].bidirectional


def test_closed_captions_stay(h264: Encode) -> None:
    captions = b"\x00\x00\x01\x06\x04\x05\xb5\x00\x31\x47\x41\x80"
    data = h264(1)[0]
    at = data.index(b"\x00\x00\x01\x65")
    unit = read_unit(data[:at] + captions + data[at:])
    assert captions[3:] in nals_of(unit.sample)


def orientation(bits: str) -> bytes:
    bits += "1" + "0" * (-len(bits + "1") % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
    sei = bytes((47, len(payload))) + payload + b"\x80"
    return b"\x00\x00\x01\x06" + sei.replace(b"\x00\x00\x00", b"\x00\x00\x03\x00")


@pytest.mark.parametrize(
    ("bits", "turned"),
    [
        ("1", False),
        ("0" + "00" + f"{0:016b}" + "1" + "0", False),
        ("0" + "00" + f"{0x4000:016b}" + "1" + "0", True),
        ("0" + "10" + f"{0:016b}" + "1" + "0", True),
    ],
)
def test_display_orientation(bits: str, turned: bool) -> None:
    assert read_unit(orientation(bits) + IDR).turned is turned
    assert read_unit(IDR).turned is None


def test_no_more_than_some_kilobytes_of_messages_are_read() -> None:
    """A stranger could fill a picture with messages of no length."""
    empty = b"\x00\x00\x01\x06" + b"\x04\x00" * 2000
    turned = orientation("0" + "00" + f"{0x4000:016b}" + "1" + "0")
    assert read_unit(empty + turned + IDR).turned
    assert read_unit(empty * 9 + turned + IDR).turned is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no slice"),
        (b"\x00\x00\x01\x09\x10", "no slice"),
        (IDR + P, "mixes"),
        (IDR + IDR, "not one whole picture"),
        (b"\x00\x00\x01\x65\x42\x30\x84\x21", "not one whole picture"),
        (b"\x00\x00\x01\x62\x88" + IDR, "partitions"),
        (b"\x00\x00\x01\x65", "too early"),
        (b"\x00\x00\x01\x0c\xff" * (MAX_NALS + 1) + IDR, "more than"),
        (b"\x00\x00\x01\x67\x42" * (MAX_SETS + 1) + IDR, "more than"),
    ],
)
def test_what_is_no_whole_picture(data: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        read_unit(data)


@given(data=st.binary(max_size=200), prefix=st.sampled_from([b"", b"\x00\x00\x01", IDR, P]))
def test_any_bytes_are_read_or_refused(data: bytes, prefix: bytes) -> None:
    try:
        unit = read_unit(prefix + data)
    except MediaError:
        return
    assert set(nal_types(unit.sample)) <= {1, 5, 6}


@given(st.data())
def test_mutated_pictures_are_read_or_refused(
    canned: tuple[bytes, bytes], data: st.DataObject
) -> None:
    packet = bytearray(data.draw(st.sampled_from(canned)))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(packet), 80) - 1))
        packet[at] = data.draw(st.integers(0, 255))
    try:
        read_unit(bytes(packet))
    except MediaError:
        return
