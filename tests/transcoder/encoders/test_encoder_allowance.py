from hypothesis import given
from hypothesis import strategies as st

from transcoder.encoders.allowance import Allowance


def test_it_is_spent_up_until_it_has_flowed_off() -> None:
    allowance = Allowance(bits_per_slot=100, buffer_bits=1000)
    allowance.spend(10, 1250)
    assert [allowance.spent_up(slot) for slot in (11, 12, 13, 14)] == [True, True, False, False]


def test_slots_that_are_left_out_count_as_time() -> None:
    allowance = Allowance(bits_per_slot=100, buffer_bits=1000)
    allowance.spend(0, 5000)
    assert not allowance.spent_up(40)


@given(sizes=st.lists(st.integers(0, 900), max_size=60))
def test_what_asks_first_never_exceeds_the_buffer_by_more_than_one_picture(
    sizes: list[int],
) -> None:
    allowance = Allowance(bits_per_slot=100, buffer_bits=1000)
    sent = []
    for slot, bits in enumerate(sizes):
        sent.append(0 if allowance.spent_up(slot) else bits)
        allowance.spend(slot, sent[-1])
    for first in range(len(sent)):
        for end in range(first + 1, len(sent) + 1):
            assert sum(sent[first:end]) <= 100 * (end - first) + 1000 + 900
