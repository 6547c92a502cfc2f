"""First use of the codecs costs tens of milliseconds: a spare worker has that behind it."""

from transcoder.audio import AudioLine
from transcoder.decode import SourceDecoder
from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import make_grid
from transcoder.profiles import Profile, plan_rungs
from transcoder.scale import Fitter, solid
from transcoder.stills.render import image_of, images
from transcoder.values import TICKS_PER_SECOND, AccessUnit

_SIDE = 64
_START_CODE = b"\x00\x00\x00\x01"
_LENGTH_BYTES = 4


def warm_up() -> None:
    """Scale, encode and decode one tiny picture, make a still of it, and encode a little silence.

    Raises `MediaError` when a codec is missing or broken.
    """
    profile = Profile()
    grid = make_grid(frames_per_second=profile.frames_per_second, latency="low")
    (rung,) = plan_rungs(profile, _SIDE, _SIDE)
    fitter = Fitter(width=rung.width, height=rung.height, scaler=profile.scaler)
    encoder = RungEncoder(rung, grid)
    fitted = fitter.fit(solid(2 * _SIDE, 2 * _SIDE, (60, 90, 150)))
    images(image_of(fitted, _SIDE), "poster")
    picture = encoder.encode(fitted, slot=0, idr=True)
    if not _decodes(encoder.headers + _START_CODE + picture.data[_LENGTH_BYTES:]):
        raise MediaError("the H.264 decoder does not decode what the encoder makes")
    AudioLine(start_tick=0, bitrate_bps=profile.audio.bitrate_bps).take(TICKS_PER_SECOND // 10)


def _decodes(data: bytes) -> bool:
    unit = AccessUnit(
        kind="video", codec="h264", source=0, pts=0, keyframe=True, damaged=False, data=data
    )
    return bool(SourceDecoder(0, on_error=lambda: None).decode(unit, 0))
