"""Builds a Dockerfile without Docker: each step for real, in clean Debian folders of its own.

    scripts/check-dockerfile     as root, with debootstrap; some minutes, and 2 GB in /var/tmp

It knows the instructions and flags that ours uses and refuses all others, so what it has not run is
never taken for checked. At the end the image's command runs as the image's user, with the root
folder read-only and the volumes and /tmp writable, until the health check passes; then SIGTERM must
end it with status 0.
"""

import argparse
import fnmatch
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.node import ROOT, free_port
from bench.polling import wait_until

DOCKERFILE = ROOT / "docker" / "Dockerfile"
BASES = {"debian:12-slim": "bookworm"}
STEP_TIMEOUT_S = 900.0
HEALTHY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0

_FLAGS = {
    "COPY": {"from"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"},
}
_WORDS = {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "VOLUME", "EXPOSE", "HEALTHCHECK"}
_COMMANDS = {"ENTRYPOINT", "CMD"}
_CA = "run/ca-of-this-machine.pem"
_CA_SETTINGS = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


class DockerfileError(Exception):
    """A sentence: the line, and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction."""

    line: int
    word: str
    rest: str
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """What follows the instruction, in its JSON form or apart at spaces."""
        if self.rest.startswith("["):
            return [str(word) for word in json.loads(self.rest)]
        return shlex.split(self.rest)


def parse(text: str) -> list[Step]:
    """The instructions in order. Raises `DockerfileError`."""
    steps = [_step(number, line) for number, line in _logical_lines(text)]
    if not steps or steps[0].word != "FROM":
        raise DockerfileError("The first instruction must be FROM.")
    return steps


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    start, whole = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not whole and not line.strip()):
            continue
        start = start if whole else number
        whole += line.strip().removesuffix("\\")
        if not line.rstrip().endswith("\\"):
            yield start, whole
            whole = ""
    if whole:
        raise DockerfileError(f"Line {start}: it never ends.")


def _step(number: int, line: str) -> Step:
    word, _, rest = line.partition(" ")
    if word not in _WORDS | _COMMANDS:
        raise DockerfileError(f"Line {number}: {word} is not known here.")
    flags = {}
    rest = rest.strip()
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        name, _, value = flag.removeprefix("--").partition("=")
        if name not in _FLAGS.get(word, ()):
            raise DockerfileError(f"Line {number}: {word} --{name} is not known here.")
        flags[name] = value
        rest = rest.strip()
    if word in _COMMANDS and not rest.startswith("["):
        raise DockerfileError(f"Line {number}: {word} must have the form of a JSON list.")
    if word != "RUN" and "$" in rest:
        raise DockerfileError(f"Line {number}: variables are not known here.")
    return Step(line=number, word=word, rest=rest, flags=flags)


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether .dockerignore leaves out a path: the last pattern that matches it, or a folder that
    it lies in, decides; ``!`` takes it back in."""
    out = False
    parts = path.split("/")
    for pattern in patterns:
        back, glob = pattern.startswith("!"), pattern.removeprefix("!").rstrip("/")
        if _matches(parts, glob.split("/")):
            out = not back
    return out


def _matches(parts: list[str], glob: list[str]) -> bool:
    if glob[:1] == ["**"]:
        return any(_matches(parts[at:], glob[1:]) for at in range(len(parts)))
    return len(parts) >= len(glob) and all(map(fnmatch.fnmatchcase, parts, glob))


@dataclass
class Stage:
    """An image that is being made: its root folder, and what instructions have set."""

    root: Path
    name: str
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    user: str = "root"
    volumes: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    commands: dict[str, list[str]] = field(default_factory=dict)


class Builder:
    """Runs the steps. `folder` is for all it makes; it is the caller's to remove."""

    def __init__(self, folder: Path, context: Path) -> None:
        self._folder = folder
        self._context = context
        ignore = (context / ".dockerignore").read_text(encoding="utf-8").split()
        self._ignore = [line for line in ignore if not line.startswith("#")]
        self.stages: list[Stage] = []

    def build(self, steps: Sequence[Step]) -> Stage:
        """The last stage. Raises `DockerfileError`."""
        for step in steps:
            started = time.monotonic()
            try:
                self._do(step)
            except subprocess.CalledProcessError as exc:
                raise DockerfileError(
                    f"Line {step.line}: {step.word} failed with {exc.returncode}."
                ) from None
            took_s = time.monotonic() - started
            print(f"{took_s:6.1f} s  line {step.line}: {step.word} {step.rest[:70]}", flush=True)
        return self.stages[-1]

    def _do(self, step: Step) -> None:
        if step.word == "FROM":
            self.stages.append(self._stage(step))
            return
        stage = self.stages[-1]
        match step.word:
            case "RUN":
                argv = [*_chroot(stage), "/bin/sh", "-c", step.rest]
                subprocess.run(
                    argv, check=True, timeout=STEP_TIMEOUT_S, env=_environment(stage),
                    stdin=subprocess.DEVNULL,
                )  # fmt: skip
            case "COPY":
                self._copy(stage, step)
            case "ENV":
                stage.env.update(dict([pair.split("=", 1) for pair in step.words]))
            case "USER":
                stage.user = step.rest
            case "WORKDIR":
                stage.cwd = step.rest
                inside(stage.root, step.rest).mkdir(parents=True, exist_ok=True)
            case "VOLUME":
                stage.volumes += step.words
            case "HEALTHCHECK":
                stage.health = json.loads(step.rest.removeprefix("CMD "))
            case "ENTRYPOINT" | "CMD":
                stage.commands[step.word] = step.words

    def _stage(self, step: Step) -> Stage:
        image, *named = step.words
        if image not in BASES:
            raise DockerfileError(f"Line {step.line}: the image {image} is not known here.")
        clean = self._folder / BASES[image]
        if not clean.exists():
            subprocess.run(
                ["debootstrap", "--variant=minbase", BASES[image], clean],
                check=True, timeout=STEP_TIMEOUT_S, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            shutil.copy("/etc/resolv.conf", clean / "etc/resolv.conf")
        root = self._folder / f"stage-{len(self.stages)}"
        subprocess.run(["cp", "-a", "--reflink=auto", clean, root], check=True)
        if bundle := os.environ.get("SSL_CERT_FILE"):
            shutil.copy(bundle, root / _CA)
        return Stage(root=root, name=named[1] if named else "")

    def _copy(self, stage: Stage, step: Step) -> None:
        *sources, target = step.words
        to = inside(stage.root, str(Path(stage.cwd) / target))
        for source in sources:
            if name := step.flags.get("from"):
                (origin,) = [each for each in self.stages if each.name == name]
                path = inside(origin.root, source)
                to.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-a", path, to], check=True)
            else:
                self._copy_of_context(source, to, into=target.endswith("/"))

    def _copy_of_context(self, source: str, to: Path, *, into: bool) -> None:
        path = self._context / source
        if not path.exists() or ignored(source, self._ignore):
            raise DockerfileError(f"COPY: {source} is not there, or .dockerignore leaves it out.")
        if path.is_file():
            to = to / path.name if into else to
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
            return

        def leave_out(folder: str, names: list[str]) -> set[str]:
            within = Path(folder).relative_to(self._context)
            return {name for name in names if ignored(str(within / name), self._ignore)}

        shutil.copytree(path, to, ignore=leave_out, dirs_exist_ok=True)


def inside(root: Path, path: str) -> Path:
    """A path of the image, as this machine has it."""
    return root / path.lstrip("/")


def _chroot(stage: Stage, *, read_only: bool = False) -> list[str]:
    """A command's beginning: namespaces of its own, /proc and /dev there, the image's user."""
    root = shlex.quote(str(stage.root))
    mounts = [f"mount --bind {root} {root}", f"cd {root}"]
    if read_only:
        writable = stage.volumes
        mounts += [f"mount --bind .{shlex.quote(each)} .{shlex.quote(each)}" for each in writable]
        mounts += ["mount -o remount,ro,bind .", "mount -t tmpfs tmpfs ./tmp"]
    mounts += ["mount -t proc proc ./proc", "mount --rbind /dev ./dev"]
    inner = f'cd {shlex.quote(stage.cwd)} && exec "$@"'
    enter = (
        f'exec /usr/sbin/chroot --userspec={stage.user} . /bin/sh -c {shlex.quote(inner)} sh "$@"'
    )
    script = " && ".join([*mounts, enter])
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"]


def _environment(stage: Stage) -> dict[str, str]:
    """The image's own, and what this machine needs to reach package registries."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    carried = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    if (stage.root / _CA).exists():
        carried |= dict.fromkeys(_CA_SETTINGS, f"/{_CA}")
    return (
        {"PATH": path, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"} | carried | stage.env
    )


def run_image(stage: Stage) -> None:
    """Start what the image starts, until it is healthy and has ended. Raises `DockerfileError`."""
    ports = {"HTTP": free_port(), "ADMIN": free_port(), "WEBRTC": free_port()}
    env = _environment(stage) | {"HOME": stage.cwd}
    env |= {f"COMPTOIR_{section}__PORT": str(port) for section, port in ports.items()}
    command = [*stage.commands["ENTRYPOINT"], *stage.commands["CMD"]]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*_chroot(stage, read_only=True), *command],
            env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            wait_until(lambda: _healthy(stage, env), HEALTHY_TIMEOUT_S, "the image is healthy")
            page = f"http://127.0.0.1:{ports['HTTP']}/watch/demo"
            code = f"import urllib.request as r; assert b'<html' in r.urlopen({page!r}).read()"
            subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
            os.kill(_only_child(process.pid), signal.SIGTERM)
            status = process.wait(STOP_TIMEOUT_S)
        except (TimeoutError, subprocess.SubprocessError) as exc:
            process.kill()
            process.wait()
            log.seek(0)
            raise DockerfileError(f"{exc}\n{log.read().decode(errors='replace')[-4000:]}") from None
    if status != 0:
        raise DockerfileError(f"SIGTERM ended the image with status {status}.")


def _healthy(stage: Stage, env: Mapping[str, str]) -> bool:
    done = subprocess.run(
        [*_chroot(stage), *stage.health], env=env, check=False, timeout=STOP_TIMEOUT_S,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode == 0


def _only_child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0])


def missing() -> str:
    """Why the Dockerfile cannot be built here; empty where it can."""
    if os.geteuid() != 0:
        return "only root can build in a clean root folder"
    return "" if shutil.which("debootstrap") else "debootstrap is not installed"


def check(dockerfile: Path = DOCKERFILE) -> None:
    """Build it and run it. Raises `DockerfileError`."""
    steps = parse(dockerfile.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="comptoir-image-") as folder:
        stage = Builder(Path(folder), ROOT).build(steps)
        started = time.monotonic()
        run_image(stage)
        print(f"{time.monotonic() - started:6.1f} s  run, healthy, ended")


def main() -> int:
    """The command line."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    started = time.monotonic()
    try:
        if reason := missing():
            raise DockerfileError(f"{reason[0].upper()}{reason[1:]}.")
        check()
    except DockerfileError as exc:
        print(f"check-dockerfile: {exc}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - started:6.1f} s  in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
