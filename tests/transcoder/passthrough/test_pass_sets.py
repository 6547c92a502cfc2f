"""Parameter sets of sources: which a picture uses, and what is impossible."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.video_config import avc_config
from transcoder.errors import MediaError
from transcoder.passthrough.sets import ParameterSets, SourceSets
from transcoder.passthrough.units import SourceUnit, read_unit

Encode = Callable[..., list[bytes]]


def unit(
    *, sps: tuple[bytes, ...] = (), pps: tuple[bytes, ...] = (), pps_id: int = 0
) -> SourceUnit:
    return SourceUnit(
        keyframe=True,
        bidirectional=False,
        pps_ids=frozenset({pps_id}),
        sps=sps,
        pps=pps,
        turned=None,
        sample=b"",
    )


def taken(*units: SourceUnit) -> SourceSets:
    sets = ParameterSets()
    for one in units:
        sets.take(one)
    return sets.used_by(units[-1])


def test_the_sets_of_a_real_source(h264: Encode) -> None:
    first = read_unit(h264(1, size=(320, 240))[0])
    sets = taken(first)
    assert (sets.width, sets.height, sets.in_order) == (320, 240, True)
    assert avc_config(sets.sps, sets.pps).width == 320
    assert sets == taken(first, first)


def test_several_picture_parameter_sets_all_come_along(h264: Encode) -> None:
    first = read_unit(h264(1)[0])
    # The number 1 is "010", 0 is "1": two bits longer, so the rest is shifted; its head is enough.
    second = b"\x68\x5a\x00"
    sets = taken(first, unit(pps=(second,), pps_id=1))
    assert sets.pps_ids == {0, 1}
    assert sets.pps == (*first.pps, second)


def test_slice_groups_are_seen(h264: Encode) -> None:
    first = read_unit(h264(1)[0])
    # pps_id 0 "1", sps_id 0 "1", two flags "00", num_slice_groups_minus1 1 "010"
    sets = taken(first, unit(pps=(b"\x68\xc4\x80",)))
    assert not sets.in_order


def test_a_set_that_has_not_come(h264: Encode) -> None:
    first = read_unit(h264(1)[0])
    with pytest.raises(MediaError, match="picture parameter set 3 has not come"):
        taken(first, unit(pps_id=3))
    with pytest.raises(MediaError, match="sequence parameter set 0 has not come"):
        taken(unit(pps=first.pps))


@pytest.mark.parametrize("pps", [b"\x68", b"\x68" + bytes(1024), b"\x68\x00\x00\x00\x01"])
def test_impossible_picture_parameter_sets(pps: bytes) -> None:
    with pytest.raises(MediaError):
        taken(unit(pps=(pps,)))


@given(sps=st.binary(max_size=40), pps=st.binary(max_size=12))
def test_any_sets_are_read_or_refused(sps: bytes, pps: bytes) -> None:
    try:
        taken(unit(sps=(b"\x67\x42\xc0\x1e" + sps,), pps=(b"\x68" + pps,)))
    except MediaError:
        return
