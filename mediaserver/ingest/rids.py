"""The simulcast layers that an offer names: ``a=rid`` and ``a=simulcast`` (RFC 8851, RFC 8853).

Pure. Lines that a publisher got wrong mean no simulcast, never a refusal.
"""

import re
from collections.abc import Sequence

MAX_LAYERS = 3
"""What every browser sends at most. Further layers are not accepted, so they are not sent."""

_RID = re.compile(r"a=rid:([A-Za-z0-9_-]{1,16}) send(?: (\S+))?\s*$")
_SIMULCAST = re.compile(r"a=simulcast:(?:recv \S+ )?send (\S+)(?: recv \S+)?\s*$")


def offered_layers(lines: Sequence[str], payload_type: int) -> tuple[str, ...]:
    """The rids of one m-line that may be sent in the format `payload_type`, at most `MAX_LAYERS`;
    fewer than two are no simulcast. Of alternatives (``a,b``) the first that fits is taken."""
    declared = {
        match[1]: match[2] or "" for line in lines if (match := _RID.match(line)) is not None
    }
    streams = next((m[1] for line in lines if (m := _SIMULCAST.match(line)) is not None), "")
    layers: list[str] = []
    for stream in streams.split(";"):
        for alternative in stream.split(","):
            rid = alternative.removeprefix("~")  # RFC 8853 §5.1: paused at first
            if rid in declared and rid not in layers and _fits(declared[rid], payload_type):
                layers.append(rid)
                break
    return tuple(layers[:MAX_LAYERS]) if len(layers) > 1 else ()


def _fits(restrictions: str, payload_type: int) -> bool:
    """Whether a layer may have this format: ``pt=96,97`` names those it may have (RFC 8851 §5)."""
    for restriction in restrictions.split(";"):
        name, _, value = restriction.partition("=")
        if name == "pt":
            return str(payload_type) in value.split(",")
    return True
