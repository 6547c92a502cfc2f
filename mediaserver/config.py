"""The configuration as a type: file, environment and options in, one validated value out.

Order of precedence: command-line options, environment (``COMPTOIR_HTTP__PORT=8081``), the YAML
file, the defaults below. Unknown keys are refused. Each failure is one sentence with the key's
path, what was given and what is legal. ``configs/comptoir.yaml`` shows every key with its default.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mediaserver.addresses import Network
from mediaserver.config_base import MIN_KEY_CHARS as MIN_KEY_CHARS
from mediaserver.config_base import ORIGIN, Section, checked_key
from mediaserver.config_checkout import CheckoutConfig, StripeConfig
from mediaserver.config_cluster import ALL_ROLES, ClusterConfig, NodeRole, check_roles
from mediaserver.config_ice import IceServerConfig
from mediaserver.config_tls import TlsConfig
from mediaserver.errors import ConfigError
from mediaserver.gateway.hot.limits import Limits
from transcoder.control import LatencyPreset
from transcoder.profiles.refusals import unknown_key

SHOW_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""A show's name is part of its addresses: lower-case letters, digits and hyphens, 63 at most."""

ENV_PREFIX = "COMPTOIR_"

Port = Annotated[int, Field(ge=1, le=65535)]


class HttpConfig(Section):
    """Where viewers, hosts and operators come in."""

    host: str = "0.0.0.0"  # noqa: S104 - a server for the public; the deployment's firewall decides
    port: Port = 8080
    public_url: str = ""
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    tls: TlsConfig = TlsConfig()

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if value and not ORIGIN.fullmatch(value):
            raise ValueError("it must be http:// or https:// and a host, without a path, or empty")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin, such as https://shop.example.org")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError(
                    f"{network!r} is no address or network, such as 192.0.2.7 or 10.0.0.0/8"
                ) from None
        return value

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The proxies that may say whom they ask for."""
        return tuple(ipaddress.ip_network(network) for network in self.trusted_proxies)

    @property
    def own_origins(self) -> tuple[str, ...]:
        """The origins, besides the one a request was sent to, whose pages may open sockets."""
        return (*self.allowed_origins, *((self.public_url,) if self.public_url else ()))


class AdminConfig(Section):
    """Where the operator's monitoring looks: /metrics, /livez, /readyz."""

    host: str = "127.0.0.1"
    port: Port = 9090


class WebRtcConfig(Section):
    """Ingest: one UDP port for all publishes."""

    host: str = "::"
    port: Port = 8189
    advertise: tuple[str, ...] = ()
    ice_servers: tuple[IceServerConfig, ...] = Field(default=(), max_length=8)
    new_sessions_per_minute: int = Field(default=30, ge=1, le=10_000)
    half_open_per_address: int = Field(default=4, ge=1, le=1000)
    half_open_total: int = Field(default=32, ge=1, le=1000)
    max_sessions: int = Field(default=32, ge=1, le=1000)
    max_bitrate_bps: int = Field(default=4_000_000, ge=100_000, le=50_000_000)
    keyframe_interval_s: float = Field(default=10.0, ge=0, le=60)
    silent_after_s: float = Field(default=1.5, ge=0.5, le=30)
    connect_timeout_s: float = Field(default=15.0, ge=2, le=120)
    grace_s: float = Field(default=60.0, ge=0, le=1800)
    second_publisher: Literal["refuse", "take_over"] = "refuse"

    @field_validator("advertise")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise ValueError(f"{address!r} is not an IPv4 or IPv6 address") from None
        return value


class GatewayConfig(Section):
    """The fan-out to viewers."""

    workers: int = Field(default=1, ge=1, le=64)
    window_s: float = Field(default=60.0, ge=12, le=3600)
    list_shows: bool = False
    max_connections: int = Field(default=16_000, ge=64, le=1_000_000)
    connections_per_address: int = Field(default=1024, ge=1, le=1_000_000)
    max_load: float = Field(default=0.9, ge=0.1, le=1.0)
    header_timeout_s: float = Field(default=10.0, ge=1, le=120)
    body_timeout_s: float = Field(default=45.0, ge=1, le=600)
    idle_timeout_s: float = Field(default=75.0, ge=5, le=3600)

    @property
    def limits(self) -> Limits:
        """What one gateway process bears of its connections."""
        return Limits(**self.model_dump(exclude={"workers", "window_s", "list_shows"}))


class OutgoingConfig(Section):
    """Requests to addresses that hosts give: pictures, feeds, other shops, webhooks."""

    allow_private: bool = False
    allow_http: bool = False
    ports: tuple[Port, ...] = (80, 443)
    timeout_s: float = Field(default=10.0, ge=1, le=25)


class ShowConfig(Section):
    """A show declared by the operator."""

    title: str = Field(default="", max_length=200)
    host_key: SecretStr = SecretStr("")
    profile: str = ""
    checkout: CheckoutConfig = CheckoutConfig()

    @field_validator("host_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        return checked_key(value)


class ShopConfig(Section):
    """Where the shop's database is, how long stock is set aside, how often it may be asked."""

    database: SecretStr = SecretStr("")
    hold_s: float = Field(default=600.0, ge=10, le=86400)
    checkout_s: float = Field(default=1800.0, ge=30, le=7 * 86400)
    viewer_orders_per_minute: int = Field(default=60, ge=1, le=1_000_000)
    address_orders_per_minute: int = Field(default=6000, ge=1, le=1_000_000)
    address_viewers_per_minute: int = Field(default=6000, ge=1, le=1_000_000)

    @field_validator("database")
    @classmethod
    def _address(cls, value: SecretStr) -> SecretStr:
        if not re.match(r"(postgres(ql)?://|$)", value.get_secret_value()):
            raise ValueError(
                "it must be postgresql://user:password@host/name, or empty for a file in the data "
                "folder"
            )
        return value


class LogConfig(Section):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Config(BaseSettings):
    """Everything an operator can set. Frozen; secrets are masked in `repr`."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
    )

    http: HttpConfig = HttpConfig()
    admin: AdminConfig = AdminConfig()
    webrtc: WebRtcConfig = WebRtcConfig()
    gateway: GatewayConfig = GatewayConfig()
    outgoing: OutgoingConfig = OutgoingConfig()
    data: Path = Path("data")
    latency: LatencyPreset = "low"
    profile: str = "default"
    profile_folder: Path | None = None
    spare_workers: int = Field(default=1, ge=0, le=16)
    operator_key: SecretStr = SecretStr("")
    shop: ShopConfig = ShopConfig()
    stripe: StripeConfig = StripeConfig()
    shows: dict[str, ShowConfig] = {}
    roles: tuple[NodeRole, ...] = Field(default=ALL_ROLES, min_length=1, max_length=3)
    cluster: ClusterConfig = ClusterConfig()
    log: LogConfig = LogConfig()

    @property
    def shop_database(self) -> Path | str:
        """The shop's file, or the address of its PostgreSQL database. Not to be logged."""
        return self.shop.database.get_secret_value() or self.data / "shop.sqlite3"

    @field_validator("operator_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        return checked_key(value)

    @field_validator("shows")
    @classmethod
    def _names(cls, value: dict[str, ShowConfig]) -> dict[str, ShowConfig]:
        for name in value:
            if not SHOW_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name for a show: use 1 to 63 lower-case letters, digits "
                    "and hyphens, beginning with a letter or digit"
                )
        _refuse_shared_keys(value)
        return value

    @model_validator(mode="after")
    def _clustered(self) -> "Config":
        check_roles(self.roles, self.cluster)
        return self

    @model_validator(mode="after")
    def _payable(self) -> "Config":
        for name, show in self.shows.items():
            checkout = show.checkout
            if checkout.kind != "stripe":
                continue
            if not self.stripe.secret_key.get_secret_value():
                raise ValueError(f"the show {name!r} is paid by Stripe: set stripe.secret_key")
            if not self.http.public_url and not (checkout.success_url and checkout.cancel_url):
                raise ValueError(
                    f"the show {name!r} is paid by Stripe, which must know where buyers come back "
                    "to: set http.public_url, or the checkout's success_url and cancel_url"
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options first (`_options`), then the environment, then the file (`init_settings`)."""
        file = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        options = InitSettingsSource(settings_cls, init_kwargs=file.pop("_options", {}))
        return options, env_settings, init_settings


def load(path: Path | None = None, options: Mapping[str, Any] | None = None) -> Config:
    """The configuration from `path` (all defaults when None), the environment and `options`.

    `options` is nested plain data: ``{"http": {"port": 8081}}``. Raises `ConfigError`.
    """
    return _validated({**_read(path), "_options": dict(options or {})}, source=path)


def to_plain(config: Config, *, keys: bool, cluster: bool = False) -> dict[str, Any]:
    """Plain data for the pipe to our own child processes, with the keys in clear or without any;
    those of the cluster with `cluster`."""
    plain = config.model_dump(mode="json")
    if keys or cluster:
        plain["cluster"]["redis"] = config.cluster.redis.get_secret_value()
        plain["cluster"]["secret"] = config.cluster.secret.get_secret_value()
    else:
        plain["cluster"], plain["roles"] = {}, list(ALL_ROLES)
    plain["operator_key"] = config.operator_key.get_secret_value() if keys else ""
    plain["shop"]["database"] = config.shop.database.get_secret_value() if keys else ""
    for name, show in config.shows.items():
        shown = plain["shows"][name]
        shown["host_key"] = show.host_key.get_secret_value() if keys else ""
        if keys:
            shown["checkout"]["secret"] = show.checkout.secret.get_secret_value()
        else:
            shown["checkout"] = {}  # a checkout without its secret would be refused
    for name in ("secret_key", "webhook_secret"):
        secret: SecretStr = getattr(config.stripe, name)
        plain["stripe"][name] = secret.get_secret_value() if keys else ""
    servers = zip(plain["webrtc"]["ice_servers"], config.webrtc.ice_servers, strict=True)
    for plain_server, server in servers:
        plain_server["credential"] = server.credential.get_secret_value()
    if not keys:
        plain["webrtc"]["ice_servers"] = []
    return plain


def from_plain(plain: Mapping[str, Any]) -> Config:
    """The inverse of `to_plain`; what it gives wins over the environment."""
    return _validated({"_options": dict(plain)}, source=None)


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"The configuration {path} cannot be read: {exc.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The configuration {path} is not a text in UTF-8.") from None
    except (
        yaml.MarkedYAMLError
    ) as exc:  # its own text quotes the line, and there may be a key in it
        line = exc.problem_mark.line + 1 if exc.problem_mark else 0
        problem = exc.problem or "it cannot be parsed"
        raise ConfigError(
            f"The configuration {path} is not YAML: {problem}, in line {line}."
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as exc:  # bad dates, absurd nesting
        raise ConfigError(f"The configuration {path} is not YAML: {_one_line(exc)}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigError(f"The configuration {path} must be a mapping of keys at its top level.")
    if "_options" in content:
        raise ConfigError(f"In {path}: _options: there is no such key.")
    return content


def _validated(values: dict[str, Any], *, source: Path | None) -> Config:
    try:
        return Config(**values)
    except ValidationError as exc:
        where = f"In {source}" if source else "In the configuration"
        raise ConfigError("\n".join(f"{where}: {_sentence(e)}" for e in exc.errors())) from None
    except ValueError as exc:  # pydantic-settings: an environment variable that is no JSON
        raise ConfigError(f"In the environment: {_one_line(exc)}.") from None


def _sentence(error: Any) -> str:
    path = ".".join(str(step) for step in error["loc"])
    if not path:  # of the whole, which may hold keys: the sentence names what it means itself
        return f"{error['msg'].removeprefix('Value error, ')}."
    if error["type"] == "extra_forbidden":
        return f"{path}: {unknown_key(Config, error['loc'])}."
    hidden = error["loc"][:1] in (("shows",), ("shop",), ("stripe",), ("cluster",))
    secret = hidden or "key" in path.rsplit(".", 1)[-1] or "ice_servers" in path
    given = "" if secret else f" (given: {_short(error['input'])})"
    message = error["msg"].removeprefix("Value error, ")
    return f"{path}: {message[0].lower()}{message[1:]}{given}."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split()).rstrip(".")


def _refuse_shared_keys(shows: Mapping[str, ShowConfig]) -> None:
    owners: dict[str, str] = {}
    for name, show in shows.items():
        key = show.host_key.get_secret_value()
        if key and key in owners:
            raise ValueError(
                f"{name!r} and {owners[key]!r} have the same host key; each show needs its own, "
                "because a key alone says which show it publishes"
            )
        owners[key] = name
