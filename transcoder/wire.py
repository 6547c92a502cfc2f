"""The one wire form of every value that crosses a process wall: msgpack behind a length.

A message on a stream is ``u32 big-endian length`` followed by that many bytes of msgpack: the array
``[tag, version, field, field, …]`` with the fields in the order of the dataclass. A reader refuses
an unknown tag, another version, a missing or surplus field and a field of the wrong type, because
some writers (ingest, the worker) handle strangers' bytes.

Pure: no sockets here. Senders call `frame`; receivers feed what they read to a `Deframer`.
"""

import dataclasses
import operator
import struct
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, Union

import msgpack

from transcoder.errors import WireError

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""No message of ours comes near this; a longer length is a broken or hostile peer."""

_LENGTH = struct.Struct(">I")
_T = TypeVar("_T")
_Check = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    cls: type
    tag: str
    version: int
    names: tuple[str, ...]
    checks: tuple[_Check, ...]
    flat: Callable[[object], tuple[Any, ...]] | None
    """Reads all fields, where each is its own plain form."""


_by_tag: dict[str, _Form] = {}
_by_class: dict[type, _Form] = {}


def wire_value(tag: str, *, version: int) -> Callable[[type[_T]], type[_T]]:
    """Class decorator: give a frozen dataclass its wire form under `tag`.

    Fields may be ``bool``, ``int``, ``float``, ``str``, ``bytes``, ``dict[str, Any]`` (plain data),
    other wire values, ``X | None`` and ``tuple[X, ...]`` of those.
    """

    def register(cls: type[_T]) -> type[_T]:
        if tag in _by_tag and _by_tag[tag].cls.__qualname__ != cls.__qualname__:
            raise ValueError(f"the wire tag {tag!r} is taken by {_by_tag[tag].cls.__qualname__}")
        hints = typing.get_type_hints(cls)
        names = tuple(f.name for f in dataclasses.fields(cls))  # type: ignore[arg-type]
        checks = tuple(_check_for(hints[name]) for name in names)
        flat = len(names) > 1 and all(_is_flat(hints[name]) for name in names)
        fields = operator.attrgetter(*names) if flat else None
        form = _Form(cls=cls, tag=tag, version=version, names=names, checks=checks, flat=fields)
        _by_tag[tag] = _by_class[cls] = form
        return cls

    return register


def encode(value: object) -> bytes:
    """The msgpack bytes of one wire value, without its length."""
    return typing.cast(bytes, msgpack.packb(_plain(value), use_bin_type=True))


def frame(value: object) -> bytes:
    """`encode`, with the length in front: what goes onto a stream socket."""
    body = encode(value)
    if len(body) > MAX_MESSAGE_BYTES:
        raise WireError(f"a message of {len(body)} bytes is over the limit of {MAX_MESSAGE_BYTES}")
    return _LENGTH.pack(len(body)) + body


def decode(data: bytes) -> Any:
    """The wire value in `data` (one message, without its length). Raises `WireError`."""
    try:
        plain = msgpack.unpackb(data, raw=False, use_list=True, strict_map_key=True)
    except Exception as exc:  # msgpack raises half a dozen unrelated types
        raise WireError(f"not a msgpack message: {exc}") from None
    return _value(plain)


class Deframer:
    """Cuts a byte stream into wire values. Feed it whatever arrived; it keeps the rest.

    Holds at most one incomplete message (`MAX_MESSAGE_BYTES`).
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """Yield every value completed by `data`. Raises `WireError`; the stream is then lost."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_MESSAGE_BYTES:
                raise WireError(f"a message of {length} bytes is over {MAX_MESSAGE_BYTES}")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield decode(body)


def _plain(value: object) -> Any:
    form = _by_class.get(type(value))
    if form is not None:
        if form.flat is not None:
            return [form.tag, form.version, *form.flat(value)]
        fields = [_plain(getattr(value, name)) for name in form.names]
        return [form.tag, form.version, *fields]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _value(plain: Any) -> Any:
    if not isinstance(plain, list) or len(plain) < 2 or not isinstance(plain[0], str):
        raise WireError("a message is an array of tag, version and fields")
    form = _by_tag.get(plain[0])
    if form is None:
        raise WireError(f"the tag {plain[0][:40]!r} is not one of ours")
    if plain[1] != form.version:
        raise WireError(f"{form.tag}: version {plain[1]!r} was sent, {form.version} is due")
    fields = plain[2:]
    if len(fields) != len(form.names):
        raise WireError(f"{form.tag}: {len(fields)} fields were sent, {len(form.names)} are due")
    checked = {}
    for name, check, field in zip(form.names, form.checks, fields, strict=True):
        try:
            checked[name] = check(field)
        except WireError as exc:
            raise WireError(f"{form.tag}.{name}: {exc}") from None
    try:
        return form.cls(**checked)
    except ValueError as exc:
        raise WireError(f"{form.tag}: {exc}") from None


def _is_flat(hint: Any) -> bool:
    """Whether a field of this type is its own plain form."""
    if typing.get_origin(hint) in (Union, types.UnionType):
        return all(_is_flat(arg) for arg in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return True
    return hint in (bool, int, float, str, bytes, type(None))


def _check_for(hint: Any) -> _Check:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return _tuple_check(_check_for(args[0]))
    if origin in (Union, types.UnionType) and type(None) in args:
        (inner,) = (arg for arg in args if arg is not type(None))
        return _optional_check(_check_for(inner))
    if origin is typing.Literal:
        return _literal_check(args)
    if origin is dict or hint is dict:
        return _type_check(dict)
    if hint is float:
        return _float_check
    if hint in (int, str, bytes, bool):
        return _type_check(hint)
    if dataclasses.is_dataclass(hint):
        return _nested_check(typing.cast(type, hint))
    raise TypeError(f"{hint!r} has no wire form")


def _type_check(kind: type) -> _Check:
    def check(field: Any) -> Any:
        if type(field) is not kind:
            raise WireError(f"{type(field).__name__} was sent, {kind.__name__} is due")
        return field

    return check


def _float_check(field: Any) -> float:
    if type(field) not in (int, float):
        raise WireError(f"{type(field).__name__} was sent, float is due")
    return float(field)


def _literal_check(legal: tuple[Any, ...]) -> _Check:
    def check(field: Any) -> Any:
        if field not in legal:
            raise WireError(f"{str(field)[:40]!r} was sent, one of {legal} is due")
        return field

    return check


def _optional_check(inner: _Check) -> _Check:
    return lambda field: None if field is None else inner(field)


def _tuple_check(inner: _Check) -> _Check:
    def check(field: Any) -> tuple[Any, ...]:
        if not isinstance(field, list):
            raise WireError(f"{type(field).__name__} was sent, an array is due")
        return tuple(inner(item) for item in field)

    return check


def _nested_check(kind: type) -> _Check:
    def check(field: Any) -> Any:
        value = _value(field)
        if type(value) is not kind:
            raise WireError(f"{type(value).__name__} was sent, {kind.__name__} is due")
        return value

    return check
