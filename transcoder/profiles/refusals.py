"""Faults of a profile as sentences: the key's path, what was given, what is legal."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from transcoder.profiles.legal import keys_at, legal_at

_LONGEST_KEY = 40
"""A longer one is nobody's slip of the pen; it is compared with none."""
_ABOUT_THE_KIND = frozenset(
    {
        "model_type",
        "tuple_type",
        "int_type",
        "string_type",
        "bool_type",
        "literal_error",
        "string_too_short",
        "string_too_long",
    }
)
"""Faults for which all that is to be said is what may stand there."""


def sentences(error: ValidationError, *, where: str, model: type[BaseModel]) -> str:
    """One line for each fault of what was to be a `model`, each of which begins with `where`."""
    return "\n".join(f"{where}: {_sentence(fault, model)}" for fault in error.errors())


def _sentence(fault: Any, model: type[BaseModel]) -> str:
    path = ".".join(_step(step) for step in fault["loc"])
    message = _message(fault, model)
    given = "" if fault["type"] == "missing" else f" (given: {_short(fault['input'])})"
    return f"{path}: {message[0].lower()}{message[1:]}{given}."


def _message(fault: Any, model: type[BaseModel]) -> str:
    loc, kind = fault["loc"], fault["type"]
    if kind == "extra_forbidden":
        return unknown_key(model, loc)
    legal = legal_at(model, loc)
    if kind == "missing":
        return f"this key is missing{f'; it must be {legal}' if legal else ''}"
    if kind in _ABOUT_THE_KIND and legal:
        return f"it must be {legal}"
    return str(fault["msg"]).removeprefix("Value error, ")


def unknown_key(model: type[BaseModel], loc: Sequence[Any]) -> str:
    """That there is no such key in a `model`, and which there are, the one that was probably meant
    first."""
    key, legal = loc[-1], keys_at(model, loc[:-1])
    if not legal:
        return "there is no such key"
    named = key if isinstance(key, str) and len(key) <= _LONGEST_KEY else ""
    near = difflib.get_close_matches(named, legal, n=1)
    said = f"did you mean {near[0]}? The" if near else "the"
    return f"there is no such key; {said} keys here are {', '.join(legal)}"


def _step(step: object) -> str:
    text = str(step)
    return text if text.isprintable() else repr(text)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
