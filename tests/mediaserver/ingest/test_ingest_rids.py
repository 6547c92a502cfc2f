"""Simulcast in SDP: what browsers offer, the rules of the RFCs, and any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.rids import MAX_LAYERS, offered_layers


def lines(simulcast: str, *rids: str) -> list[str]:
    return [*(f"a=rid:{rid}" for rid in rids), f"a=simulcast:{simulcast}"]


@pytest.mark.parametrize(
    ("offer", "layers"),
    [
        (lines("send q;h;f", "q send", "h send", "f send"), ("q", "h", "f")),
        (lines("send q;~h", "q send", "h send"), ("q", "h")),
        (lines("send a,b;c", "b send", "c send"), ("b", "c")),
        (lines("send 1;2 recv 3", "1 send", "2 send", "3 recv"), ("1", "2")),
        (lines("recv 3 send 1;2", "1 send", "2 send", "3 recv"), ("1", "2")),
        (lines("send a;b;c;d", "a send", "b send", "c send", "d send"), ("a", "b", "c")),
        (lines("send a;b", "a send pt=96", "b send pt=97,96;max-width=640"), ("a", "b")),
        (lines("send a;b", "a send pt=97", "b send pt=96"), ()),  # one is no simulcast
        (lines("send a;b", "a send"), ()),
        (lines("send a;a", "a send"), ()),
        (lines("recv a;b", "a recv", "b recv"), ()),
        (lines("send", "a send"), ()),
        ([], ()),
    ],
)
def test_the_layers_of_an_offer(offer: list[str], layers: tuple[str, ...]) -> None:
    assert offered_layers(offer, 96) == layers


@given(st.lists(st.sampled_from(["a=rid:", "a=simulcast:", "send ", "a;b", "~", ",", "pt=", "9"])))
def test_any_text_has_few_layers(parts: list[str]) -> None:
    layers = offered_layers("".join(parts).replace("a=", "\na=").splitlines(), 96)
    assert len(layers) != 1
    assert len(layers) <= MAX_LAYERS
