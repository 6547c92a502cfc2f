"""The offers of known publishers, kept as files: each is answered as its publisher needs it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiortc.rtcdtlstransport import RTCDtlsFingerprint
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceParameters

from mediaserver.errors import PublishRefused
from mediaserver.ingest.answer import write_answer
from mediaserver.ingest.fragment import ice_ufrag
from mediaserver.ingest.offer import read_offer

OFFERS = Path(__file__).parent / "offers"
OURS = ("192.0.2.1", 8189)
FINGERPRINT = ":".join(["CD"] * 32)

# Of each publisher: the video payload type that must be chosen, its codec, the DTLS role it gets.
TAKEN = {
    "chromium": ("H264", "passive"),
    "chromium-simulcast": ("H264", "passive"),
    "firefox": ("VP8", "passive"),
    "ffmpeg-8": ("H264", "active"),
    "ffmpeg-9": ("H264", "active"),
    "gstreamer": ("H264", "passive"),
    "obs-30-baseline": ("H264", "passive"),
    "obs-31-main": ("H264", "passive"),
    "obs-31-high": ("H264", "passive"),
    "obs-32-simulcast": ("H264", "passive"),
    "safari-17": ("H264", "passive"),
    "safari-18": ("H264", "passive"),
}
REFUSED = {"obs-31-hevc": "H265", "obs-31-av1": "AV1"}


@dataclass
class Section:
    """One m-line and its attributes, as they stand in the text."""

    kind: str
    port: str
    formats: Sequence[str]
    attributes: dict[str, list[str]] = field(default_factory=dict)


def sections(sdp: str) -> tuple[Mapping[str, list[str]], list[Section]]:
    """The session's attributes and the m-lines, read by nothing of ours or aiortc's."""
    head: dict[str, list[str]] = {}
    media: list[Section] = []
    for line in sdp.split("\r\n"):
        if line.startswith("m="):
            kind, port, _, *formats = line[2:].split(" ")
            media.append(Section(kind, port, formats))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            into = media[-1].attributes if media else head
            into.setdefault(name, []).append(value)
    return head, media


def text_of(name: str) -> str:
    return (OFFERS / f"{name}.sdp").read_bytes().decode()


def answered(name: str) -> str:
    return write_answer(
        read_offer(text_of(name)),
        ice=RTCIceParameters(usernameFragment="ours1234", password="p" * 24),
        candidates=[
            RTCIceCandidate(
                component=1,
                foundation="1",
                ip=OURS[0],
                port=OURS[1],
                priority=1,
                protocol="udp",
                type="host",
            )
        ],
        fingerprints=[RTCDtlsFingerprint(algorithm="sha-256", value=FINGERPRINT)],
        max_bitrate_bps=2_500_000,
    )


def test_every_file_is_checked() -> None:
    assert {path.stem for path in OFFERS.glob("*.sdp")} == {*TAKEN, *REFUSED}


@pytest.mark.parametrize("name", TAKEN)
def test_a_known_publisher_gets_an_answer_that_it_understands(name: str) -> None:
    codec, role = TAKEN[name]
    head, media = sections(answered(name))
    offered_head, offered = sections(text_of(name))
    assert [m.kind for m in media] == [m.kind for m in offered]
    bundle = next(group for group in offered_head["group"] if group.startswith("BUNDLE"))
    assert head["group"] == [bundle]
    assert "ice-lite" not in head
    for answer, offer in zip(media, offered, strict=True):
        mine, theirs = answer.attributes, offer.attributes
        assert answer.port != "0"
        assert mine["mid"] == theirs["mid"]
        assert {"recvonly", "rtcp-mux", "end-of-candidates"} <= mine.keys()
        assert mine["setup"] == [role]
        assert mine["ice-ufrag"] == ["ours1234"]
        assert mine["fingerprint"] == [f"sha-256 {FINGERPRINT}"]
        assert len(mine["candidate"]) == 1
        assert f" {OURS[0]} {OURS[1]} typ host" in mine["candidate"][0]
        assert set(answer.formats) <= set(offer.formats)
        assert set(mine["rtpmap"]) <= set(theirs["rtpmap"])
        assert set(mine.get("rtcp-fb", [])) <= set(theirs.get("rtcp-fb", []))
        offered_extensions = {
            re.sub(r"^(\d+)/\w+", r"\1", each) for each in theirs.get("extmap", [])
        }
        assert set(mine.get("extmap", [])) <= offered_extensions
        wanted = codec if answer.kind == "video" else "opus"
        assert wanted.lower() in mine["rtpmap"][0].lower()
    assert ice_ufrag(text_of(name)) == read_offer(text_of(name)).ice_ufrag


@pytest.mark.parametrize("name", ["chromium-simulcast", "obs-32-simulcast"])
def test_the_layers_of_a_simulcast_are_all_taken(name: str) -> None:
    (video,) = (m for m in sections(answered(name))[1] if m.kind == "video")
    (theirs,) = (m for m in sections(text_of(name))[1] if m.kind == "video")
    sent = theirs.attributes["simulcast"][0].removeprefix("send ")
    assert video.attributes["simulcast"] == [f"recv {sent}"]
    assert video.attributes["rid"] == [f"{rid} recv" for rid in sent.split(";")]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_decoded_is_refused_with_what_can(name: str) -> None:
    with pytest.raises(PublishRefused) as refused:
        read_offer(text_of(name))
    assert refused.value.status == 406
    for word in (REFUSED[name], "H.264", "VP8", "Opus"):
        assert word in str(refused.value)


@pytest.mark.parametrize("name", ["obs-31-main", "obs-31-high", "safari-17"])
def test_the_profile_of_h264_is_answered_as_offered(name: str) -> None:
    (theirs,) = (m for m in sections(text_of(name))[1] if m.kind == "video")
    (mine,) = (m for m in sections(answered(name))[1] if m.kind == "video")
    chosen = mine.formats[0]
    level = re.compile(rf"^{chosen} .*profile-level-id=(\w+)")
    (offered,) = filter(None, map(level.search, theirs.attributes["fmtp"]))
    (given,) = filter(None, map(level.search, mine.attributes["fmtp"]))
    assert given.group(1) == offered.group(1)
