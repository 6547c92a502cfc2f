"""Answers, read back with aiortc's parser and held to RFC 9725."""

from collections.abc import Callable

from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceParameters
from aiortc.sdp import SessionDescription

from mediaserver.ingest.answer import write_answer
from mediaserver.ingest.offer import read_offer

CANDIDATE = RTCIceCandidate(
    component=1, foundation="1", ip="192.0.2.7", port=8189, priority=1, protocol="udp", type="host"
)


def answer_to(offer: str) -> str:
    return write_answer(
        read_offer(offer),
        ice=RTCIceParameters(usernameFragment="ufrag", password="p" * 24),
        candidates=[CANDIDATE],
        fingerprints=RTCCertificate.generateCertificate().getFingerprints(),
        max_bitrate_bps=4_000_000,
    )


def test_the_answer_receives_everything_offered_over_one_transport(
    make_sdp: Callable[..., str], audio_lines: tuple[str, ...], video_lines: tuple[str, ...]
) -> None:
    text = answer_to(make_sdp(audio_lines, video_lines))
    session = SessionDescription.parse(text)
    assert [media.kind for media in session.media] == ["audio", "video"]
    assert [str(group) for group in session.group] == ["BUNDLE 0 1"]
    for media, mid in zip(session.media, "01", strict=True):
        assert media.direction == "recvonly"
        assert media.port != 0
        assert media.rtcp_mux
        assert media.rtp.muxId == mid
        assert media.ice is not None
        assert media.ice.usernameFragment == "ufrag"
        assert [(c.ip, c.port) for c in media.ice_candidates] == [("192.0.2.7", 8189)]
        assert media.ice_candidates_complete
        assert media.dtls is not None
        assert media.dtls.role == "server"
        assert [f.algorithm for f in media.dtls.fingerprints] == ["sha-256"]
    assert text.count("a=setup:passive") == 2


def test_the_video_line_says_codec_feedback_and_rate(
    make_sdp: Callable[..., str], audio_lines: tuple[str, ...], video_lines: tuple[str, ...]
) -> None:
    video = SessionDescription.parse(answer_to(make_sdp(audio_lines, video_lines))).media[1]
    assert video.fmt == [102, 103]
    h264, rtx = video.rtp.codecs
    assert (h264.name, rtx.name, rtx.parameters) == ("H264", "rtx", {"apt": 102})
    assert h264.parameters == {
        "level-asymmetry-allowed": "1",
        "packetization-mode": "1",
        "profile-level-id": "640c1f",
        "x-google-start-bitrate": "4000",
        "x-google-max-bitrate": "4000",
    }
    assert [(f.type, f.parameter) for f in h264.rtcpFeedback] == [("nack", None), ("nack", "pli")]
    assert [e.id for e in video.rtp.headerExtensions] == [4]


def test_a_passive_offer_is_answered_active(
    make_sdp: Callable[..., str], video_lines: tuple[str, ...]
) -> None:
    lines = tuple(line.replace("actpass", "passive") for line in video_lines)
    assert "a=setup:active" in answer_to(make_sdp(lines, group="BUNDLE 1"))
