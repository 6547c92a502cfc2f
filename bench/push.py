"""A plain client of media push (docs/media-push.md): events and one rendition on one socket.

It dials again where a socket ends, with how far it has come, as the document says, and keeps what a
viewer would notice: parts and events in their order, what it was told it would not get, and when
each part arrived.
"""

import asyncio
import itertools
import time
from typing import Any

import aiohttp
import msgpack

PROTOCOL = "comptoir.v1.msgpack"
REDIAL_S = 0.05
BUFFER_MS = 500


class PushFollower:
    """One viewer of one media epoch; `run` until cancelled. The HTTP session is the caller's."""

    def __init__(self, http: aiohttp.ClientSession, events_url: str) -> None:
        self._http, self._url = http, events_url
        self._subscribed: dict[str, Any] = {}
        self.numbers: list[int] = []
        """Of the parts, in the order received."""
        self.arrived_s: list[float] = []
        """When each part did, on the monotonic clock."""
        self.offsets: list[int] = []
        """Of the events, and of each `hello` that brings a state of its own."""
        self.skipped: list[tuple[int, int]] = []
        self.faults: list[str] = []
        """What must not be: something doubled, missing or gone back without a word."""
        self.dials = 0
        self._log_epoch = ""

    async def run(self) -> None:
        """Follow, whatever happens to the socket."""
        while True:
            try:
                await self._converse()
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(REDIAL_S)

    @property
    def part_s(self) -> float:
        """The length of the longest part."""
        return float(self._subscribed["part_ms"]) / 1000

    def longest_gap_s(self, first: int) -> float:
        """The longest time without a part, from the last one before the part `first` in order."""
        times = self.arrived_s[max(0, first - 1) :]
        return max((after - at for at, after in itertools.pairwise(times)), default=0.0)

    async def _converse(self) -> None:
        query = {"since": f"{self._log_epoch}:{self.offsets[-1]}"} if self.offsets else {}
        async with self._http.ws_connect(
            self._url, params=query, protocols=(PROTOCOL,), max_msg_size=0
        ) as ws:
            self.dials += 1
            await ws.send_bytes(msgpack.packb(self._subscribe()))
            async for message in ws:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self._take(msgpack.unpackb(message.data))

    def _subscribe(self) -> dict[str, Any]:
        ask: dict[str, Any] = {"type": "subscribe", "buffer_ms": BUFFER_MS}
        if not self.numbers:
            return ask | {"rendition": None, "max_bps": 1}
        known = {key: self._subscribed[key] for key in ("epoch", "rendition")}
        return ask | known | {"at": self.numbers[-1] + 1}

    def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "hello":
                self._hello(message)
            case "event":
                if message["offset"] != self.offsets[-1] + 1:
                    self.faults.append(f"event {message['offset']} after {self.offsets[-1]}")
                self.offsets.append(message["offset"])
            case "subscribed":
                self._subscribed = message
            case "skipped":
                self._expect(message["from"])
                self.skipped.append((message["from"], message["to"]))
            case "part":
                self._expect(message["number"])
                self.numbers.append(message["number"])
                self.arrived_s.append(time.monotonic())
            case "media_over":
                self.faults.append(f"media over: {message['reason']}")

    def _hello(self, hello: dict[str, Any]) -> None:
        if hello["epoch"] == self._log_epoch and hello["offset"] < self.offsets[-1]:
            self.faults.append(f"state of {hello['offset']} after event {self.offsets[-1]}")
        self._log_epoch = hello["epoch"]
        if not hello["recovered"] or not self.offsets:
            self.offsets.append(hello["offset"])

    def _expect(self, number: int) -> None:
        if not self.numbers:
            return
        last = max(self.numbers[-1], *(to for _, to in self.skipped), -1)
        if number != last + 1:
            self.faults.append(f"part {number} after {last}")
