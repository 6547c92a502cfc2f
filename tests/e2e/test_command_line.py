"""`comptoir serve` says in one sentence why it cannot start."""

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.node import COMPTOIR, Node, NodeError

pytestmark = pytest.mark.media


def refusal(folder: Path, settings: dict[str, Any]) -> str:
    """What `comptoir serve` writes to standard error when it refuses to start."""
    node = Node(folder=folder, shows={}, settings=settings)
    done = subprocess.run(
        [COMPTOIR, "serve", "--config", node.config_path],
        capture_output=True, text=True, cwd=folder, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_an_unknown_profile(tmp_path: Path) -> None:
    assert "nowhere" in refusal(tmp_path, {"profile": "nowhere"})


def test_an_invalid_profile(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("name: mine\nframes_per_second: 7000\n", encoding="utf-8")
    assert "frames_per_second" in refusal(tmp_path, {"profile": str(profile)})


@pytest.mark.parametrize(
    ("section", "kind"),
    [("http", socket.SOCK_STREAM), ("admin", socket.SOCK_STREAM), ("webrtc", socket.SOCK_DGRAM)],
)
def test_a_busy_port(tmp_path: Path, section: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in refusal(tmp_path, {section: {"port": port}})


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "data" in refusal(tmp_path, {"data": str(tmp_path / "file" / "data")})


def test_an_unknown_key(tmp_path: Path) -> None:
    assert "htp: there is no such key" in refusal(tmp_path, {"htp": {"port": 8080}})


def test_a_key_that_is_too_short_is_refused_without_showing_it(tmp_path: Path) -> None:
    shows = {"one": {"title": "One", "host_key": "s3cret"}}
    sentence = refusal(tmp_path, {"shows": shows})
    assert "host_key" in sentence
    assert "s3cret" not in sentence


def test_a_data_folder_in_use(tmp_path: Path) -> None:
    with Node(folder=tmp_path, shows={}):
        other = tmp_path / "other"
        other.mkdir()
        assert "data" in refusal(other, {"data": str(tmp_path / "data")})


def test_a_server_that_cannot_start_says_so_here_too(tmp_path: Path) -> None:
    node = Node(folder=tmp_path, shows={}, settings={"profile": "nowhere"})
    with pytest.raises(NodeError, match="nowhere"):
        node.start()
