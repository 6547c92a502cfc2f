"""Publishers that cost little: FFmpeg sends the film's packets as they are over WHIP, in a loop."""

import contextlib
import subprocess
from pathlib import Path
from typing import Self

import imageio_ffmpeg

STOP_TIMEOUT_S = 5.0


class FilmPublisher:
    """One publish of the film, as a process. Use it as a context manager.

    It makes no keyframe when asked: there is one in each second of the film.
    """

    def __init__(self, film: Path, *, url: str, key: str, log_path: Path) -> None:
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning",
                 "-nostdin", "-re", "-stream_loop", "-1", "-i", film, "-c", "copy",
                 "-f", "whip", "-authorization", key, url],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still sends."""
        return self._process.poll() is None
