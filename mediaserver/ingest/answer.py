"""The SDP answer to a WHIP offer (RFC 9725 §4.2): receive only, one transport, all candidates.

Pure. One codec is chosen for each m-line, so a publisher cannot change it in the middle of a show.
"""

import secrets
from collections.abc import Sequence

from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceParameters
from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
)
from aiortc.sdp import GroupDescription, MediaDescription, SessionDescription

from mediaserver.ingest.offer import Offer, OfferedMedia
from mediaserver.ingest.rtp import MID_URI, REPAIRED_RID_URI, RID_URI, TRANSPORT_CC_URI

_FEEDBACK = {("nack", None), ("nack", "pli"), ("ccm", "fir")}
"""What is asked for where offered, besides one of the two that follow."""
_TRANSPORT_CC, _REMB = ("transport-cc", None), ("goog-remb", None)

_AUDIO_PARAMETERS: dict[str, int | str | None] = {
    "minptime": 10,
    "useinbandfec": 1,
    "stereo": 1,
    "maxaveragebitrate": "128000",
}


def write_answer(
    offer: Offer,
    *,
    ice: RTCIceParameters,
    candidates: Sequence[RTCIceCandidate],
    fingerprints: Sequence[RTCDtlsFingerprint],
    max_bitrate_bps: int,
) -> str:
    """The answer to `offer` as SDP text."""
    session = SessionDescription()
    session.origin = f"- {secrets.randbits(62)} 2 IN IP4 127.0.0.1"
    if offer.bundled:
        mids: list[int | str] = [item.mid for item in offer.media]
        session.group.append(GroupDescription(semantic="BUNDLE", items=mids))
    dtls = RTCDtlsParameters(
        fingerprints=[f for f in fingerprints if f.algorithm == "sha-256"],
        role="client" if offer.dtls_client else "server",
    )
    for item in offer.media:
        media = _media(item, max_bitrate_bps=max_bitrate_bps)
        media.ice = ice
        media.ice_candidates = list(candidates)
        media.ice_candidates_complete = True
        media.dtls = dtls
        session.media.append(media)
    return str(session)


def agreed_feedback(item: OfferedMedia) -> set[tuple[str, str | None]]:
    """The RTCP feedback that an m-line is answered with.

    For the rate it is transport-cc, with which the sender's own estimator works, or else REMB,
    which leaves the estimating to us (`mediaserver.ingest.remb`); never both.
    """
    wanted = _FEEDBACK | {_REMB if item.transport_cc_extension is None else _TRANSPORT_CC}
    return wanted & set(item.feedback)


class _Media(MediaDescription):
    """An m-line with the lines of its simulcast (RFC 8851 §4, RFC 8853 §5) and of its RTCP's form
    (RFC 5506 §5), which aiortc does not write."""

    layers: tuple[str, ...] = ()
    reduced_rtcp = False

    def __str__(self) -> str:
        lines = ["a=rtcp-rsize"] if self.reduced_rtcp else []
        lines += [f"a=rid:{layer} recv" for layer in self.layers]
        if self.layers:
            lines.append(f"a=simulcast:recv {';'.join(self.layers)}")
        return str(super().__str__()) + "".join(f"{line}\r\n" for line in lines)


def _media(item: OfferedMedia, *, max_bitrate_bps: int) -> MediaDescription:
    codecs = [_codec(item, max_bitrate_bps=max_bitrate_bps)]
    if item.rtx_payload_type is not None:
        codecs.append(
            RTCRtpCodecParameters(
                mimeType=f"{item.kind}/rtx",
                clockRate=item.clock_rate,
                payloadType=item.rtx_payload_type,
                parameters={"apt": item.payload_type},
            )
        )
    media = _Media(
        kind=item.kind,
        port=9,
        profile=item.profile,
        fmt=[codec.payloadType for codec in codecs],
    )
    media.host = "0.0.0.0"  # noqa: S104 - the placeholder of RFC 9429 §5.2.1
    media.direction = "recvonly"
    media.rtp.muxId = item.mid
    media.rtp.codecs = codecs
    media.layers = item.layers
    media.reduced_rtcp = item.reduced_rtcp
    media.rtp.headerExtensions += [
        RTCRtpHeaderExtensionParameters(id=number, uri=uri)
        for number, uri in _extensions(item)
        if number is not None
    ]
    media.rtcp_port = 9
    media.rtcp_host = "0.0.0.0"  # noqa: S104 - as above
    media.rtcp_mux = True
    return media


def _extensions(item: OfferedMedia) -> list[tuple[int | None, str]]:
    always = [(item.mid_extension, MID_URI), (item.transport_cc_extension, TRANSPORT_CC_URI)]
    if not item.layers:
        return always
    layers = [(item.rid_extension, RID_URI), (item.repaired_rid_extension, REPAIRED_RID_URI)]
    return always + layers


def _codec(item: OfferedMedia, *, max_bitrate_bps: int) -> RTCRtpCodecParameters:
    agreed = agreed_feedback(item)
    parameters: dict[str, int | str | None]
    if item.kind == "audio":
        parameters = dict(_AUDIO_PARAMETERS)
    else:
        h264 = ("level-asymmetry-allowed", "packetization-mode", "profile-level-id")
        parameters = {key: item.parameters[key] for key in h264 if key in item.parameters}
        # Chromium reads these (in kb/s): its estimator starts at the full rate and learns from our
        # transport-wide feedback within a second where the line carries less.
        rate_kbps = max_bitrate_bps // 1000
        parameters["x-google-start-bitrate"] = str(rate_kbps)
        parameters["x-google-max-bitrate"] = str(rate_kbps)
    return RTCRtpCodecParameters(
        mimeType=f"{item.kind}/{item.name}",
        clockRate=item.clock_rate,
        channels=2 if item.kind == "audio" else None,
        payloadType=item.payload_type,
        rtcpFeedback=[
            RTCRtcpFeedback(type=kind, parameter=parameter)
            for kind, parameter in item.feedback
            if (kind, parameter) in agreed
        ],
        parameters=parameters,
    )
