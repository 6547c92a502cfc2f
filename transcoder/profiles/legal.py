"""What is legal at a place of a model, in words, read off its types.

A place is a path as pydantic gives it (`loc`): names of keys, and numbers of items of lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Between:
    """The rule that a number lies within `low` and `high`, said in words when it does not."""

    low: int
    high: int

    def __call__(self, value: int) -> int:
        if not self.low <= value <= self.high:
            raise ValueError(f"it must be {self.low} to {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """The rule that a number is one of these."""

    values: tuple[int, ...]

    def __call__(self, value: int) -> int:
        if value not in self.values:
            raise ValueError(f"it must be one of {', '.join(map(str, self.values))}")
        return value


def between(low: int, high: int) -> AfterValidator:
    """For ``Annotated[int, …]``: `Between`."""
    return AfterValidator(Between(low, high))


def one_of(values: Sequence[int]) -> AfterValidator:
    """For ``Annotated[int, …]``: `OneOf`."""
    return AfterValidator(OneOf(tuple(values)))


def keys_at(model: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """The legal keys of the mapping at `path`; none where there is no mapping."""
    place = _place(model, path)
    inner = None if place is None else _required(place[0])
    return tuple(inner.model_fields) if _is_model(inner) else ()


def legal_at(model: type[BaseModel], path: Sequence[str | int]) -> str | None:
    """What may stand at `path`, to follow "it must be"; None where that is not known."""
    place = _place(model, path)
    return None if place is None else _words(*place)


_Place = tuple[Any, tuple[Any, ...], str | None]
"""A type, what is annotated to it, and a description in words of its own."""


def _place(model: type[BaseModel], path: Sequence[str | int]) -> _Place | None:
    place: _Place = (model, (), None)
    for step in path:
        kind = _required(place[0])
        field = kind.model_fields.get(str(step)) if _is_model(kind) else None
        if isinstance(field, FieldInfo):
            place = (field.annotation, tuple(field.metadata), field.description)
        elif get_origin(kind) is tuple and isinstance(step, int):
            place = (get_args(kind)[0], (), None)
        elif get_origin(kind) is dict:
            place = (get_args(kind)[1], (), None)
        else:
            return None
    return place


def _words(kind: Any, rules: tuple[Any, ...], description: str | None) -> str | None:
    needed = _required(kind)
    words = description or _plain_words(needed, rules)
    if words is None or needed is kind:
        return words
    return f"{words}, or null"


def _plain_words(kind: Any, rules: tuple[Any, ...]) -> str | None:
    if _is_model(kind):
        return f"a mapping of the keys {', '.join(kind.model_fields)}"
    if get_origin(kind) is Literal:
        return _choice([repr(value) for value in get_args(kind)])
    if get_origin(kind) is tuple:
        items = _words(get_args(kind)[0], (), None)
        return "a list" if items is None else f"a list, each item {items}"
    if kind is bool:
        return "true or false"
    if kind is int:
        return _number(rules)
    return f"a text{_length(rules)}" if kind is str else None


def _number(rules: tuple[Any, ...]) -> str:
    for rule in rules:
        check = getattr(rule, "func", None)
        if isinstance(check, Between):
            return f"a whole number from {check.low} to {check.high}"
        if isinstance(check, OneOf):
            return f"one of {', '.join(map(str, check.values))}"
    return "a whole number"


def _length(rules: tuple[Any, ...]) -> str:
    least = next((rule.min_length for rule in rules if hasattr(rule, "min_length")), 0)
    most = next((rule.max_length for rule in rules if hasattr(rule, "max_length")), None)
    if most is None:
        return ""
    return f" of {f'{least} to' if least else 'at most'} {most} characters"


def _required(kind: Any) -> Any:
    """`X` of ``X | None``; everything else as it is."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [each for each in get_args(kind) if each is not NoneType]
        return kinds[0] if len(kinds) == 1 else kind
    return kind


def _is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _choice(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
