"""Offers: what is chosen, what is refused and with which sentence; any text is survived."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.errors import PublishRefused
from mediaserver.ingest.fragment import MAX_OFFER_BYTES
from mediaserver.ingest.offer import read_offer

Sdp = Callable[..., str]
Lines = tuple[str, ...]


def without(lines: Lines, *fragments: str) -> Lines:
    return tuple(line for line in lines if not any(part in line for part in fragments))


def changed(lines: Lines, old: str, new: str) -> Lines:
    return tuple(line.replace(old, new) for line in lines)


def refusal(text: str) -> PublishRefused:
    with pytest.raises(PublishRefused) as caught:
        read_offer(text)
    assert str(caught.value).endswith(".")
    return caught.value


def test_h264_is_preferred_with_its_retransmission(
    make_sdp: Sdp, audio_lines: Lines, video_lines: Lines
) -> None:
    offer = read_offer(make_sdp(audio_lines, video_lines))
    audio, video = offer.media
    assert (audio.kind, audio.codec, audio.payload_type, audio.mid) == ("audio", "opus", 111, "0")
    assert (video.kind, video.codec, video.payload_type) == ("video", "h264", 102)
    assert (video.rtx_payload_type, video.mid_extension, video.ssrcs) == (103, 4, (1111,))
    assert offer.bundled
    assert not offer.dtls_client
    assert (offer.ice_ufrag, offer.ice_password) == ("abcd", "0123456789abcdefghijkl")


@pytest.mark.parametrize("level", ["42e01f", "4d0028", "640034", "f4001f", "000000"])
def test_any_h264_profile_is_taken(make_sdp: Sdp, video_lines: Lines, level: str) -> None:
    offer = read_offer(make_sdp(changed(video_lines, "640c1f", level), group="BUNDLE 1"))
    assert offer.media[0].codec == "h264"


def test_vp8_is_second(make_sdp: Sdp, video_lines: Lines) -> None:
    lines = changed(without(video_lines, "H264"), "96 97 102 103", "96 97")
    lines = without(lines, ":102", ":103", "apt=102")
    (video,) = read_offer(make_sdp(lines, group="BUNDLE 1")).media
    assert (video.codec, video.payload_type, video.rtx_payload_type) == ("vp8", 96, 97)


def test_interleaved_h264_is_not_taken(make_sdp: Sdp, video_lines: Lines) -> None:
    lines = changed(video_lines, "packetization-mode=1", "packetization-mode=2")
    assert read_offer(make_sdp(lines, group="BUNDLE 1")).media[0].codec == "vp8"


def test_codec_names_know_no_case(make_sdp: Sdp, video_lines: Lines) -> None:
    lines = changed(video_lines, "H264/90000", "h264/90000")
    assert read_offer(make_sdp(lines, group="BUNDLE 1")).media[0].codec == "h264"


def test_a_passive_publisher_makes_us_the_dtls_client(make_sdp: Sdp, video_lines: Lines) -> None:
    lines = changed(video_lines, "setup:actpass", "setup:passive")
    assert read_offer(make_sdp(lines, group="BUNDLE 1")).dtls_client


def test_candidates_never_reach_the_parser(make_sdp: Sdp, video_lines: Lines) -> None:
    hostile = ("a=candidate:not even a candidate",) * 300
    assert read_offer(make_sdp((*video_lines, *hostile), group="BUNDLE 1")).media


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("a=sendonly", "a=recvonly", "recvonly"),
        ("a=sendonly", "a=inactive", "inactive"),
        ("a=rtcp-mux", "a=x", "rtcp-mux"),
        ("a=mid:1", "a=mid:1\r\na=ice-lite", "ICE Lite"),
    ],
)
def test_offers_that_cannot_be_a_publish(
    make_sdp: Sdp, video_lines: Lines, old: str, new: str, sentence: str
) -> None:
    lines = changed(video_lines, old, new)
    if "ice-lite" in new:
        text = make_sdp(video_lines, group="BUNDLE 1\r\na=ice-lite")
    else:
        text = make_sdp(lines, group="BUNDLE 1")
    refused = refusal(text)
    assert (refused.status, refused.code) == (406, "offer_unacceptable")
    assert sentence in str(refused)


def test_no_codec_in_common_names_what_is_taken(make_sdp: Sdp, video_lines: Lines) -> None:
    lines = changed(changed(video_lines, "H264", "AV1"), "VP8", "VP9")
    refused = refusal(make_sdp(lines, group="BUNDLE 1"))
    assert (refused.status, refused.code) == (406, "offer_unacceptable")
    assert "H.264 or VP8" in str(refused)
    assert "AV1" in str(refused)


def test_audio_without_opus_is_refused(
    make_sdp: Sdp, audio_lines: Lines, video_lines: Lines
) -> None:
    refused = refusal(make_sdp(without(audio_lines, "opus", "fmtp:111"), video_lines))
    assert refused.status == 406
    assert "Opus" in str(refused)


def test_the_wrong_number_of_tracks_is_refused(
    make_sdp: Sdp, audio_lines: Lines, video_lines: Lines
) -> None:
    second = changed(video_lines, "a=mid:1", "a=mid:0")
    data = ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:0", "a=sctp-port:5000")
    for text in (
        make_sdp(second, video_lines),
        make_sdp(audio_lines),
        make_sdp(data),
        make_sdp(data, video_lines),
        make_sdp(),
    ):
        assert refusal(text).status == 406


def test_tracks_must_be_bundled(make_sdp: Sdp, audio_lines: Lines, video_lines: Lines) -> None:
    assert refusal(make_sdp(audio_lines, video_lines, group="")).status == 406
    assert refusal(make_sdp(audio_lines, video_lines, group="LS 0 1")).status == 406
    assert read_offer(make_sdp(video_lines, group="")).media


@pytest.mark.parametrize("gone", ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"])
def test_an_offer_lacks_what_a_connection_needs(
    make_sdp: Sdp, video_lines: Lines, gone: str
) -> None:
    refused = refusal(make_sdp(without(video_lines, gone), group="BUNDLE 1"))
    assert (refused.status, refused.code) == (400, "offer_malformed")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "hello",
        "v=0\r\nm=video",
        "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF x",
        "v=0\r\n" + "a=x\r\n" * 3000,
        "v=0\r\n" + "é" * MAX_OFFER_BYTES,
        "\ud800" * 10,
    ],
)
def test_malformed_offers(text: str) -> None:
    refused = refusal(text)
    assert refused.status in (400, 406)


def test_bundled_tracks_may_not_share_a_payload_type(
    make_sdp: Sdp, audio_lines: Lines, video_lines: Lines
) -> None:
    clash = changed(audio_lines, "111", "102")
    assert refusal(make_sdp(clash, video_lines)).code == "offer_malformed"


def test_five_hundred_m_lines_never_reach_the_parser(
    make_sdp: Sdp, audio_lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(_text: str) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr("mediaserver.ingest.offer.SessionDescription.parse", parse)
    text = make_sdp(*[("m=audio 9 UDP/TLS/RTP/SAVPF 0",)] * 500)
    assert len(text) < MAX_OFFER_BYTES
    for line_end in ("\r\n", "\n", "\r", "\x0b"):
        assert refusal(text.replace("\r\n", line_end)).status == 406


def test_too_many_formats_are_refused(make_sdp: Sdp, video_lines: Lines) -> None:
    many = tuple(f"a=rtpmap:{n % 128} X{n}/90000" for n in range(200))
    assert refusal(make_sdp((*video_lines, *many), group="BUNDLE 1")).status == 400


@settings(max_examples=200)
@given(st.data())
def test_any_text_is_an_offer_or_refused(data: st.DataObject) -> None:
    lines = data.draw(
        st.lists(
            st.sampled_from(
                [
                    "m=video 9 UDP/TLS/RTP/SAVPF 96",
                    "a=rtpmap:96 H264/90000",
                    "a=fmtp:96 packetization-mode=1",
                    "a=rtcp-mux",
                    "a=setup:actpass",
                    "a=ice-ufrag:abcd",
                    "a=ice-pwd:0123456789abcdefghijkl",
                    "a=fingerprint:sha-256 AA",
                    "a=group:BUNDLE 0",
                ]
            )
            | st.builds(
                "a={}:{}".format,
                st.sampled_from(
                    ["rtpmap", "fmtp", "ssrc", "ssrc-group", "extmap", "rtcp-fb", "setup", "group"]
                ),
                st.text(max_size=20),
            )
            | st.text(max_size=30),
            max_size=20,
        )
    )
    try:
        offer = read_offer("\r\n".join(["v=0", "o=-", "s=-", "t=0 0", *lines]))
    except PublishRefused as refused:
        assert refused.status in (400, 406)
    else:
        assert [media.kind for media in offer.media].count("video") == 1


TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


@pytest.mark.parametrize(
    ("number", "taken"), [("7", 7), ("0", None), ("15", None), ("4/sendonly", 4)]
)
def test_transport_wide_feedback_needs_an_extension_that_can_be_carried(
    make_sdp: Sdp, video_lines: Lines, number: str, taken: int | None
) -> None:
    lines = (*video_lines, f"a=extmap:{number} {TRANSPORT_CC}")
    (video,) = read_offer(make_sdp(lines, group="BUNDLE 1")).media
    assert video.transport_cc_extension == taken


def test_the_extension_alone_is_no_offer_of_feedback(make_sdp: Sdp, video_lines: Lines) -> None:
    lines = tuple(line for line in video_lines if "transport-cc" not in line)
    (video,) = read_offer(make_sdp((*lines, f"a=extmap:7 {TRANSPORT_CC}"), group="BUNDLE 1")).media
    assert video.transport_cc_extension is None


def test_the_layers_belong_to_their_m_line_and_need_their_extension(
    make_sdp: Sdp, audio_lines: Lines, video_lines: Lines
) -> None:
    layers = ("a=rid:a send", "a=rid:b send", "a=simulcast:send a;b")
    extension = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    _, video = read_offer(make_sdp(audio_lines, (*video_lines, *layers, extension))).media
    assert (video.layers, video.rid_extension) == (("a", "b"), 10)
    _, video = read_offer(make_sdp(audio_lines, (*video_lines, *layers))).media
    assert video.layers == ()
    audio, video = read_offer(make_sdp((*audio_lines, *layers, extension), video_lines)).media
    assert (audio.layers, video.layers) == ((), ())


@pytest.mark.parametrize("codecs", [("VP9",), ("AV1",), ("H265",), ("VP9", "AV1", "H265")])
def test_codecs_that_cannot_be_decoded_are_refused_by_name(
    make_sdp: Sdp, video_lines: Lines, codecs: tuple[str, ...]
) -> None:
    head = [
        line for line in video_lines if not line.startswith(("a=rtpmap", "a=fmtp", "a=rtcp-fb"))
    ]
    head[0] = f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(str(96 + n) for n in range(len(codecs)))}"
    maps = (f"a=rtpmap:{96 + n} {codec}/90000" for n, codec in enumerate(codecs))
    with pytest.raises(PublishRefused) as refused:
        read_offer(make_sdp((*head, *maps), group="BUNDLE 1"))
    assert refused.value.status == 406
    for word in (*codecs, "H.264", "VP8", "Opus"):
        assert word in str(refused.value)
