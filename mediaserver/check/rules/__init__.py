"""The rules, by family. One rule is one small function with an id, a level and a clause."""

from mediaserver.check.rules import (
    across,
    blocking,
    cues,
    delta,
    fmp4,
    http,
    media_playlist,
    multivariant,
    parts,
    reloads,
)
from mediaserver.check.rules.base import Rule

RULES: tuple[Rule, ...] = (
    *multivariant.rules,
    *sorted((*media_playlist.rules, *reloads.rules), key=lambda rule: rule.id),
    *blocking.rules,
    *delta.rules,
    *parts.rules,
    *http.rules,
    *fmp4.rules,
    *across.rules,
    *cues.rules,
)
