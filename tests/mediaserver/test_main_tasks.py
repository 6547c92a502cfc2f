"""Main ends, to be started anew, when a task ends that it cannot do without."""

import pytest

from bench.node import free_port
from mediaserver import config
from mediaserver.app import run_main
from mediaserver.broadcast.voice import Voice
from mediaserver.workers.setup import RunFolder


async def test_a_main_that_has_lost_its_voice_ends(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_: Voice) -> None:
        raise OverflowError("of a message")

    monkeypatch.setattr(Voice, "run", lost)
    data, run = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("run")
    settings = config.load(None, {"data": str(data), "admin": {"port": free_port()}})
    with pytest.raises(ExceptionGroup) as ended:
        await run_main(config=settings, folder=RunFolder(path=run))
    assert ended.group_contains(OverflowError)
