"""What the sections of the configuration share."""

import re

from pydantic import BaseModel, ConfigDict, SecretStr

MIN_KEY_CHARS = 16
ORIGIN = re.compile(r"https?://[^\s/?#]+")


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def checked_key(value: SecretStr) -> SecretStr:
    """The key, if it is long enough to be one, or empty. Raises `ValueError`."""
    key = value.get_secret_value()
    if key and not re.fullmatch(rf"[!-~]{{{MIN_KEY_CHARS},200}}", key):
        raise ValueError(
            f"a key has {MIN_KEY_CHARS} to 200 printable ASCII characters without spaces; "
            "`comptoir keys` makes a good one"
        )
    return value
