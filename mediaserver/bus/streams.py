"""How a show lies in Redis: keys, stream ids, entries and the scripts that write them. Pure.

========================== =========================================================================
``comptoir:known``         sorted set: the shows that nodes speak for, by when they last said so
                           (Unix ms at Redis); who has not for `LIFE_S` leaves it
``comptoir:{SHOW}:owner``  the lease: the node that speaks for the show; expires unless renewed
``comptoir:{SHOW}:head``   hash: `generation` of the owner; `owner`, `status`, `audience`, `inits`,
                           `log` as framed messages; `log_at`, the id in the log stream that
                           `log` is folded up to; `filling` while the owner rewrites what was lost
``comptoir:{SHOW}:media``  stream: init sections, whole steps of parts, the epoch's end
``comptoir:{SHOW}:log``    stream: the show's events, and a snapshot where they would not lead there
``comptoir:{SHOW}:news``   stream: status, audience, owner, what is for one viewer alone
``comptoir:{SHOW}:poster`` stream of one: the newest poster
``comptoir:{SHOW}:thumbs`` stream: the thumbnails of the window
``comptoir:{SHOW}:up``     stream: what gateways tell the owner
========================== =========================================================================

Nothing stays for ever. The owner gives all keys of its show `LIFE_S` more with each renewal of the
lease, streams get the head's rest of life when they are begun, and all of them go together: what
follows finds either a whole show or none, as after a FLUSHALL. Nothing is lost by that which must
not go back: log and media are numbered by main, generations by Redis' time at the least.

The braces make all keys of a show one slot of a Redis Cluster. All streams but the last have ids of
ours, ``generation-n``: `n` is the event's offset in the log and a running number elsewhere, and the
*generation* is the owner's fencing token, which grows with every claim. "XADD … the ID … must be
greater than any other ID in the stream": a stale owner's append fails by itself. The scripts refuse
it before that, and notice a head that is gone (FLUSHALL, a Redis without its disk).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Stream = Literal["log", "media", "news", "poster", "thumbs", "up"]

KNOWN = "comptoir:known"
FOLLOWED: tuple[Stream, ...] = ("log", "media", "news", "poster", "thumbs")
"""In the order in which a gateway takes them: cues before media."""
ALL: tuple[Stream, ...] = (*FOLLOWED, "up")
PICTURED: tuple[Stream, ...] = ("poster", "thumbs")
"""Read from their beginning: they hold what is wanted and nothing else."""

LIFE_S = 3600.0
"""How long a show that nobody speaks for stays in Redis: much longer than any lease (300 s), and
than a gateway's window."""
LOG_ENTRIES = 2000
"""Events kept for gateways that were away: who missed more is given the snapshot."""
NEWS_ENTRIES = 1000
UP_ENTRIES = 1000

CLAIM = """
local owner = redis.call('GET', KEYS[1])
if owner and (owner ~= ARGV[1] or ARGV[4] ~= 'again') then return {'taken', owner} end
local known = redis.call('HGET', KEYS[2], 'generation')
local next = math.max(tonumber(known or '0'), tonumber(ARGV[3])) + 1
next = math.max(next, tonumber(redis.call('TIME')[1]))
local generation = string.format('%.0f', next)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], 'generation', generation, 'filling', '1')
for n = 2, #KEYS do redis.call('PEXPIRE', KEYS[n], ARGV[5]) end
return {'claimed', generation}
"""
"""KEYS owner, head, all streams; ARGV node, lease in ms, a generation that was seen, how, life in
ms.

How: `again` takes this node's own lease anew, `now` a free one alone. The generation is at least
Redis' own time in seconds, so that it grows even where all was lost, or has ended its life."""

RENEW = """
local owner = redis.call('GET', KEYS[1])
local generation = redis.call('HGET', KEYS[2], 'generation')
if owner == ARGV[1] and generation == ARGV[2] then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  for n = 2, #KEYS do redis.call('PEXPIRE', KEYS[n], ARGV[4]) end
  return 'ok'
end
if owner and (owner ~= ARGV[1] or generation) then return 'taken' end
if generation and tonumber(generation) > tonumber(ARGV[2]) then return 'taken' end
return 'gone'
"""
"""KEYS owner, head, all streams; ARGV node, generation, lease and life in ms. `gone`: the lease is
free."""

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1]
   and redis.call('HGET', KEYS[2], 'generation') == ARGV[2] then
  redis.call('DEL', KEYS[1])
end
return 'ok'
"""
"""KEYS owner, head; ARGV node, generation."""

APPEND = """
local generation = redis.call('HGET', KEYS[1], 'generation')
if not generation then return 'gone' end
if generation ~= ARGV[1] then return 'taken' end
local added = redis.pcall('XADD', KEYS[2], 'MAXLEN', ARGV[2], ARGV[3], unpack(ARGV, 4))
if type(added) == 'table' and added.err then
  if string.find(added.err, 'equal or smaller', 1, true) then return 'refused' end
  return added
end
if redis.call('PTTL', KEYS[2]) < 0 then
  local life = redis.call('PTTL', KEYS[1])
  if life > 0 then redis.call('PEXPIRE', KEYS[2], life) end
end
return 'ok'
"""
"""KEYS head, stream; ARGV generation, entries kept, id, fields and values.

`refused`: the stream has a newer id. Any other error, such as that of a full memory, is answered as
it is."""

WRITE_HEAD = """
local generation = redis.call('HGET', KEYS[1], 'generation')
if not generation then return 'gone' end
if generation ~= ARGV[1] then return 'taken' end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 'ok'
"""
"""KEYS head; ARGV generation, fields and values."""

ANNOUNCE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - ARGV[2]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'ok'
"""
"""KEYS known; ARGV show, life in ms. An owner says that it is there, and strikes out those who have
not for their life, and those of a time to come, which a clock that went back leaves. One who comes
back is on the list by its own word: nobody can strike it out at that moment."""

TELL = """
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return id
"""
"""KEYS up; ARGV entries kept, life in ms, fields and values. It has its life from those who write
it: the owner may be dead."""

JOIN = """
return {redis.call('HGETALL', KEYS[1]), redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)}
"""
"""KEYS head, news: the head, and the last entry of the news that it is as new as."""

_ID = re.compile(r"[0-9]{1,19}-[0-9]{1,19}", re.ASCII)
_NUMBER_END = 2**63


def key(show: str, what: Stream | Literal["owner", "head"]) -> str:
    """The key of a show's `what`."""
    return f"comptoir:{{{show}}}:{what}"


def place(entry_id: str) -> tuple[int, int]:
    """An id of Redis', to be compared with others."""
    first, _, second = entry_id.partition("-")
    return int(first), int(second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a stream."""

    id: str
    data: bytes
    """Framed messages."""
    at_ms: int
    """Unix time at the writer's."""
    epoch: str = ""
    number: int = -1
    """As in `mediaserver.bus.said.Said`."""

    @property
    def fields(self) -> tuple[str | bytes | int, ...]:
        """As XADD wants them."""
        return ("t", self.at_ms, "e", self.epoch, "n", self.number, "m", self.data)


def entry(raw_id: bytes, raw: Mapping[bytes, bytes]) -> Entry:
    """What XREAD gives. Raises `ValueError` for what is no entry of ours."""
    try:
        found = Entry(
            id=raw_id.decode(),
            data=raw[b"m"],
            at_ms=int(raw[b"t"]),
            epoch=raw[b"e"].decode(),
            number=int(raw[b"n"]),
        )
    except (KeyError, UnicodeDecodeError) as exc:
        raise ValueError(f"the entry {raw_id!r} has not the fields of ours: {exc}") from None
    if not 0 <= found.at_ms < _NUMBER_END or not -1 <= found.number < _NUMBER_END:
        raise ValueError(f"the entry {raw_id!r} has a number that is none of ours")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What `JOIN` gives: where a gateway begins."""

    messages: bytes
    """Owner, status, audience and init sections as framed messages."""
    log: bytes
    log_at: str
    news_at: str
    filling: bool


def head(raw: Any) -> Head | None:
    """The answer of `JOIN`; None while nobody has said how the show fares. Raises `ValueError` for
    what is no head of ours."""
    try:
        flat, newest = raw
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        news_at = newest[0][0].decode() if newest else "0-0"
        log_at = fields.get(b"log_at", b"0-0").decode()
    except (TypeError, AttributeError, IndexError) as exc:
        raise ValueError(f"that is no head of a show: {type(exc).__name__}") from None
    if b"status" not in fields:
        return None
    if not _ID.fullmatch(log_at):
        raise ValueError("log_at is no id of a stream")
    names = (b"owner", b"status", b"audience", b"inits")
    return Head(
        messages=b"".join(fields.get(name, b"") for name in names),
        log=fields.get(b"log", b""),
        log_at=log_at,
        news_at=news_at,
        filling=fields.get(b"filling") == b"1",
    )
