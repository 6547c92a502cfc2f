"""What an operator may set of the gateway's connections."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """For one process; `mediaserver.config.GatewayConfig` has the same keys."""

    max_connections: int = 16_000
    connections_per_address: int = 1024
    max_load: float = 0.9
    header_timeout_s: float = 10.0
    body_timeout_s: float = 45.0
    idle_timeout_s: float = 75.0
