"""What keeps a tuning run from its work: one sentence for people."""

from transcoder.errors import TranscoderError


class TuneError(TranscoderError):
    """FFmpeg is missing, the clip cannot be read, a sweep or a budget makes no sense."""

    code = "cannot_tune"
