"""The lowest price of the last 30 days, which stands beside a struck one.

Directive 98/6/EC, article 6a (put there by Directive (EU) 2019/2161): an announced price reduction
shows the prior price, "the lowest price applied by the trader during a period of time not shorter
than 30 days prior to the application of the price reduction".

The rule here: the reduction is applied when the variant's price, or the price struck above it, was
last set. What counts is every price in force at some time in the 30 days before that moment. So a
price that was struck late is held against itself, a second reduction against the first, and a
variant that never had another price against its only one: the figure never flatters.
"""

import itertools
from collections.abc import Sequence

WINDOW_US = 30 * 24 * 3600 * 1_000_000


def lowest_minor(history: Sequence[tuple[int, int]]) -> int | None:
    """The lowest price of the 30 days before the last entry.

    `history` is (Unix time in microseconds, price) in order of entry: each price is in force until
    the next entry, and the last entry is the reduction. None for no history.
    """
    if not history:
        return None
    reduced_us, price = history[-1]
    since_us = reduced_us - WINDOW_US
    lowest = None
    for (_, before), (until_us, _) in itertools.pairwise(history):
        if until_us > since_us:
            lowest = before if lowest is None else min(lowest, before)
    return price if lowest is None else lowest
