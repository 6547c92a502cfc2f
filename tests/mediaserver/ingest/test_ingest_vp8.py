"""VP8 payloads: aiortc's packetiser is the oracle, any bytes are survived."""

import pytest
from aiortc.codecs.vpx import Vp8Encoder, VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.vp8 import Vp8Depacketiser, descriptor_bytes

KEYFRAME = b"\x10\x02\x00\x9d\x01\x2a" + bytes(3000)
DELTA = b"\x11\x02\x00" + bytes(3000)


@pytest.mark.parametrize(("frame", "keyframe"), [(KEYFRAME, True), (DELTA, False)])
@pytest.mark.parametrize("picture_id", [0, 127, 128, 32_767])
def test_what_the_packetiser_cut_is_put_together(
    frame: bytes, keyframe: bool, picture_id: int
) -> None:
    payloads = Vp8Encoder._packetize(frame, picture_id)
    assert len(payloads) > 1
    depacketiser = Vp8Depacketiser()
    coded = depacketiser.frame(payloads)
    assert coded is not None
    assert (coded.data, coded.keyframe) == (frame, keyframe)
    assert [depacketiser.starts_frame(p) for p in payloads] == [True] + [False] * (
        len(payloads) - 1
    )


@given(
    st.builds(
        VpxPayloadDescriptor,
        partition_start=st.integers(0, 1),
        partition_id=st.integers(0, 7),
        picture_id=st.none() | st.integers(0, 0x7FFF),
        tl0picidx=st.none() | st.integers(0, 255),
        tid=st.none() | st.tuples(st.integers(0, 3), st.integers(0, 1)),
        keyidx=st.none() | st.integers(0, 31),
    )
)
def test_every_descriptor_is_measured(descriptor: VpxPayloadDescriptor) -> None:
    head = bytes(descriptor)
    assert descriptor_bytes(head + b"data") == len(head)


def test_a_short_picture_id_is_one_byte() -> None:
    assert descriptor_bytes(b"\x90\x80\x11data") == 3


@pytest.mark.parametrize(
    "payloads", [[], [b""], [b"\x00abc"], [b"\x10"], [b"\x90"], [b"\x10\x00\x00\x00123456"]]
)
def test_illegal_payloads_are_refused(payloads: list[bytes]) -> None:
    with pytest.raises(ValueError, match="VP8"):
        Vp8Depacketiser().frame(payloads)


@given(st.lists(st.binary(max_size=32), max_size=6))
def test_any_bytes_are_a_frame_or_a_value_error(payloads: list[bytes]) -> None:
    depacketiser = Vp8Depacketiser()
    for payload in payloads:
        depacketiser.starts_frame(payload)
    try:
        coded = depacketiser.frame(payloads)
    except ValueError:
        return
    assert coded is not None
    assert coded.data


@pytest.mark.parametrize("size", [(640, 360), (16_383, 1)])
def test_a_keyframe_says_its_size_without_the_scaling_hint(size: tuple[int, int]) -> None:
    width, height = size
    sides = (width | 0x4000).to_bytes(2, "little") + (height | 0x8000).to_bytes(2, "little")
    short = Vp8Depacketiser().frame([b"\x10" + KEYFRAME[:6] + sides[:3]])
    assert short is not None
    assert short.size is None
    coded = Vp8Depacketiser().frame([b"\x10" + KEYFRAME[:6] + sides + bytes(9)])
    assert coded is not None
    assert coded.size == size


@pytest.mark.parametrize(
    ("payload", "begins"),
    [
        (b"\x10" + KEYFRAME, True),
        (b"\x90\x80\x11" + KEYFRAME, True),
        (b"\x10" + DELTA, False),
        (b"\x10", False),
        (b"\x90", False),
        (b"", False),
    ],
)
def test_how_a_keyframe_begins(payload: bytes, begins: bool) -> None:
    assert Vp8Depacketiser().begins_keyframe(payload) is begins
