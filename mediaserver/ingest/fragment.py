"""The SDP fragment of a WHIP PATCH (RFC 9725 §4.3.1, RFC 8840 §9), as far as we need it."""

import re

MAX_OFFER_BYTES = 64 * 1024
"""Of any SDP that a client sends; here, where reading it needs no WebRTC library."""
MAX_LINES = 400
"""Far above what a client gathers; a longer fragment has not come to trickle."""

_LINE = re.compile(r"[a-z]=[^\x00-\x1f\x7f]*")
_UFRAG = re.compile(r"^a=ice-ufrag:([A-Za-z0-9+/]{4,256})\s*$", re.MULTILINE)


class FragmentError(ValueError):
    """The body is no SDP fragment."""


def ice_ufrag(text: str) -> str | None:
    """The first ICE username fragment of an SDP text, None where there is none."""
    match = _UFRAG.search(text)
    return match.group(1) if match else None


def parse_fragment(text: str) -> str | None:
    """The ufrag of a trickle fragment, None if it names none. Raises `FragmentError`.

    Candidates are read for their form only: the server waits for the publisher's own checks, so
    that no candidate can make it send packets to an address of a stranger's choice.
    """
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    if len(lines) > MAX_LINES:
        raise FragmentError(f"An SDP fragment has at most {MAX_LINES} lines.")
    if not lines or not all(_LINE.fullmatch(line) for line in lines):
        raise FragmentError("The body is not an SDP fragment.")
    attributes = [line for line in lines if line.startswith("a=")]
    known = ("a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates")
    if not any(line.startswith(known) for line in attributes):
        raise FragmentError("The SDP fragment has neither ICE credentials nor candidates.")
    return ice_ufrag("\n".join(lines))
