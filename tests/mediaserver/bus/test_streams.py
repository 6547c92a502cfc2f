"""Entries and heads as Redis gives them; what is not ours is refused."""

from hypothesis import given
from hypothesis import strategies as st

from mediaserver.bus import streams
from mediaserver.bus.streams import Entry

_BYTES = st.binary(max_size=30)


@given(
    data=_BYTES,
    at_ms=st.integers(0, 2**50),
    epoch=st.text(max_size=20),
    number=st.integers(-1, 2**63 - 1),
)
def test_an_entry_comes_back_as_it_was(data: bytes, at_ms: int, epoch: str, number: int) -> None:
    entry = Entry(id="5-7", data=data, at_ms=at_ms, epoch=epoch, number=number)
    plain = [x if isinstance(x, bytes) else str(x).encode() for x in entry.fields]
    assert streams.entry(b"5-7", dict(zip(plain[::2], plain[1::2], strict=True))) == entry


@given(st.dictionaries(st.sampled_from([b"t", b"e", b"n", b"m", b"x"]), _BYTES), _BYTES)
def test_any_other_entry_is_refused_or_read(raw: dict[bytes, bytes], raw_id: bytes) -> None:
    try:
        streams.entry(raw_id, raw)
    except ValueError as exc:
        assert str(exc)


def test_a_head_without_a_status_is_none_yet() -> None:
    assert streams.head([[b"generation", b"7", b"filling", b"1"], []]) is None
    head = streams.head([[b"status", b"S", b"inits", b"I", b"filling", b"0"], [[b"7-1", []]]])
    assert head is not None
    assert (head.messages, head.log_at, head.news_at, head.filling) == (b"SI", "0-0", "7-1", False)


def test_the_keys_of_a_show_are_one_slot() -> None:
    assert streams.key("a-b", "media") == "comptoir:{a-b}:media"
