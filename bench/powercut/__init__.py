"""A disk that forgets: what was written and not synced is gone after a power cut.

`disk.c`, loaded before the C library, lets a program write as always and keeps beside it what a
disk would hold: `fsync` and `fdatasync` bring a file there, nothing else does for sure. `Disk`
builds it, says how to load it, and cuts the power.
"""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("disk.c")


def missing() -> str | None:
    """What is not here, as a sentence; None where a disk can be built."""
    return None if shutil.which("cc") else "no C compiler (cc) is installed"


class Disk:
    """What the files of one folder would hold without power. `folder` and `kept` must exist."""

    def __init__(self, *, folder: Path, kept: Path, library: Path) -> None:
        self._folder = folder
        self._kept = kept
        self._library = library

    @staticmethod
    def build(library: Path) -> None:
        """Compile the library. Raises `RuntimeError` with the compiler's words."""
        command = ["cc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", str(library)]
        done = subprocess.run(
            [*command, str(SOURCE), "-ldl"], capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise RuntimeError(done.stderr)

    def environment(self, *, seed: int) -> dict[str, str]:
        """What a process must have in its environment to write to this disk. Of what is not
        synced, `seed` chooses some writes that reach the disk all the same, in no order; with
        0 none does."""
        return {
            "LD_PRELOAD": str(self._library),
            "POWERCUT_FOLDER": str(self._folder.resolve()),
            "POWERCUT_KEPT": str(self._kept.resolve()),
            "POWERCUT_SEED": str(seed),
        }

    def cut(self) -> None:
        """Every process that wrote is dead: the files are now what the disk holds."""
        for file in self._folder.iterdir():
            file.unlink()
        for file in self._kept.iterdir():
            shutil.copy(file, self._folder / file.name)

    def settle(self) -> None:
        """All that is there now is on the disk: as after a quiet while."""
        for file in self._kept.iterdir():
            file.unlink()
        for file in self._folder.iterdir():
            shutil.copy(file, self._kept / file.name)
