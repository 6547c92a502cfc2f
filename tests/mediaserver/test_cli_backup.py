"""`comptoir backup` and `comptoir restore`, and what they say when they cannot."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mediaserver import cli
from overlay.store.engine import Store

Run = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def comptoir(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["comptoir", *map(str, arguments)])
        with pytest.raises(SystemExit) as over:
            cli.main()
        out, err = capsys.readouterr()
        return over.value.code, out, err

    return run


def test_there_and_back(comptoir: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    store = Store.open(data / "shop.sqlite3")
    store.close()
    code, out, err = comptoir("backup", tmp_path / "copy", "--data", data)
    assert (code, err) == (0, "")
    assert "copy" in out
    code, out, _ = comptoir("restore", tmp_path / "copy", "--data", tmp_path / "new")
    assert code == 0
    restored = Store.open(tmp_path / "new" / "shop.sqlite3")
    assert restored.epoch in out
    assert restored.epoch != store.epoch
    restored.close()


def test_what_cannot_be_is_one_sentence(comptoir: Run, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text("Dear shop, ")
    for arguments in (("backup", tmp_path / "copy"), ("restore", letter)):
        code, out, err = comptoir(*arguments, "--data", tmp_path / "data")
        assert (code, out) == (1, "")
        assert err.startswith("comptoir: ")
        assert err.endswith(".\n")
        assert len(err.splitlines()) == 1
