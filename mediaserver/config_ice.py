"""The STUN and TURN servers that hosts are told of."""

import re

from pydantic import Field, SecretStr, field_validator, model_validator

from mediaserver.config_base import Section

_ICE_URL = re.compile(
    r"(stuns?:[A-Za-z0-9.:\[\]-]{1,255}|turns?:[A-Za-z0-9.:\[\]-]{1,255}(\?transport=(udp|tcp))?)"
)
"""RFC 7064 §3.1, RFC 7065 §3.1, as far as a browser takes them."""
_QUOTABLE = r"[ !#-\[\]-~]{0,255}"


class IceServerConfig(Section):
    """A STUN or TURN server that hosts are told of (RFC 9725 §4.6); we contact none ourselves."""

    urls: tuple[str, ...] = Field(min_length=1, max_length=8)
    username: str = ""
    credential: SecretStr = SecretStr("")

    @field_validator("urls")
    @classmethod
    def _ice_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            if not _ICE_URL.fullmatch(url):
                raise ValueError(
                    f"{url!r} is no address of a STUN or TURN server, such as "
                    "stun:stun.example.org:3478 or turn:turn.example.org?transport=udp"
                )
        return value

    @field_validator("username", "credential")
    @classmethod
    def _quotable(cls, value: str | SecretStr) -> str | SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not re.fullmatch(_QUOTABLE, text):
            raise ValueError("it has 255 printable ASCII characters at most, no quote or backslash")
        return value

    @model_validator(mode="after")
    def _complete(self) -> "IceServerConfig":
        turn = any(url.startswith("turn") for url in self.urls)
        if turn and not (self.username and self.credential.get_secret_value()):
            raise ValueError("a TURN server needs a username and a credential")
        return self
