"""The `Link` header fields that tell a WHIP client its STUN and TURN servers (RFC 9725 §4.6)."""

from collections.abc import Iterator, Sequence

from mediaserver.config_ice import IceServerConfig


def link_values(servers: Sequence[IceServerConfig]) -> Iterator[str]:
    """One field value for each address. The values are printable ASCII without quotes: the
    configuration sees to that."""
    for server in servers:
        for url in server.urls:
            value = f'<{url}>; rel="ice-server"'
            if url.startswith("turn"):
                credential = server.credential.get_secret_value()
                value += f'; username="{server.username}"; credential="{credential}"'
                value += '; credential-type="password"'
            yield value
