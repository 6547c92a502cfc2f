"""What a check says, to people and to programs, and its exit status."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mediaserver.check.judge import Verdict
from mediaserver.check.seen import Observation

FINE, BROKEN = 0, 1
CANNOT_CHECK = 2

_COLOURS = {"MUST": "red", "SHOULD": "yellow"}


def exit_status(verdicts: Sequence[Verdict], *, strict: bool) -> int:
    """0 when every MUST is kept, and with `strict` every SHOULD; else 1."""
    counts = ("MUST", "SHOULD") if strict else ("MUST",)
    broken = [v for v in verdicts if v.outcome == "broken" and v.rule.level in counts]
    return BROKEN if broken else FINE


def as_json(seen: Observation, verdicts: Sequence[Verdict], *, strict: bool) -> str:
    """One JSON object: what was checked, a summary, and every rule."""
    status = exit_status(verdicts, strict=strict)
    return json.dumps(
        {
            "url": seen.url,
            "exit_status": status,
            "renditions": [rendition.name for rendition in seen.renditions],
            "requests": len(seen.replies),
            "broken": {
                level: [v.rule.id for v in verdicts if _is_broken(v, level)]
                for level in ("MUST", "SHOULD")
            },
            "rules": [
                {
                    "id": v.rule.id,
                    "level": v.rule.level,
                    "clause": v.rule.clause,
                    "says": v.rule.says,
                    "outcome": v.outcome,
                    "count": v.count,
                    "sentences": list(v.sentences),
                }
                for v in verdicts
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def tell(console: Console, seen: Observation, verdicts: Sequence[Verdict], *, strict: bool) -> None:
    """Print it for people: what is broken, what could not be judged, and a summary."""
    broken = [v for v in verdicts if v.outcome == "broken"]
    if broken:
        table = Table(title=None, show_lines=True)
        for name in ("rule", "level", "what was found", "clause"):
            table.add_column(name, no_wrap=name in ("rule", "level"))
        for v in broken:
            more = v.count - len(v.sentences)
            said = [*v.sentences, f"… and {more} more."] if more else list(v.sentences)
            level = f"[{_COLOURS[v.rule.level]}]{v.rule.level}[/]"
            table.add_row(v.rule.id, level, escape("\n".join(said)), escape(v.rule.clause))
        console.print(table)
    unseen = [v for v in verdicts if v.outcome == "not seen"]
    if unseen:
        names = ", ".join(f"{v.rule.id} ({v.sentences[0]})" for v in unseen)
        console.print(f"Not judged: {escape(names)}.")
    kept = sum(v.outcome == "kept" for v in verdicts)
    musts = sum(_is_broken(v, "MUST") for v in verdicts)
    console.print(
        f"{len(seen.renditions)} renditions, {len(seen.replies)} requests: {kept} rules kept, "
        f"{musts} MUST and {len(broken) - musts} SHOULD broken, {len(unseen)} not judged."
    )
    if exit_status(verdicts, strict=strict) == FINE:
        console.print("[green]Fine.[/]")


def _is_broken(verdict: Verdict, level: str) -> bool:
    return verdict.outcome == "broken" and verdict.rule.level == level
