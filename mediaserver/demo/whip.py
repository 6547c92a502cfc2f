"""A small WHIP client (RFC 9725): offer in, answer out, and the end of it."""

from dataclasses import dataclass

import aiohttp
from yarl import URL

from mediaserver.errors import PublishRefused

MAX_ANSWER_BYTES = 64 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhipResource:
    """A publish that the server has accepted."""

    url: URL
    answer: str


class WhipClient:
    """Publishes to one WHIP endpoint with one bearer token. The HTTP session is the caller's."""

    def __init__(self, *, http: aiohttp.ClientSession, endpoint: str, token: str) -> None:
        self._http, self._endpoint = http, URL(endpoint)
        self._headers = {"Authorization": f"Bearer {token}"}

    async def publish(self, offer: str) -> WhipResource:
        """POST the offer (RFC 9725 §4.2).

        Raises `PublishRefused` with the server's status, or aiohttp's and the system's own errors
        (`aiohttp.ClientError`, `TimeoutError`, `OSError`) where there is no answer at all.
        """
        headers = self._headers | {"Content-Type": "application/sdp"}
        async with self._http.post(
            self._endpoint, data=offer.encode(), headers=headers, timeout=_TIMEOUT,
            allow_redirects=False,
        ) as response:  # fmt: skip
            body = await _body(response)
            location = response.headers.get("Location", "")
            if response.status != 201:
                raise PublishRefused(response.status, "whip_refused", _reason(response))
            if not location or response.content_type != "application/sdp":
                raise PublishRefused(
                    502, "whip_answer_invalid", "The server's answer is not one of WHIP."
                )
            return WhipResource(url=self._endpoint.join(URL(location)), answer=body)

    async def end(self, resource: WhipResource) -> None:
        """DELETE the resource. That it is gone already is no error."""
        async with self._http.delete(
            resource.url, headers=self._headers, timeout=_TIMEOUT, allow_redirects=False
        ) as response:
            if response.status >= 400 and response.status not in (404, 410):
                raise PublishRefused(response.status, "whip_refused", _reason(response))


async def _body(response: aiohttp.ClientResponse) -> str:
    data = bytearray()
    async for chunk in response.content.iter_chunked(MAX_ANSWER_BYTES):
        data += chunk
        if len(data) > MAX_ANSWER_BYTES:
            raise PublishRefused(
                502, "whip_answer_invalid", f"The answer is over {MAX_ANSWER_BYTES} bytes."
            )
    return data.decode("utf-8", errors="replace")


def _reason(response: aiohttp.ClientResponse) -> str:
    return f"The server refused the publish: {response.status} {response.reason}."
