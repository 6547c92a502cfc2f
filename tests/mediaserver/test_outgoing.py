"""The safe client: where it goes, where it never goes, and how much it takes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.config import OutgoingConfig
from mediaserver.outgoing import SafeClient, is_public
from overlay.outgoing import OutgoingFailed

PUBLIC = "93.184.215.14"
OPEN = OutgoingConfig(allow_private=True, allow_http=True, ports=(), timeout_s=5)


def _names(**addresses: Sequence[str]) -> Any:
    """A name server that knows these, and counts how often it is asked."""

    async def resolve(host: str) -> Sequence[str]:
        resolve.asked.append(host)  # type: ignore[attr-defined]
        return addresses.get(host.replace(".", "_"), ())

    resolve.asked = []  # type: ignore[attr-defined]
    return resolve


@pytest.fixture
async def world() -> AsyncIterator[TestServer]:
    """A server with every bad habit."""
    held: list[asyncio.Event] = []

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"a")
        held.append(asyncio.Event())
        await held[-1].wait()
        return response

    async def huge(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(64):
            await response.write(b"x" * 65536)
        return response

    async def echo(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "method": request.method,
                "host": request.host,
                "cookie": request.headers.get("Cookie"),
                "encoding": request.headers.get("Accept-Encoding"),
                "body": (await request.read()).decode(),
            },
            headers={"Set-Cookie": "a=b"},
        )

    async def away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/"})

    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    app = web.Application()
    app.add_routes(
        [
            web.route("*", "/echo", echo),
            web.get("/slow", slow),
            web.get("/huge", huge),
            web.get("/away", away),
            web.get("/packed", packed),
        ]
    )
    server = TestServer(app)
    async with server:
        yield server
        for event in held:
            event.set()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",  # noqa: S104 - never bound
        "169.254.169.254", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1",
        "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1",
        "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "2002:7f00:1::", "2001:0:7f00:1::", "fec0::1", "not an address", "",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://169.254.169.254/latest/meta-data/",
        "https://127。0。0。1/",
        "https://localhost/",
        "https://intranet.example/",
        "https://both.example/",
        "https://nowhere.example/",
        "https://user@public.example/",
        "https://public.example\\@127.0.0.1/",
        "https://public.example:22/",
        "https://public.example:99999/",
        "https:///etc/passwd",
        "http://public.example/",
        "file:///etc/passwd",
        "gopher://public.example/",
        "ftp://public.example/",
        "//public.example/",
        "https://public.example/a b",
        "https://public.example/\r\nHost: x",
        "https://[::1/",
        "https://" + "a" * 3000,
        "",
    ],
)
async def test_where_no_request_goes(url: str) -> None:
    names = _names(
        localhost=["127.0.0.1"],
        intranet_example=["10.0.0.7"],
        both_example=[PUBLIC, "127.0.0.1"],
    )
    async with SafeClient(OutgoingConfig(), resolve=names) as client:
        with pytest.raises(OutgoingFailed) as refused:
            await client.request("GET", url, max_bytes=1000)
    assert str(refused.value).endswith(".")


async def test_the_connection_is_made_to_the_address_that_was_checked(world: TestServer) -> None:
    """A name server that would answer otherwise the second time is never asked twice."""
    names = _names(shop_example=["127.0.0.1"])
    async with SafeClient(OPEN, resolve=names) as client:
        reply = await client.request(
            "POST",
            f"http://shop.example:{world.port}/echo",
            headers={"Content-Type": "text/plain"},
            body=b"hello",
            max_bytes=1000,
        )
        again = await client.request(
            "GET", f"http://shop.example:{world.port}/echo", max_bytes=1000
        )
    assert names.asked == ["shop.example"] * 2
    assert reply.status == 200
    assert b'"body": "hello"' in reply.body
    assert f'"host": "shop.example:{world.port}"'.encode() in reply.body
    assert b'"encoding": "identity"' in reply.body
    assert b'"cookie": null' in again.body


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/away", "redirect"),
        ("/huge", "more than 100000 bytes"),
        ("/packed", "compressed"),
        ("/slow", "took more than 1 seconds"),
    ],
)
async def test_what_is_not_taken(world: TestServer, path: str, sentence: str) -> None:
    async with SafeClient(OPEN) as client:
        with pytest.raises(OutgoingFailed, match=sentence):
            await client.request(
                "GET", f"http://127.0.0.1:{world.port}{path}", max_bytes=100_000, timeout_s=1.0
            )


async def test_nobody_there_is_a_sentence(unused_tcp_port: int) -> None:
    async with SafeClient(OPEN) as client:
        with pytest.raises(OutgoingFailed, match="cannot be asked"):
            await client.request("GET", f"http://127.0.0.1:{unused_tcp_port}/", max_bytes=10)


@given(st.text(max_size=60))
def test_any_address_goes_nowhere_or_is_refused_in_words(text: str) -> None:
    async def ask() -> None:
        async with SafeClient(OutgoingConfig(), resolve=_names()) as client:
            for url in (text, f"https://{text}/", f"https://a.example/{text}"):
                with pytest.raises(OutgoingFailed):
                    await client.request("GET", url, max_bytes=10)

    asyncio.run(ask())
