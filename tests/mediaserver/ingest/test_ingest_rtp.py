"""RTP packets: aiortc's writer is the oracle; any bytes are a packet or a `ValueError`."""

import struct

import pytest
from aiortc import rtp as oracle
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.rtp import (
    MID_URI,
    REPAIRED_RID_URI,
    RID_URI,
    TRANSPORT_CC_URI,
    ExtensionIds,
    RtpReader,
    extension_elements,
)

IDS = ExtensionIds(transport_cc=4, rid=10, repaired_rid=11)
READER = RtpReader(IDS)

header_extensions = st.builds(
    oracle.HeaderExtensions,
    mid=st.none() | st.text("01ab", min_size=1, max_size=4),
    rtp_stream_id=st.none() | st.text("qhf", min_size=1, max_size=20),
    repaired_rtp_stream_id=st.none() | st.text("qhf", min_size=1, max_size=4),
    transport_sequence_number=st.none() | st.integers(0, 0xFFFF),
)


def extensions_map() -> oracle.HeaderExtensionsMap:
    made = oracle.HeaderExtensionsMap()
    uris = {9: MID_URI, 4: TRANSPORT_CC_URI, 10: RID_URI, 11: REPAIRED_RID_URI}
    made.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=number, uri=uri) for number, uri in uris.items()
            ]
        )
    )
    return made


def packet(profile: int, extension: bytes, payload: bytes = b"data") -> bytes:
    head = struct.pack("!BBHLL", 0x90, 0x80 | 96, 7, 8, 9)
    return head + struct.pack("!HH", profile, len(extension) // 4) + extension + payload


@given(
    header_extensions,
    st.tuples(st.integers(0, 127), st.integers(0, 1), st.integers(0, 0xFFFF)),
    st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF)),
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=15),
    st.binary(max_size=60),
    st.integers(0, 255),
)
def test_what_aiortc_writes_is_read(
    extensions: oracle.HeaderExtensions,
    head: tuple[int, int, int],
    stamps: tuple[int, int],
    csrc: list[int],
    payload: bytes,
    padding: int,
) -> None:
    sent = oracle.RtpPacket(*head, *stamps, payload)
    sent.extensions, sent.csrc, sent.padding_size = extensions, csrc, padding
    read = READER.read(sent.serialize(extensions_map()))
    assert (read.payload_type, read.marker, read.sequence_number) == head
    assert (read.timestamp, read.ssrc) == stamps
    assert read.payload == payload
    assert read.transport_sequence == extensions.transport_sequence_number
    assert (read.rid, read.repaired_rid) == (
        extensions.rtp_stream_id,
        extensions.repaired_rtp_stream_id,
    )


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda b: b"\x90" + b))
def test_any_bytes_are_a_packet_or_refused(data: bytes) -> None:
    try:
        read = READER.read(data)
    except ValueError:
        return
    assert data.find(read.payload) >= 0


@given(st.sampled_from([0xBEDE, 0x1000, 0x100F, 0x1234]), st.binary(max_size=80))
def test_any_extension_has_elements_that_lie_within_it(profile: int, data: bytes) -> None:
    for number, value in extension_elements(profile, data):
        assert number > 0
        assert value in data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        b"\x40" + bytes(20),  # version 1
        b"\x8f" + bytes(20),  # fifteen CSRCs, room for two
        b"\x90" + bytes(11),  # no extension header
        b"\x90" + bytes(11) + b"\xbe\xde\x00\x09" + bytes(4),
        b"\xa0" + bytes(20),  # padding of length 0
        b"\xa0" + bytes(12) + b"\x09",  # more padding than packet
    ],
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="an RTP packet"):
        READER.read(data)


def test_both_forms_of_extensions_are_read_and_id_15_ends_the_one_byte_form() -> None:
    one = READER.read(packet(0xBEDE, b"\x90\x30\x41\x12\x34\x00\x00\x00"))
    two = READER.read(packet(0x1000, b"\x09\x01\x30\x04\x02\x12\x34\x00"))
    stopped = READER.read(packet(0xBEDE, b"\xf0\x30\x41\x12\x34\x00\x00\x00"))
    assert (one.transport_sequence, two.transport_sequence) == (0x1234, 0x1234)
    assert stopped.transport_sequence is None


@pytest.mark.parametrize(
    "extension", [b"\x42\x12\x34\x56", b"\x00\x00\x00\x41", b"\x40\x12\x00\x00"]
)
def test_a_malformed_extension_costs_only_itself(extension: bytes) -> None:
    read = READER.read(packet(0xBEDE, extension))
    assert (read.transport_sequence, read.payload) == (None, b"data")


def test_extensions_that_were_not_agreed_on_are_not_read() -> None:
    read = RtpReader(ExtensionIds()).read(packet(0xBEDE, b"\x41\x12\x34\x00"))
    assert read.transport_sequence is None
