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
    assert [(f.type, f.parameter) for f in h264.rtcpFeedback] == [
        ("nack", None),
        ("nack", "pli"),
    ]
    assert [e.id for e in video.rtp.headerExtensions] == [4]


def test_a_passive_offer_is_answered_active(
    make_sdp: Callable[..., str], video_lines: tuple[str, ...]
) -> None:
    lines = tuple(line.replace("actpass", "passive") for line in video_lines)
    assert "a=setup:active" in answer_to(make_sdp(lines, group="BUNDLE 1"))


TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def feedback_of(text: str) -> list[list[tuple[str, str | None]]]:
    media = SessionDescription.parse(text).media
    return [[(f.type, f.parameter) for f in m.rtp.codecs[0].rtcpFeedback] for m in media]


def test_transport_wide_feedback_is_agreed_on_with_its_extension(
    make_sdp: Callable[..., str], audio_lines: tuple[str, ...], video_lines: tuple[str, ...]
) -> None:
    both = (f"a=extmap:5 {TRANSPORT_CC}", "a=rtcp-fb:* transport-cc", "a=rtcp-fb:* goog-remb")
    text = answer_to(make_sdp((*audio_lines, *both), (*video_lines, *both)))
    audio, video = SessionDescription.parse(text).media
    assert (5, TRANSPORT_CC) in [(e.id, e.uri) for e in audio.rtp.headerExtensions]
    assert (5, TRANSPORT_CC) in [(e.id, e.uri) for e in video.rtp.headerExtensions]
    assert ("transport-cc", None) in feedback_of(text)[1]
    assert "goog-remb" not in text


def test_remb_is_agreed_on_where_nothing_better_is_offered(
    make_sdp: Callable[..., str], video_lines: tuple[str, ...]
) -> None:
    lines = (*video_lines, "a=rtcp-fb:102 goog-remb")  # transport-cc, but without its extension
    text = answer_to(make_sdp(lines, group="BUNDLE 1"))
    assert ("goog-remb", None) in feedback_of(text)[0]
    assert "transport-cc" not in text


def test_a_simulcast_is_accepted_with_what_names_its_layers(
    make_sdp: Callable[..., str], video_lines: tuple[str, ...]
) -> None:
    simulcast = (
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        "a=rid:q send",
        "a=rid:h send",
        "a=rid:f send",
        "a=simulcast:send q;h;f",
    )
    text = answer_to(make_sdp((*video_lines, *simulcast), group="BUNDLE 1"))
    for line in ("a=rid:q recv", "a=rid:h recv", "a=rid:f recv", "a=simulcast:recv q;h;f"):
        assert text.splitlines().count(line) == 1
    (video,) = SessionDescription.parse(text).media
    assert {10, 11} <= {e.id for e in video.rtp.headerExtensions}


def test_without_a_simulcast_no_layer_is_named(
    make_sdp: Callable[..., str], video_lines: tuple[str, ...]
) -> None:
    lines = (*video_lines, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id")
    text = answer_to(make_sdp(lines, group="BUNDLE 1"))
    assert "rid" not in text
    assert "rtp-stream-id" not in text


def test_rtcp_of_reduced_size_is_answered_where_offered(
    make_sdp: Callable[..., str], audio_lines: tuple[str, ...], video_lines: tuple[str, ...]
) -> None:
    assert answer_to(make_sdp(audio_lines, video_lines)).count("a=rtcp-rsize\r\n") == 2
    without = tuple(line for line in video_lines if line != "a=rtcp-rsize")
    assert "rtcp-rsize" not in answer_to(make_sdp(without, group="BUNDLE 1"))
    (media,) = read_offer(make_sdp(without, group="BUNDLE 1")).media
    assert not media.reduced_rtcp


def test_redundant_audio_is_declined(
    make_sdp: Callable[..., str], audio_lines: tuple[str, ...], video_lines: tuple[str, ...]
) -> None:
    red = ("m=audio 9 UDP/TLS/RTP/SAVPF 63 111", *audio_lines[1:], "a=rtpmap:63 red/48000/2")
    audio = SessionDescription.parse(answer_to(make_sdp((*red, "a=fmtp:63 111/111"), video_lines)))
    assert audio.media[0].fmt == [111]
    assert [codec.name for codec in audio.media[0].rtp.codecs] == ["opus"]
