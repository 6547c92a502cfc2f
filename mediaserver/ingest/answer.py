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

from mediaserver.ingest.offer import MID_EXTENSION, Offer, OfferedMedia

_FEEDBACK = {("nack", None), ("nack", "pli"), ("ccm", "fir")}
"""What is asked for where offered. Neither transport-cc nor REMB: with either, but without a full
bandwidth estimator on this side, browsers settle far below what the line carries."""

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
    media = MediaDescription(
        kind=item.kind,
        port=9,
        profile=item.profile,
        fmt=[codec.payloadType for codec in codecs],
    )
    media.host = "0.0.0.0"  # noqa: S104 - the placeholder of RFC 9429 §5.2.1
    media.direction = "recvonly"
    media.rtp.muxId = item.mid
    media.rtp.codecs = codecs
    if item.mid_extension is not None:
        extension = RTCRtpHeaderExtensionParameters(id=item.mid_extension, uri=MID_EXTENSION)
        media.rtp.headerExtensions.append(extension)
    media.rtcp_port = 9
    media.rtcp_host = "0.0.0.0"  # noqa: S104 - as above
    media.rtcp_mux = True
    return media


def _codec(item: OfferedMedia, *, max_bitrate_bps: int) -> RTCRtpCodecParameters:
    parameters: dict[str, int | str | None]
    if item.kind == "audio":
        parameters = dict(_AUDIO_PARAMETERS)
    else:
        h264 = ("level-asymmetry-allowed", "packetization-mode", "profile-level-id")
        parameters = {key: item.parameters[key] for key in h264 if key in item.parameters}
        # Chromium reads these (in kb/s): it starts at the full rate instead of probing for it.
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
            if (kind, parameter) in _FEEDBACK
        ],
        parameters=parameters,
    )
