"""Shared material of the ingest tests: offers, and media cut into RTP packets."""

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc.codecs.h264 import H264Encoder

from mediaserver.ingest.offer import OfferedMedia, read_offer
from mediaserver.ingest.rtp import RtpPacket

FINGERPRINT = ":".join(["AB"] * 32)

VIDEO_LINES = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103",
    "c=IN IP4 0.0.0.0",
    "a=sendonly",
    "a=mid:1",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789abcdefghijkl",
    f"a=fingerprint:sha-256 {FINGERPRINT}",
    "a=setup:actpass",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 nack",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f",
    "a=rtcp-fb:102 nack",
    "a=rtcp-fb:102 nack pli",
    "a=rtcp-fb:102 transport-cc",
    "a=rtpmap:103 rtx/90000",
    "a=fmtp:103 apt=102",
    "a=ssrc:1111 cname:x",
)
AUDIO_LINES = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0",
    "c=IN IP4 0.0.0.0",
    "a=sendonly",
    "a=mid:0",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789abcdefghijkl",
    f"a=fingerprint:sha-256 {FINGERPRINT}",
    "a=setup:actpass",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:0 PCMU/8000",
)


def sdp(*media: tuple[str, ...], group: str = "BUNDLE 0 1") -> str:
    """An offer of these m-lines."""
    head = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if group:
        head.append(f"a=group:{group}")
    return "\r\n".join([*head, *(line for lines in media for line in lines)]) + "\r\n"


@pytest.fixture
def make_sdp() -> Callable[..., str]:
    return sdp


@pytest.fixture
def audio_lines() -> tuple[str, ...]:
    return AUDIO_LINES


@pytest.fixture
def video_lines() -> tuple[str, ...]:
    return VIDEO_LINES


@pytest.fixture
def offered() -> dict[str, OfferedMedia]:
    """An H.264 video track and an Opus audio track, as offered."""
    return {item.kind: item for item in read_offer(sdp(AUDIO_LINES, VIDEO_LINES)).media}


@pytest.fixture(scope="session")
def h264_frames() -> list[list[bytes]]:
    """60 encoded pictures with an IDR every 20, each as its RTP payloads (aiortc's packetiser)."""
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = 320, 180, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, 30), Fraction(30)
    codec.bit_rate, codec.gop_size, codec.thread_count = 1_500_000, 20, 1
    codec.options = {"tune": "zerolatency", "preset": "ultrafast"}
    noise = np.random.default_rng(7)
    frames = []
    for number in range(60):
        picture = noise.integers(0, 255, (180, 320, 3), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        for packet in codec.encode(frame):
            nals = H264Encoder._split_bitstream(bytes(packet))
            frames.append(H264Encoder._packetize(nals))
    return frames


@pytest.fixture(scope="session")
def h264_packets(h264_frames: list[list[bytes]]) -> list[RtpPacket]:
    """The same pictures as RTP packets at 30 frames a second; numbers wrap in the middle."""
    packets = []
    sequence = 65_500
    for number, payloads in enumerate(h264_frames):
        for place, payload in enumerate(payloads):
            packets.append(
                RtpPacket(
                    payload_type=102,
                    marker=int(place == len(payloads) - 1),
                    sequence_number=sequence & 0xFFFF,
                    timestamp=(0xFFFFF000 + number * 3000) & 0xFFFFFFFF,
                    ssrc=1111,
                    payload=payload,
                )
            )
            sequence += 1
    return packets
