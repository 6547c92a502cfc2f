"""Whether a request takes gzip (RFC 9110 §12.5.3). Pure."""

import re

_CODING = re.compile(
    r"[ \t]*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)"
    r"[ \t]*(?:;[ \t]*q=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?",
    re.IGNORECASE,
)


def accepts_gzip(header: str) -> bool:
    """Whether ``Accept-Encoding`` lets a response be gzipped. A malformed member is passed over.

    "If the representation's content coding is one of the content codings listed […], then it is
    acceptable unless it is accompanied by a qvalue of 0"; ``*`` stands for what is not listed.
    Without the header any coding would be acceptable, but identity is what such clients read.
    """
    any_coding = False
    for member in header.split(","):
        match = _CODING.fullmatch(member)
        if match is None:
            continue
        wanted = float(match["weight"] or "1") > 0
        name = match["name"].lower()
        if name in ("gzip", "x-gzip"):
            return wanted
        if name == "*":
            any_coding = wanted
    return any_coding
