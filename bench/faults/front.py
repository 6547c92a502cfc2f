"""Puts a relay in a publisher's way: a WHIP endpoint whose answers name the relay alone.

Any client can publish through it. Of its offer the candidates are taken out, as if it stood behind
a NAT: a server that checks these would find the way past the relay, and ICE would take it. Of the
server's answer only the candidates are changed. In a browser `through` does that to the answer
which Playwright has fetched, because a studio posts to the origin it came from.
"""

import re
from collections.abc import Mapping

import aiohttp
from aiohttp import web

from bench.faults.relay import HOST, Relay

MAX_BODY_BYTES = 256 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=15)
_CANDIDATE = re.compile(r"^a=candidate:.*(?:\r\n|\n|$)", re.MULTILINE)
_END = re.compile(r"^a=end-of-candidates[^\n]*(?:\n|$)", re.MULTILINE)
_HOP_BY_HOP = {"connection", "content-length", "date", "host", "keep-alive", "server",
               "transfer-encoding", "content-encoding", "accept-encoding"}  # fmt: skip


def through(answer_sdp: str, port: int) -> str:
    """The answer with the relay at `port` as the one candidate of each m-line."""
    head, *media = re.split(r"(?m)^(?=m=)", behind_nat(answer_sdp))
    line = f"a=candidate:1 1 udp 2130706431 {HOST} {port} typ host\r\na=end-of-candidates\r\n"
    return head + "".join(_ended(each) + line for each in media)


def behind_nat(offer_sdp: str) -> str:
    """The offer without a candidate, and without word that there will be none: the server is to
    learn the publisher's address from its checks (RFC 8445 §7.3.1.3, peer-reflexive)."""
    return _END.sub("", _CANDIDATE.sub("", offer_sdp))


def served_port(answer_sdp: str) -> int:
    """The UDP port of the answer's candidate on this machine's loopback, else of its first one.

    Raises `ValueError` where there is none.
    """
    found = re.findall(r"(?m)^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer_sdp)
    ports = [int(port) for host, port in sorted(found, key=lambda each: each[0] != HOST)]
    if not ports:
        raise ValueError("the answer has no candidate")
    return ports[0]


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\r\n"


class Front:
    """An HTTP server of its own before one server's WHIP endpoints: `open`, `close`.

    While the line is dark it answers nobody. A relay without a fixed target is aimed at the
    candidate of each answer that passes: a server may have a port for each publish.
    """

    def __init__(self, *, server_url: str, relay: Relay, relay_port: int) -> None:
        self._server_url = server_url.rstrip("/")
        self._relay, self._relay_port = relay, relay_port
        self._http: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def open(self) -> int:
        """Begin to serve; returns the TCP port."""
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=True)
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Serve no more."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    async def _forward(self, request: web.Request) -> web.Response:
        if self._http is None:
            raise web.HTTPServiceUnavailable
        if self._relay.dark:
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPServiceUnavailable
        asked = await request.read()
        if request.content_type == "application/sdp":
            asked = behind_nat(asked.decode(errors="replace")).encode()
        async with self._http.request(
            request.method, self._server_url + request.raw_path,
            data=asked, headers=_end_to_end(request.headers), allow_redirects=False,
        ) as response:  # fmt: skip
            body, headers = await response.read(), _end_to_end(response.headers)
            if response.content_type == "application/sdp" and response.status == 201:
                answer = body.decode()
                if not self._relay.fixed:
                    self._relay.aim(served_port(answer))
                body = through(answer, self._relay_port).encode()
            return web.Response(status=response.status, body=body, headers=headers)


def _end_to_end(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP]
