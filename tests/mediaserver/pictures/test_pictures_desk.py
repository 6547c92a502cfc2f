"""Pictures fetched, made by a child process, kept by their content, and served for ever."""

import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mediaserver.config import OutgoingConfig
from mediaserver.gateway import pictures as gateway
from mediaserver.gateway.pictures import Pictures
from mediaserver.outgoing import SafeClient
from mediaserver.pictures import desk as desk_module
from mediaserver.pictures.desk import PictureDesk, Wanted
from mediaserver.pictures.limits import WIDTHS
from mediaserver.pictures.store import NAME, PictureStore
from overlay.errors import InvalidInput, StoreUnavailable
from overlay.outgoing import OutgoingFailed

MakePicture = Callable[..., bytes]
ASKED = web.AppKey("asked", list[str])
OPEN = OutgoingConfig(allow_private=True, allow_http=True, ports=())


@pytest.fixture
def store(tmp_path: Path) -> PictureStore:
    return PictureStore(tmp_path / "pictures")


@pytest.fixture
async def merchant(picture: MakePicture) -> AsyncIterator[TestServer]:
    """Has ``/a.jpg``, and other things; counts what it is asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/a.jpg":
            return web.Response(body=picture(), content_type="text/html")
        if request.path == "/none.jpg":
            return web.Response(status=404)
        return web.Response(body=b"<html>", content_type="image/jpeg")

    app = web.Application()
    app[ASKED] = asked
    app.add_routes([web.get("/{name}", answer)])
    server = TestServer(app)
    async with server:
        yield server


@pytest.fixture
async def desk(store: PictureStore) -> AsyncIterator[PictureDesk]:
    async with SafeClient(OPEN) as client:
        desk = PictureDesk(store=store, outgoing=client)
        yield desk
        await desk.close()


async def test_an_upload_is_kept_once(
    desk: PictureDesk, store: PictureStore, picture: MakePicture
) -> None:
    first = await desk.keep(picture())
    assert await desk.keep(picture()) == first
    name = first.removeprefix("/pictures/")
    assert NAME.fullmatch(name)
    assert store.read(name)
    assert store.read(name.replace("640.webp", "1280.jpg"))


async def test_a_fetched_picture_is_fetched_once(desk: PictureDesk, merchant: TestServer) -> None:
    source = str(merchant.make_url("/a.jpg"))
    address = await desk.fetch(source)
    assert await desk.fetch(source) == address
    assert desk.store.local(source) == address
    assert len(merchant.app[ASKED]) == 1


async def test_a_picture_that_was_lost_is_fetched_and_remembered_anew(
    store: PictureStore, desk: PictureDesk, merchant: TestServer, tmp_path: Path
) -> None:
    source = str(merchant.make_url("/a.jpg"))
    files = {f"{width}.{kind}": b"old" for width in WIDTHS for kind in ("webp", "jpg")}
    lost = store.add(files, source=source)
    for path in (tmp_path / "pictures").glob("*.webp"):
        path.unlink()
    assert store.local(source) is None
    address = await desk.fetch(source)
    assert address != lost
    assert store.local(source) == address


async def test_keeping_a_picture_waits_for_the_disk_in_a_thread(
    desk: PictureDesk, picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()
    sync = os.fsync

    def fsync(handle: int) -> None:
        threads.add(threading.get_ident())
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    await desk.keep(picture())
    assert threads
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    ("path", "refusal"), [("/none.jpg", OutgoingFailed), ("/page.jpg", InvalidInput)]
)
async def test_what_is_no_picture_is_not_kept(
    desk: PictureDesk, store: PictureStore, merchant: TestServer, path: str, refusal: Any
) -> None:
    with pytest.raises(refusal):
        await desk.fetch(str(merchant.make_url(path)))
    assert store.local(str(merchant.make_url(path))) is None


async def test_an_inner_address_is_not_fetched(store: PictureStore, merchant: TestServer) -> None:
    async with SafeClient(OutgoingConfig()) as client:
        with pytest.raises(OutgoingFailed):
            await PictureDesk(store=store, outgoing=client).fetch(str(merchant.make_url("/a.jpg")))


async def test_wanted_pictures_are_settled_whatever_some_are(
    desk: PictureDesk, merchant: TestServer
) -> None:
    settled: list[tuple[str, dict[str, str]]] = []

    async def settle(wanted: Wanted, here: Mapping[str, str]) -> None:
        if wanted.product == "broken":
            raise StoreUnavailable("The database is away.")
        settled.append((wanted.product, dict(here)))

    for product, paths in (("a", ["/none.jpg"]), ("broken", ["/a.jpg"]), ("b", ["/no", "/a.jpg"])):
        sources = tuple(str(merchant.make_url(path)) for path in paths)
        assert desk.want(Wanted(show="one", product=product, sources=sources))
    desk.start(settle)
    await desk.idle()
    source = str(merchant.make_url("/a.jpg"))
    assert settled == [("b", {source: desk.store.local(source)})]


async def test_the_queue_is_bounded(desk: PictureDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Wanted(show="one", product="a", sources=("https://a.example/a.jpg",))
    assert sum(desk.want(wanted) for _ in range(desk_module.MAX_WAITING + 5)) == (
        desk_module.MAX_WAITING
    )


async def test_a_folder_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, picture: MakePicture
) -> None:
    (tmp_path / "file").write_text("in the way")
    async with SafeClient(OPEN) as client:
        desk = PictureDesk(store=PictureStore(tmp_path / "file" / "p"), outgoing=client)
        with pytest.raises(StoreUnavailable, match="cannot be kept"):
            await desk.keep(picture())


async def test_the_gateway_serves_it_for_ever(
    desk: PictureDesk, picture: MakePicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await desk.keep(picture())
    served = Pictures(tmp_path / "pictures")
    answer = served.find(address)
    assert answer is not None
    assert dict(answer.headers)["Content-Type"] == "image/webp"
    assert "immutable" in dict(answer.headers)["Cache-Control"]
    assert served.find(address) is answer
    monkeypatch.setattr(gateway, "MAX_KEPT_BYTES", 1)
    jpeg = served.find(address.replace("webp", "jpg"))
    assert jpeg is not None
    assert dict(jpeg.headers)["Content-Type"] == "image/jpeg"
    assert served.find(address) is not answer
    assert served.find("/elsewhere") is None
    for bad in ("", "../shop.sqlite3", "sources/x", "%2e%2e/x", "a" * 32 + "-999.webp", "0" * 32):
        missing = served.find(f"/pictures/{bad}")
        assert missing is not None
        assert missing.status == 404
