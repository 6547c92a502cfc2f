"""The errors of the media room.

TranscoderError            a sentence for people, and a stable ``code``
├── WireError              bytes that are no message of ours
├── ProfileError           an encoder profile that cannot be used; names the key's path
└── MediaError             media that cannot be decoded, scaled, encoded or packaged
"""


class TranscoderError(Exception):
    """Root of the media room's errors. The message is a sentence for people."""

    code = "transcoder_error"


class WireError(TranscoderError):
    """Bytes that do not decode to a message of ours."""

    code = "wire_error"


class ProfileError(TranscoderError):
    """An encoder profile that cannot be used: the key's path, what was given, what is legal."""

    code = "profile_invalid"


class MediaError(TranscoderError):
    """Media that cannot be decoded, scaled, encoded or packaged."""

    code = "media_error"
