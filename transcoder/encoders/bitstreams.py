"""What comes out of an encoder, by codec: headers to a `VideoConfig`, packets to samples."""

from collections.abc import Callable
from dataclasses import dataclass

from transcoder.cmaf.av1 import av1_sample, sequence_header_of
from transcoder.cmaf.avc import annexb_to_avcc, parameter_sets
from transcoder.cmaf.hevc import annexb_to_hvcc, hevc_parameter_sets
from transcoder.cmaf.video_config import VideoConfig, av1_config, avc_config, hevc_config
from transcoder.profiles import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Bitstream:
    """How one codec's bytes are read. Both raise `MediaError` for what they cannot read."""

    config: Callable[[bytes], VideoConfig]
    """Of the context's extradata."""
    sample: Callable[[bytes], bytes]
    """Of one packet."""


def _avc(headers: bytes) -> VideoConfig:
    sps, pps = parameter_sets(headers)
    return avc_config([sps], [pps])


def _hevc(headers: bytes) -> VideoConfig:
    return hevc_config(*hevc_parameter_sets(headers))


def _av1(headers: bytes) -> VideoConfig:
    return av1_config(sequence_header_of(headers))


BITSTREAMS: dict[Codec, Bitstream] = {
    "h264": Bitstream(config=_avc, sample=annexb_to_avcc),
    "hevc": Bitstream(config=_hevc, sample=annexb_to_hvcc),
    "av1": Bitstream(config=_av1, sample=av1_sample),
}
