"""MP-15: whether what was fetched decodes, by FFmpeg's decoders through PyAV."""

import io

import av
from av.error import FFmpegError

from mediaserver.check.seen import Decoded, Piece, Rendition

MAX_BYTES = 32 * 1024 * 1024
"""Of one rendition: a check is no transcoder."""


def decode(rendition: Rendition) -> list[Decoded]:
    """Decode each run of parts that follow each other from an independent one on. Blocks."""
    return [
        _decode_run(rendition, run)
        for run in _runs(rendition)
        if run[0].segment.init in rendition.init_data
    ]


def _runs(rendition: Rendition) -> list[list[Piece]]:
    runs: list[list[Piece]] = []
    left = MAX_BYTES
    before: Piece | None = None
    for piece in rendition.ordered:
        data = rendition.data.get(piece.key)
        left -= len(data or b"")
        if data is None or piece.media is None or left < 0:
            before = None
            continue
        if before is None or not _follows(before, piece):
            if not piece.independent:
                before = None
                continue
            runs.append([])
        runs[-1].append(piece)
        before = piece
    return runs


def _follows(before: Piece, piece: Piece) -> bool:
    if before.segment.init != piece.segment.init or before.index is None:
        return False
    if before.segment.msn == piece.segment.msn:
        return piece.index == before.index + 1
    return piece.segment.msn == before.segment.msn + 1 and piece.index == 0


def _decode_run(rendition: Rendition, run: list[Piece]) -> Decoded:
    init = run[0].segment.init
    head = b"" if init is None else rendition.init_data[init]
    data = head + b"".join(rendition.data[piece.key] for piece in run)
    samples = sum(len(lead[1].samples) for piece in run if (lead := piece.lead) is not None)
    frames, error = 0, None
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = (container.streams.video or container.streams.audio)[0]
            frames = sum(1 for _ in container.decode(stream))
    except (FFmpegError, IndexError, ValueError) as exc:
        error = str(exc)
    return Decoded(
        name=f"{rendition.name}, parts {run[0].ref} to {run[-1].ref}",
        samples=samples,
        frames=frames,
        error=error,
    )
