"""The command: what it prints, its exit status, and that it never ends in a traceback."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mediaserver.check import report
from mediaserver.check.command import check
from mediaserver.check.errors import CannotCheck
from mediaserver.check.rules import RULES
from mediaserver.cli import cli

SHARED = {"MV": 11, "PL": 25, "BR": 13, "DU": 5, "PH": 4, "HT": 16, "MP": 16, "XR": 7, "CU": 15}


def test_every_rule_is_there_once_and_says_what_it_is() -> None:
    names = [f"{family}-{n:02}" for family, count in SHARED.items() for n in range(1, count + 1)]
    assert sorted(rule.id for rule in RULES) == sorted(names)
    for rule in RULES:
        assert rule.says.endswith("."), rule.id
        assert "\n" not in rule.says
        assert rule.clause


@pytest.mark.parametrize("url", ["nothing", "ftp://a/b", "http://"])
def test_what_is_no_address_cannot_be_checked(url: str) -> None:
    result = CliRunner().invoke(cli, ["check", url])
    assert result.exit_code == report.CANNOT_CHECK
    assert "is no http or https address" in result.output


def test_nobody_listening_cannot_be_checked() -> None:
    result = CliRunner().invoke(cli, ["check", "http://127.0.0.1:1/index.m3u8", "--timeout", "2"])
    assert result.exit_code == report.CANNOT_CHECK
    assert "Traceback" not in result.output


async def test_what_is_no_playlist_cannot_be_checked(origins: Any, flaw: Any) -> None:
    url = origins.add(flaw())
    with pytest.raises(CannotCheck, match="was answered with 404"):
        await check(url.replace("index", "nothing"), seconds=1, timeout_s=2)
    with pytest.raises(CannotCheck, match="names no variant"):
        await check(url.replace("index.m3u8", "small/init-0.mp4"), seconds=1, timeout_s=2)


async def test_what_is_found_is_said_to_people_and_to_programs(
    origins: Any, flaw: Any, tmp_path: Path
) -> None:
    def text(body: str, asked: Any) -> str:
        body = body.replace("CAN-BLOCK-RELOAD=YES,", "[red]x[/]=1,")
        return body.replace("#EXT-X-INDEPENDENT-SEGMENTS\n", "")

    seen, verdicts = await check(origins.add(flaw(text=text)), seconds=1.0, timeout_s=5.0)
    assert report.exit_status(verdicts, strict=False) == report.BROKEN
    told = json.loads(report.as_json(seen, verdicts, strict=False))
    assert told["exit_status"] == report.BROKEN
    assert {"PL-07", "PL-01"} <= set(told["broken"]["MUST"])
    assert "MV-10" in told["broken"]["SHOULD"]
    rules = {rule["id"]: rule for rule in told["rules"]}
    assert len(rules) == len(RULES)
    assert rules["HT-15"]["outcome"] == "not seen"
    assert "CAN-BLOCK-RELOAD" in rules["PL-07"]["sentences"][0]
    with (tmp_path / "said").open("w") as file:
        report.tell(Console(file=file, width=120), seen, verdicts, strict=False)
    said = (tmp_path / "said").read_text()
    assert "PL-07" in said
    assert "HT-15 (no TLS)" in said
    assert "Fine." not in said


async def test_strict_counts_what_should_be(origins: Any, flaw: Any) -> None:
    def text(body: str, asked: Any) -> str:
        return body.replace("#EXT-X-INDEPENDENT-SEGMENTS\n", "")

    _, verdicts = await check(origins.add(flaw(text=text)), seconds=1.0, timeout_s=5.0)
    found = [v for v in verdicts if v.rule.id == "MV-10"]
    assert report.exit_status(found, strict=False) == report.FINE
    assert report.exit_status(found, strict=True) == report.BROKEN
