"""The film of the ladder's benches, and that it goes through our pipeline whole."""

from pathlib import Path

import av
import pytest
import yaml

from bench import film
from bench.transcode.ours import encode


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film.make(tmp_path_factory.mktemp("film"), None)


def test_its_access_units_lie_exactly_on_the_grid(painted: Path) -> None:
    units = list(film.units(film.longer(painted, 2)))
    pictures = [unit for unit in units if unit.kind == "video"]
    sounds = [unit for unit in units if unit.kind == "audio"]
    assert [unit.pts for unit in pictures] == [3000 * n for n in range(2 * film.FRAMES)]
    assert [n for n, unit in enumerate(pictures) if unit.keyframe] == list(range(0, 240, 30))
    assert all(unit.data.startswith(b"\0\0\0\1") for unit in pictures)
    assert all(unit.pts % 1800 == 0 for unit in sounds)


def test_our_pipeline_writes_every_picture_of_it(painted: Path, tmp_path: Path) -> None:
    rung = {"name": "90p", "height": 90, "bitrate_bps": 200_000, "max_bitrate_bps": 250_000,
            "preset": "ultrafast"}  # fmt: skip
    profile = tmp_path / "tiny.yaml"
    profile.write_text(yaml.safe_dump({"name": "tiny", "rungs": [rung]}), encoding="utf-8")
    sizes = encode(painted, profile, tmp_path)
    written = tmp_path / "90p.mp4"
    assert written.stat().st_size == sizes["90p"]
    with av.open(written) as container:
        assert sum(1 for _ in container.decode(video=0)) == film.FRAMES


def test_a_film_that_is_too_short_is_refused(painted: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.mkv"
    with av.open(painted) as whole, av.open(short, "w") as out:
        stream = out.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.pts is not None and packet.pts < 1000:
                packet.stream = stream
                out.mux(packet)
    with pytest.raises(ValueError, match="120 are needed"):
        film.make(tmp_path, short)
