"""Builds the bench's C programs with the machine's compiler, once for each folder."""

import shutil
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).with_name("c")
_LOAD = (
    "load.c",
    "http.c",
    "socket.c",
    "msgpack.c",
    "playlist.c",
    "check.c",
    "options.c",
    "report.c",
)
_FLAGS = ("-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror")


def missing() -> str | None:
    """What is not here, as a sentence; None where the programs can be built."""
    return None if shutil.which("cc") else "no C compiler (cc) is installed"


def load(folder: Path) -> Path:
    """The load generator. Raises `RuntimeError` with the compiler's words."""
    return _built(folder / "load", _LOAD)


def server(folder: Path) -> Path:
    """The bare server. Raises `RuntimeError` with the compiler's words."""
    return _built(folder / "server", ("server.c",))


def _built(program: Path, sources: tuple[str, ...]) -> Path:
    if not program.exists():
        paths = [str(_SOURCES / source) for source in sources]
        command = ["cc", *_FLAGS, "-o", str(program), *paths]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(done.stderr)
    return program
