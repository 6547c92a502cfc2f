"""Faults of a profile as sentences: the key's path, what was given, what is legal."""

from typing import Any

from pydantic import ValidationError

_MESSAGES = {
    "extra_forbidden": "there is no such key",
    "missing": "this key is missing",
    "model_type": "it must be a mapping of keys",
    "tuple_type": "it must be a list",
    "int_type": "it must be a whole number",
    "string_type": "it must be a text",
    "bool_type": "it must be true or false",
}


def sentences(error: ValidationError, *, where: str) -> str:
    """One line for each fault, each of which begins with `where`."""
    return "\n".join(f"{where}: {_sentence(fault)}" for fault in error.errors())


def _sentence(fault: Any) -> str:
    path = ".".join(str(step) for step in fault["loc"])
    message = _message(fault)
    given = "" if fault["type"] == "missing" else f" (given: {_short(fault['input'])})"
    return f"{path}: {message[0].lower()}{message[1:]}{given}."


def _message(fault: Any) -> str:
    if fault["type"] == "literal_error":
        legal: str = fault["ctx"]["expected"]
        return f"it must be {legal}"
    return _MESSAGES.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
