"""Every reason not to pass a source has words of its own in the studio."""

import re
from pathlib import Path
from typing import get_args

import pytest

from transcoder.passthrough.reasons import Code

WEB = Path(__file__).parents[3] / "overlay" / "web" / "src"
SENT = set(get_args(Code)) - {"off"}
"""`off` is what a profile says that never passes."""


def test_the_studio_knows_every_code() -> None:
    source = (WEB / "studio" / "ladder.ts").read_text(encoding="utf-8")
    (codes,) = re.findall(r"UNFIT_CODES = \[(.*?)\] as const", source, re.DOTALL)
    assert set(re.findall(r"'(\w+)'", codes)) == SENT
    words = dict(re.findall(r"^  (\w+): '(studio\.ladder\.unfit\.\w+)'", source, re.MULTILINE))
    assert words == {code: f"studio.ladder.unfit.{code}" for code in SENT | {"other"}}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_has_words_of_its_own(language: str) -> None:
    path = WEB / "shared" / "messages" / "studio" / f"{language}.ts"
    found = re.findall(
        r"'studio\.ladder\.unfit\.(\w+)':\s*'([^']+)'", path.read_text(encoding="utf-8")
    )
    assert {code for code, _ in found} == SENT | {"other"}
    assert len({said for _, said in found}) == len(found)
