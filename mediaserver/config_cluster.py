"""The settings of a cluster: several machines over one Redis."""

import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from mediaserver.config_base import Section, checked_key

NodeRole = Literal["api", "ingest", "gateway"]
ALL_ROLES: tuple[NodeRole, ...] = ("api", "ingest", "gateway")

NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOST_PORT = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")


def host_port(text: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[address]:port``. Raises `ValueError`."""
    found = _HOST_PORT.fullmatch(text)
    if found is None or not 1 <= int(found.group(1)) <= 65535:
        raise ValueError(
            f"{text!r} is no address of a server, such as 10.0.0.1:8081 or [2001:db8::1]:8081"
        )
    return text.rpartition(":")[0].strip("[]"), int(found.group(1))


def check_roles(roles: Sequence[NodeRole], cluster: "ClusterConfig") -> None:
    """Raises `ValueError` where a node with these roles would be of no use to anybody."""
    if len(set(roles)) != len(roles):
        raise ValueError("roles: each is named once")
    if "ingest" in roles and "api" not in roles:
        raise ValueError("roles: ingest needs api on the same node, which tells it what to do")
    if set(roles) != set(ALL_ROLES) and not cluster.on:
        raise ValueError("roles: a node with some of them alone needs cluster.redis")
    if cluster.listen and not cluster.secret.get_secret_value():
        raise ValueError("cluster.listen needs cluster.secret, the same on all nodes")
    if "api" not in roles and not (cluster.main and cluster.secret.get_secret_value()):
        raise ValueError(
            "a node without the role api needs cluster.main, where requests are to go, and "
            "cluster.secret"
        )


class ClusterConfig(Section):
    """How this node finds the others. Without `redis` there are none."""

    redis: SecretStr = SecretStr("")
    node: str = ""
    listen: str = ""
    address: str = ""
    main: tuple[str, ...] = Field(default=(), max_length=64)
    secret: SecretStr = SecretStr("")
    lease_s: float = Field(default=10.0, ge=0.5, le=300)

    @field_validator("redis")
    @classmethod
    def _url(cls, value: SecretStr) -> SecretStr:
        if not re.match(r"(rediss?://|unix://|$)", value.get_secret_value()):
            raise ValueError("it must be redis://[:password@]host[:port][/number], or empty")
        try:
            _ = urlsplit(value.get_secret_value()).port
        except ValueError:  # its text could hold a piece of the password
            raise ValueError(
                "its port is no number from 0 to 65535; in a password write / as %2F, @ as %40, "
                "# as %23, ? as %3F"
            ) from None
        return value

    @field_validator("node")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not NODE_NAME.fullmatch(value):
            raise ValueError(
                "a node's name has 1 to 64 letters, digits, dots, underscores and hyphens"
            )
        return value

    @field_validator("listen", "address")
    @classmethod
    def _own_address(cls, value: str) -> str:
        if value:
            host_port(value)
        return value

    @field_validator("main")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            host_port(address)
        return value

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        return checked_key(value)

    @property
    def on(self) -> bool:
        """Whether there are other nodes."""
        return bool(self.redis.get_secret_value())

    @property
    def told_address(self) -> str:
        """Where gateways of other nodes are told to find this main."""
        return self.address or self.listen
