"""Opus packets: their duration is read from the TOC byte; any bytes are survived."""

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.opus import packet_samples


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (bytes([0 << 3]), 480),
        (bytes([3 << 3]), 2880),
        (bytes([12 << 3]), 480),
        (bytes([15 << 3 | 1]), 1920),
        (bytes([16 << 3]), 120),
        (bytes([31 << 3]), 960),
        (bytes([31 << 3 | 3, 6]), 5760),
        (bytes([1 << 3 | 3, 0x80 | 0x40 | 6, 4]), 5760),  # 120 ms of 20 ms frames, padded
        (b"\x78", 960),  # DTX: nothing but the TOC byte
        (b"\x0b\x41\x00", 960),
    ],
)
def test_durations_of_rfc_6716_table_2(packet: bytes, samples: int) -> None:
    assert packet_samples(packet) == samples


@pytest.mark.parametrize(
    "packet", [b"", bytes([0x03]), bytes([0x03, 0x00]), bytes([31 << 3 | 3, 7])]
)
def test_illegal_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(ValueError, match="Opus packet"):
        packet_samples(packet)


@given(st.binary(max_size=40))
def test_any_bytes_have_a_legal_duration_or_none(packet: bytes) -> None:
    try:
        samples = packet_samples(packet)
    except ValueError:
        return
    assert 0 < samples <= 5760


@pytest.mark.parametrize("frame_duration", ["10", "20", "60"])
def test_the_duration_agrees_with_the_encoder(frame_duration: str) -> None:
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, av.AudioCodecContext)
    codec.sample_rate, codec.layout, codec.format = 48_000, "stereo", "s16"
    codec.options = {"frame_duration": frame_duration}
    codec.open()
    samples = 48 * int(frame_duration)
    frame = av.AudioFrame(format="s16", layout="stereo", samples=samples)
    frame.sample_rate = 48_000
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    packets = codec.encode(frame) + codec.encode(None)
    assert packet_samples(bytes(packets[0])) == samples
