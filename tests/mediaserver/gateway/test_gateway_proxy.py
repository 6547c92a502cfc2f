"""What is not the gateway's goes to main and comes back unchanged."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mediaserver.gateway.proxy import MAX_BODY_BYTES

StartMain = Callable[[Any], Awaitable[None]]


async def echo(request: web.BaseRequest) -> web.Response:
    """Says what main saw."""
    body = await request.read()
    seen = {
        "method": request.method,
        "target": request.path_qs if request.raw_path is None else request.raw_path,
        "headers": [[name.lower(), value] for name, value in request.headers.items()],
        "body": body.decode("latin-1"),
    }
    return web.json_response(seen)


async def seen_by_main(response: aiohttp.ClientResponse) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(await response.read())
    seen["headers"] = dict(seen["headers"])
    return seen


async def test_a_whip_exchange_passes_unchanged(gateway: Any, main_http: StartMain) -> None:
    async def whip(request: web.BaseRequest) -> web.Response:
        assert await request.text() == "v=0\r\n"
        assert request.headers["Authorization"] == "Bearer secret-secret-secret"
        return web.Response(
            status=201,
            text="v=0 answer",
            content_type="application/sdp",
            headers=[
                ("Location", "/live/demo/whip/abc"),
                ("ETag", '"e1"'),
                ("Link", "<a>"),
                ("Link", "<b>"),
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Expose-Headers", "Location, ETag"),
            ],
        )

    await main_http(whip)
    async with gateway.http.post(
        f"{gateway.url}/live/demo/whip",
        data="v=0\r\n",
        headers={
            "Content-Type": "application/sdp",
            "Authorization": "Bearer secret-secret-secret",
        },
    ) as response:
        assert response.status == 201
        assert response.headers["Location"] == "/live/demo/whip/abc"
        assert response.headers["ETag"] == '"e1"'
        assert response.headers.getall("Link") == ["<a>", "<b>"]
        assert response.headers["Access-Control-Expose-Headers"] == "Location, ETag"
        assert response.content_type == "application/sdp"
        assert await response.text() == "v=0 answer"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods_targets_and_bodies(gateway: Any, main_http: StartMain, method: str) -> None:
    await main_http(echo)
    body = b"" if method in ("GET", "OPTIONS", "DELETE") else b"\x00\xff body"
    async with gateway.http.request(
        method, gateway.url + "/live/demo/whip/a%2Fb?x=%20y&x=2", data=body or None
    ) as response:
        assert response.status == 200
        seen = await seen_by_main(response)
    assert seen["method"] == method
    assert seen["target"] == "/live/demo/whip/a%2Fb?x=%20y&x=2"
    assert seen["body"] == body.decode("latin-1")


async def test_an_empty_post_stays_empty(gateway: Any, main_http: StartMain) -> None:
    await main_http(echo)
    async with gateway.http.post(f"{gateway.url}/whip", data=b"") as response:
        seen = await seen_by_main(response)
    assert seen["body"] == ""
    assert "transfer-encoding" not in seen["headers"]


async def test_hop_by_hop_fields_and_forwarding_claims_end_here(
    gateway: Any, main_http: StartMain
) -> None:
    await main_http(echo)
    async with gateway.http.get(
        f"{gateway.url}/api/v1/x",
        headers={
            "Connection": "keep-alive, X-Private",
            "X-Private": "1",
            "TE": "trailers",
            "Proxy-Authorization": "Basic x",
            "X-Forwarded-For": "6.6.6.6",
            "X-Forwarded-Port": "1",
            "Forwarded": "for=6.6.6.6",
            "X-Real-IP": "6.6.6.6",
            "Host": "shop.example",
            "X-Kept": "1",
        },
    ) as response:
        headers = (await seen_by_main(response))["headers"]
    for name in ("x-private", "te", "proxy-authorization", "forwarded", "x-real-ip"):
        assert name not in headers
    assert "x-forwarded-port" not in headers
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == headers["host"] == "shop.example"
    assert headers["x-kept"] == "1"


async def test_encoded_bodies_pass_both_ways_as_they_are(
    gateway: Any, main_http: StartMain
) -> None:
    packed = gzip.compress(b"[]")

    async def answer(request: web.BaseRequest) -> web.Response:
        assert await request.read() == packed
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    await main_http(answer)
    async with gateway.http.post(
        f"{gateway.url}/api/v1/x",
        data=packed,
        headers={"Content-Encoding": "gzip"},
        auto_decompress=False,
    ) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert await response.read() == packed


async def test_head_and_bodiless_statuses(gateway: Any, main_http: StartMain) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "HEAD":
            return web.Response(body=b"12345")
        return web.Response(status=204)

    await main_http(answer)
    async with gateway.http.head(f"{gateway.url}/api/v1/x") as response:
        assert (response.status, response.headers["Content-Length"]) == (200, "5")
    async with gateway.http.delete(f"{gateway.url}/api/v1/x") as response:
        assert (response.status, await response.read()) == (204, b"")


async def test_redirects_are_the_clients_to_follow(gateway: Any, main_http: StartMain) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    await main_http(answer)
    async with gateway.http.get(f"{gateway.url}/old", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, "/elsewhere")


async def test_bodies_are_streamed_both_ways(gateway: Any, main_http: StartMain) -> None:
    got_first = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            got_first.set()
            await response.write(chunk.upper())
        await response.write_eof()
        return response

    async def body() -> AsyncIterator[bytes]:
        yield b"first "
        await got_first.wait()  # main has it before the rest is sent
        yield b"second"

    await main_http(answer)
    async with asyncio.timeout(10):
        async with gateway.http.post(f"{gateway.url}/api/v1/x", data=body()) as response:
            assert await response.read() == b"FIRST SECOND"


async def test_a_client_that_expects_100_gets_it(gateway: Any, main_http: StartMain) -> None:
    await main_http(echo)
    async with asyncio.timeout(10):
        async with gateway.http.post(
            f"{gateway.url}/api/v1/x", data=b"after", expect100=True
        ) as response:
            seen = await seen_by_main(response)
    assert seen["body"] == "after"
    assert "expect" not in seen["headers"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused(
    gateway: Any, main_http: StartMain, chunked: bool
) -> None:
    await main_http(echo)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 65536 + 1):
            yield bytes(65536)

    data = body() if chunked else io.BytesIO(bytes(MAX_BODY_BYTES + 1))
    async with gateway.http.post(f"{gateway.url}/live/demo/whip", data=data) as response:
        assert response.status == 413
        assert json.loads(await response.read())["error"]["code"] == "body_too_large"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    async with gateway.http.post(f"{gateway.url}/api/v1/x", data=bytes(MAX_BODY_BYTES)) as response:
        assert response.status == 200


async def test_main_may_refuse_a_body_before_it_has_read_it(
    gateway: Any, main_http: StartMain
) -> None:
    async def refuse(_: web.BaseRequest) -> web.Response:
        response = web.Response(status=413, text="too large for me")
        response.force_close()
        return response

    await main_http(refuse)
    for _ in range(5):
        async with gateway.http.post(
            f"{gateway.url}/live/demo/whip", data=io.BytesIO(bytes(900_000))
        ) as response:
            assert (response.status, await response.text()) == (413, "too large for me")


async def test_without_main_the_answer_is_503_and_media_goes_on(
    gateway: Any, broadcast: Callable[..., Any]
) -> None:
    show = broadcast()
    await gateway.take(show.status(), *show.inits(), *show.many(2))
    async with gateway.http.get(f"{gateway.url}/api/v1/x") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
        assert response.headers["Cache-Control"] == "no-store"
        assert json.loads(await response.read())["error"]["code"] == "process_unavailable"
    async with gateway.http.get(f"{gateway.url}/live/demo/index.m3u8") as response:
        assert response.status == 200


async def test_main_that_hangs_up_is_503(gateway: Any, main_http: StartMain) -> None:
    async def hang_up(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    await main_http(hang_up)
    async with gateway.http.post(f"{gateway.url}/whip", data=b"x") as response:
        assert response.status == 503


async def test_main_that_is_slow_is_504_and_a_slow_body_is_408(
    gateway: Any, main_http: StartMain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaserver.gateway.proxy.TIMEOUT_S", 0.05)
    never = asyncio.Event()

    async def wait(request: web.BaseRequest) -> web.Response:
        await request.read()
        await never.wait()
        return web.Response()

    async def body() -> AsyncIterator[bytes]:
        yield b"a little"
        await never.wait()

    await main_http(wait)
    async with gateway.http.get(f"{gateway.url}/api/v1/x") as response:
        assert response.status == 504
    async with gateway.http.post(f"{gateway.url}/api/v1/x", data=body()) as response:
        assert response.status == 408


async def test_a_response_that_breaks_off_breaks_off_for_the_client_too(
    gateway: Any, main_http: StartMain
) -> None:
    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "10"})
        await response.prepare(request)
        await response.write(b"12345")
        assert request.transport is not None
        request.transport.close()
        return response

    await main_http(half)
    with pytest.raises(aiohttp.ClientError):
        async with gateway.http.get(f"{gateway.url}/api/v1/x") as response:
            await response.read()


async def test_faces_and_livez_are_read_only(gateway: Any) -> None:
    async with gateway.http.get(f"{gateway.url}/livez") as response:
        assert (response.status, await response.text()) == (200, "ok\n")
    async with gateway.http.post(f"{gateway.url}/livez") as response:
        assert response.status == 405
    async with gateway.http.get(f"{gateway.url}/watch/demo") as response:
        assert response.status == 503
        assert "make setup" in await response.text()
    async with gateway.http.head(f"{gateway.url}/") as response:
        assert (response.status, await response.read()) == (503, b"")
