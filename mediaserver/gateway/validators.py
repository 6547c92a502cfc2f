"""Conditional requests: whether a client has what it asks for. Pure."""

import re
from dataclasses import replace

from mediaserver.gateway.answers import Answer

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def unless_known(answer: Answer, if_none_match: str | None) -> Answer:
    """`answer` with its validator, or the 304 in its place where the client has that content.

    RFC 9110 §13.1.2: If-None-Match compares weakly, and ``*`` matches whatever there is; §15.4.5:
    a 304 has the header fields that a 200 would have had for caches.
    """
    if not answer.etag:
        return answer
    headers = (*answer.headers, ("ETag", answer.etag))
    asked = (if_none_match or "").strip()
    if asked == "*" or answer.etag in _TAG.findall(asked):
        kept = tuple(header for header in headers if header[0] != "Content-Type")
        return Answer(status=304, headers=kept)
    return replace(answer, headers=headers)
