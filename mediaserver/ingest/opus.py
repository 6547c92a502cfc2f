"""Opus RTP payloads (RFC 7587): one payload is one Opus packet, checked before it is passed on."""

_FRAME_SAMPLES = (
    *(480, 960, 1920, 2880) * 3,  # SILK: 10, 20, 40, 60 ms
    *(480, 960) * 2,  # hybrid: 10, 20 ms
    *(120, 240, 480, 960) * 4,  # CELT: 2.5, 5, 10, 20 ms
)
"""Samples at 48 kHz of one frame by the `config` of the TOC byte (RFC 6716 §3.1, table 2)."""

_MAX_SAMPLES = 5760
"""A packet holds at most 120 ms (RFC 6716 §3.2.5, R5)."""


def packet_samples(packet: bytes) -> int:
    """The duration of an Opus packet in samples at 48 kHz. Raises `ValueError`."""
    if not packet:
        raise ValueError("an Opus packet is empty")
    toc = packet[0]
    frame_samples = _FRAME_SAMPLES[toc >> 3]
    code = toc & 0x03
    if code < 3:
        count = 1 if code == 0 else 2
    else:
        if len(packet) < 2:
            raise ValueError("an Opus packet lacks its frame count")
        count = packet[1] & 0x3F
    samples = count * frame_samples
    if not 0 < samples <= _MAX_SAMPLES:
        raise ValueError(f"an Opus packet holds {samples} samples; 1 to {_MAX_SAMPLES} are legal")
    return samples
