"""WHIP offers (RFC 9725 §4.2): read with limits, judged, and reduced to what a publish needs.

Pure. A stranger writes the offer, so its size and lines are bounded before the SDP parser sees it,
and only attributes that are used reach the parser. Candidates never do: connectivity checks go to
no address that an offer names, and a publisher's own checks reveal where it is.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from aiortc.rtcdtlstransport import X509_DIGEST_ALGORITHMS, RTCDtlsFingerprint
from aiortc.rtcicetransport import RTCIceParameters
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import GroupDescription, MediaDescription, SessionDescription

from mediaserver.errors import PublishRefused
from mediaserver.ingest.fragment import MAX_OFFER_BYTES
from mediaserver.ingest.rids import offered_layers
from mediaserver.ingest.rtp import MID_URI, REPAIRED_RID_URI, RID_URI, TRANSPORT_CC_URI
from transcoder.values import Codec, Kind

MAX_MEDIA = 4
_MAX_LINES = 2000
_MAX_FORMATS = 128
_MAX_SSRCS = 8

_USED_ATTRIBUTE = re.compile(
    r"a=(?:group|mid|ice-ufrag|ice-pwd|ice-lite|fingerprint|setup|rtcp-mux|sendonly|recvonly"
    r"|sendrecv|inactive|rtpmap|fmtp|rtcp-fb|extmap|ssrc|ssrc-group)(?::|\s*$)"
)
_ICE_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_ICE_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")

WANTED = "Comptoir takes one H.264 or VP8 video and at most one Opus audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedMedia:
    """One m-line that will be received, with the codec chosen for it."""

    kind: Kind
    codec: Codec
    name: str
    """The codec as the offer spells it."""
    payload_type: int
    rtx_payload_type: int | None
    clock_rate: int
    parameters: dict[str, int | str | None]
    """The codec's format parameters (a=fmtp) as offered."""
    feedback: tuple[tuple[str, str | None], ...]
    """The RTCP feedback offered for the codec: (type, parameter)."""
    mid: str
    profile: str
    mid_extension: int | None
    """Header extension id of the mid (RFC 9143 §15.2), where offered."""
    ssrcs: tuple[int, ...]
    transport_cc_extension: int | None = None
    """Header extension id of the transport-wide sequence number, where its feedback is offered."""
    rid_extension: int | None = None
    repaired_rid_extension: int | None = None
    layers: tuple[str, ...] = ()
    """The rids of a simulcast; empty where one stream is offered."""
    reduced_rtcp: bool = False
    """Whether RTCP of reduced size is offered (RFC 5506 §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An offer that can be answered."""

    media: tuple[OfferedMedia, ...]
    """In the order of the m-lines."""
    bundled: bool
    ice_ufrag: str
    ice_password: str
    fingerprints: tuple[RTCDtlsFingerprint, ...]
    dtls_client: bool
    """Whether the answerer must be the DTLS client: the offer said ``setup:passive``."""


def read_offer(text: str) -> Offer:
    """Parse and judge an SDP offer. Raises `PublishRefused` (400 or 406) with the reason."""
    lines = _bounded_lines(text)
    session = _parsed(lines)
    media = session.media
    _check_media(session)
    chosen = tuple(map(_chosen, media, _sections(lines)))
    if len({item.payload_type for item in chosen}) < len(chosen):
        _malformed("two bundled m-lines share a payload type")
    dtls = media[0].dtls
    if dtls is None:
        _malformed("it has no a=setup line")
    known = tuple(f for f in dtls.fingerprints if f.algorithm.lower() in X509_DIGEST_ALGORITHMS)
    if not known:
        _malformed("it has no certificate fingerprint with SHA-256, SHA-384 or SHA-512")
    ice = media[0].ice or RTCIceParameters()
    ufrag, password = ice.usernameFragment or "", ice.password or ""
    if not _ICE_UFRAG.fullmatch(ufrag) or not _ICE_PASSWORD.fullmatch(password):
        _malformed("it has no usable ICE user name fragment and password")
    return Offer(
        media=chosen,
        bundled=bool(_bundles(session)),
        ice_ufrag=ufrag,
        ice_password=password,
        fingerprints=known[:8],
        # aiortc names the role by who connects: "server" is setup:passive.
        dtls_client=dtls.role == "server",
    )


def _bounded_lines(text: str) -> list[str]:
    # A character is at most four bytes; the cheap test comes first.
    if len(text) > MAX_OFFER_BYTES or len(text.encode(errors="replace")) > MAX_OFFER_BYTES:
        _malformed(f"it is longer than {MAX_OFFER_BYTES // 1024} KB")
    lines = text.splitlines()
    if sum(line.startswith("m=") for line in lines) > MAX_MEDIA:
        _unacceptable(f"The offer has more than {MAX_MEDIA} m-lines. {WANTED}.")
    if len(lines) > _MAX_LINES:
        _malformed(f"it has more than {_MAX_LINES} lines")
    if not lines or lines[0].strip() != "v=0":
        _malformed("it does not begin with v=0")
    return lines


def _parsed(lines: list[str]) -> SessionDescription:
    used = [line for line in lines if line[:2] in ("v=", "o=", "s=", "t=", "m=") or _is_used(line)]
    if sum(line.startswith("a=rtpmap:") for line in used) > _MAX_FORMATS:
        _malformed(f"it offers more than {_MAX_FORMATS} formats")
    try:
        return SessionDescription.parse("\r\n".join(used) + "\r\n")
    except Exception:  # the parser raises whatever its first wrong assumption leads to
        _malformed("it is no session description (RFC 8866)")


def _sections(lines: list[str]) -> list[list[str]]:
    """The lines of each m-line."""
    starts = [place for place, line in enumerate(lines) if line.startswith("m=")]
    ends = [*starts[1:], len(lines)]
    return [lines[start:end] for start, end in zip(starts, ends, strict=True)]


def _is_used(line: str) -> bool:
    return _USED_ATTRIBUTE.match(line) is not None


def _check_media(session: SessionDescription) -> None:
    media = session.media
    kinds = [description.kind for description in media]
    others = sorted(set(kinds) - {"audio", "video"})
    if others:
        _unacceptable(f"The offer has an m-line of kind {others[0][:20]!r}. {WANTED}.")
    if kinds.count("video") != 1 or kinds.count("audio") > 1:
        _unacceptable(
            f"The offer has {kinds.count('video')} video and {kinds.count('audio')} audio "
            f"m-lines. {WANTED}."
        )
    for description in media:
        if description.direction in ("recvonly", "inactive"):
            _unacceptable(
                f"The offer's {description.kind} is {description.direction}; a publish must be "
                "sendonly."
            )
        if not description.rtcp_mux:
            _unacceptable("The offer lacks a=rtcp-mux, which a publish needs (RFC 9725 §4.4.1).")
        if description.ice and description.ice.iceLite:
            _unacceptable("The offer is from an ICE Lite agent; a publisher must connect itself.")
    if len(media) > 1:
        bundled = {mid for group in _bundles(session) for mid in group.items}
        if not all(d.rtp.muxId and d.rtp.muxId in bundled for d in media):
            _unacceptable("The offer's m-lines must be in one BUNDLE group (RFC 9725 §4.4.1).")


def _bundles(session: SessionDescription) -> list[GroupDescription]:
    return [group for group in session.group if group.semantic == "BUNDLE"]


def _chosen(description: MediaDescription, lines: list[str]) -> OfferedMedia:
    ranked = sorted(
        (
            (rank, place, codec)
            for place, codec in enumerate(_in_order(description))
            if (rank := _rank(codec)) is not None
        ),
        key=lambda item: item[:2],
    )
    if not ranked:
        names = sorted({codec.name[:20] for codec in description.rtp.codecs})
        _unacceptable(
            f"No {description.kind} codec in common: the offer has "
            f"{', '.join(names[:8]) or 'none'}. {WANTED}."
        )
    codec = ranked[0][2]
    kind: Kind = "video" if description.kind == "video" else "audio"
    payload_type = codec.payloadType
    assert payload_type is not None  # noqa: S101 - the parser fills it from the rtpmap
    feedback = tuple((f.type, f.parameter) for f in codec.rtcpFeedback)
    rid, repaired_rid = _extension(description, RID_URI), _extension(description, REPAIRED_RID_URI)
    simulcast = kind == "video" and rid is not None
    return OfferedMedia(
        kind=kind,
        codec=_CODECS[codec.name.upper()],
        name=codec.name,
        payload_type=payload_type,
        rtx_payload_type=_rtx(description, payload_type),
        clock_rate=codec.clockRate,
        parameters=dict(codec.parameters),
        feedback=feedback,
        mid=description.rtp.muxId,
        profile=description.profile,
        mid_extension=_extension(description, MID_URI),
        ssrcs=tuple(s.ssrc for s in description.ssrc if 0 <= s.ssrc < 1 << 32)[:_MAX_SSRCS],
        transport_cc_extension=(
            _extension(description, TRANSPORT_CC_URI)
            if ("transport-cc", None) in feedback
            else None
        ),
        rid_extension=rid,
        repaired_rid_extension=repaired_rid,
        layers=offered_layers(lines, payload_type) if simulcast else (),
        reduced_rtcp=any(line.strip() == "a=rtcp-rsize" for line in lines),
    )


def _extension(description: MediaDescription, uri: str) -> int | None:
    """The id of a header extension, where offered with one that both forms can carry."""
    offered = (e.id for e in description.rtp.headerExtensions if e.uri == uri)
    return next((number for number in offered if 0 < number < 15), None)


_CODECS: dict[str, Codec] = {"H264": "h264", "VP8": "vp8", "OPUS": "opus"}


def _in_order(description: MediaDescription) -> list[RTCRtpCodecParameters]:
    """The codecs by the preference of the m-line (RFC 3264 §5.1)."""
    place = {payload_type: at for at, payload_type in reversed(list(enumerate(description.fmt)))}
    listed = [codec for codec in description.rtp.codecs if codec.payloadType in place]
    return sorted(listed, key=lambda codec: place[codec.payloadType])


def _rank(codec: RTCRtpCodecParameters) -> int | None:
    """How much a codec is wanted, lower first; None where it cannot be taken.

    The H.264 profile and level are not judged: the stream's own SPS says what it is.
    """
    if codec.mimeType.lower() == "audio/opus":
        return 0 if codec.clockRate == 48_000 and codec.channels == 2 else None
    if codec.clockRate != 90_000:
        return None
    mode = str(codec.parameters.get("packetization-mode", "0"))
    ranks = {("video/h264", "1"): 0, ("video/h264", "0"): 2}
    if codec.mimeType.lower() == "video/vp8":
        return 1
    return ranks.get((codec.mimeType.lower(), mode))


def _rtx(description: MediaDescription, payload_type: int) -> int | None:
    """The retransmission format (RFC 4588) that belongs to `payload_type`."""
    for codec in description.rtp.codecs:
        if codec.name.lower() == "rtx" and codec.parameters.get("apt") == payload_type:
            return codec.payloadType
    return None


def _malformed(reason: str) -> NoReturn:
    raise PublishRefused(400, "offer_malformed", f"The offer cannot be read: {reason}.")


def _unacceptable(message: str) -> NoReturn:
    raise PublishRefused(406, "offer_unacceptable", message)
