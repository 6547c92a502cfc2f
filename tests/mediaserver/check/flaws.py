"""Ways in which an origin errs: in the words of playlists, in media, in its answers."""

import asyncio
import gzip
import re
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is broken, and the rules that say so."""

    name: str
    rules: set[str]
    may: set[str] = field(default_factory=set)
    """Rules that may say so too, by when the check began."""
    flaw: dict[str, Any]


def swap(old: str, new: str, *, rendition: str = "", late: bool = False) -> dict[str, Any]:
    """In playlists (or in the index, where `rendition` is "index") `old` reads `new`."""

    def text(body: str, asked: Any) -> str:
        where = "index" if asked.kind == "index" else asked.rendition
        meant = where != "index" if not rendition else where == rendition
        if not meant or (late and asked.reloads < 3):
            return body
        return re.sub(old, new, body)

    return {"text": text}


def drop(old: str, **where: Any) -> dict[str, Any]:
    """Lines that begin so are not there."""
    return swap(rf"(?m)^{old}.*\n", "", **where)


def data(
    change: Callable[[bytes, Any], bytes], kind: str, *, rendition: str = "", from_part: int = 0
) -> dict[str, Any]:
    """Media of that kind (`media`: parts and segments) is changed."""

    def changed(body: bytes, asked: Any) -> bytes:
        kinds = ("part", "segment") if kind == "media" else (kind,)
        if asked.kind not in kinds or rendition not in ("", asked.rendition):
            return body
        return change(body, asked)

    return {"data": changed}


def header(name: str, value: str | None, *kinds: str, status: int = 0) -> dict[str, Any]:
    """A header of those answers is another, or none."""

    def answer(response: web.Response, asked: Any) -> web.Response:
        if asked.kind in kinds and status in (0, response.status):
            response.headers.popall(name, None)
            if value is not None:
                response.headers[name] = value
        return response

    return {"answer": answer}


def status(number: int, kind: str, **query: str) -> dict[str, Any]:
    """Those requests are answered so."""

    def answer(response: web.Response, asked: Any) -> web.Response:
        if asked.kind == kind and query.items() <= asked.query.items():
            response.set_status(number)
        return response

    return {"answer": answer}


def patch(kind: bytes, at: int, layout: str, change: Callable[[int], int]) -> Any:
    """A number in each box of a kind, `at` bytes behind its type."""

    def changed(body: bytes, _: Any) -> bytes:
        made = bytearray(body)
        for match in re.finditer(re.escape(kind), body):
            place = match.end() + at
            (value,) = struct.unpack_from(layout, made, place)
            struct.pack_into(layout, made, place, change(value))
        return bytes(made)

    return changed


def with_edit(body: bytes, _: Any) -> bytes:
    """An init section whose first track is presented a tenth of a second later."""
    elst = struct.pack(">I4sIIIiI", 28, b"elst", 0, 1, 0, 9000, 0x1_0000)
    edts = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
    made = bytearray(body)
    trak = made.index(b"trak") - 4
    for at in (made.index(b"moov") - 4, trak):
        (size,) = struct.unpack_from(">I", made, at)
        struct.pack_into(">I", made, at, size + len(edts))
    return bytes(made[: trak + 8] + edts + made[trak + 8 :])


def no_idr(body: bytes, _: Any) -> bytes:
    """The slices of IDR pictures call themselves others."""
    return body.replace(b"\x65\x88", b"\x41\x88")


def hinted_longer(body: bytes, asked: Any) -> bytes:
    """A part is longer for who asked before it was there."""
    spare = struct.pack(">I4s", 8, b"free")
    return body + spare if asked.hinted else body


def trickled(response: web.Response, asked: Any) -> web.Response:
    """Hinted parts come in two halves."""
    if asked.kind != "part" or not asked.hinted or response.status != 200:
        return response
    whole = bytes(response.body)  # type: ignore[arg-type] # ours is bytes

    async def halves() -> AsyncIterator[bytes]:
        yield whole[:100]
        await asyncio.sleep(0.3)  # longer than a part: the flaw itself
        yield whole[100:]

    return web.Response(body=halves(), headers=response.headers)


def listed_are_lost(response: web.Response, asked: Any) -> web.Response:
    """Parts are there for who asks before they are listed, and for nobody else."""
    if asked.kind == "part" and not asked.hinted:
        response.set_status(404)
    return response


def few_at_once() -> dict[str, Any]:
    """No more than ten are answered who ask for one playlist in the same words."""
    asked_so: Counter[str] = Counter()

    def answer(response: web.Response, asked: Any) -> web.Response:
        asked_so[asked.request.path_qs] += 1
        if "_HLS_part" in asked.query and asked_so[asked.request.path_qs] > 10:
            response.set_status(429)
        return response

    return {"answer": answer}


def no_vary(response: web.Response, _: Any) -> web.Response:
    response.headers.popall("Vary", None)
    return response


def no_gzip(response: web.Response, asked: Any) -> web.Response:
    if response.headers.get("Content-Encoding") == "gzip":
        response.headers.popall("Content-Encoding")
        response.body = gzip.decompress(bytes(response.body))  # type: ignore[arg-type]
    return response


def back(body: str, asked: Any) -> str:
    """After a while the sequence number goes back by one for a single reload."""
    if asked.kind != "playlist" or asked.reloads != 5:
        return body
    return re.sub(
        r"SEQUENCE:([0-9]+)", lambda found: f"SEQUENCE:{max(0, int(found[1]) - 2)}", body, count=1
    )


def short_window(body: str, asked: Any) -> str:
    """Only the last four segments are listed."""
    if asked.kind != "playlist" or "SKIP:" in body:
        return body
    head, *rest = re.split(r"(?m)(?=^#EXT-X-PROGRAM-DATE-TIME)", body)
    lost = max(0, len(rest) - 5)
    head = re.sub(r"SEQUENCE:([0-9]+)", lambda m: f"SEQUENCE:{int(m[1]) + lost}", head)
    head = re.sub(r"CAN-SKIP-UNTIL=6.0,CAN-SKIP-DATERANGES=YES", "CAN-BLOCK=1", head)
    head = re.sub(r"(?m)^#EXT-X-DATERANGE.*\n", "", head)
    return head + "".join(rest[lost:])


def late_map(body: str, asked: Any) -> str:
    if asked.kind != "playlist":
        return body
    return re.sub(
        r"(#EXT-X-PROGRAM-DATE-TIME.*\n)(#EXT-X-PART:.*seg?.*\n|#EXT-X-PART:.*\n)", r"\2\1", body
    )


def behind_mdat(body: bytes, asked: Any) -> bytes:
    """The emsg in front of a part goes behind it."""
    (size,) = struct.unpack_from(">I", body)
    return body[size:] + body[:size] if body[4:8] == b"emsg" else body


def without_emsg(body: bytes, _: Any) -> bytes:
    while b"emsg" in body:
        at = body.index(b"emsg") - 4
        (size,) = struct.unpack_from(">I", body, at)
        body = body[:at] + body[at + size :]
    return body


def clear_sync(body: bytes, _: Any) -> bytes:
    return body.replace(b"\x02\x00\x00\x00", b"\x01\x01\x00\x00")


def other_delta(body: str, asked: Any) -> str:
    """Delta updates say other durations than whole playlists."""
    return body.replace("EXTINF:1.0", "EXTINF:0.999") if "SKIP:" in body else body


def later_dates(body: str, asked: Any) -> str:
    """All dates of one rendition are 50 ms later."""
    if asked.rendition != "large":
        return body

    def later(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[1]) + timedelta(milliseconds=50)
        return "TIME:" + at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

    return re.sub(r"TIME:(.*)", later, body)
