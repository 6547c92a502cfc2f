"""When a delivery that did not arrive is tried again. Pure.

Ten attempts. The wait before each is random between a second and a ceiling ("full jitter"), which
grows fourfold from 5 s to 6 h: 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 5.7 h, 6 h, 6 h. So an
endpoint that comes back is not met by everything at once, and one that was away for half a day
still gets most of what it missed.
"""

MAX_ATTEMPTS = 10
FIRST_S = 5.0
GROWTH = 4.0
CEILING_S = 6 * 3600.0
LEAST_S = 1.0


def wait_s(attempts: int, chance: float) -> float | None:
    """The wait after so many attempts that failed; None: give up. `chance` is from 0 to 1."""
    if attempts >= MAX_ATTEMPTS:
        return None
    ceiling_s = min(CEILING_S, FIRST_S * GROWTH ** (attempts - 1))
    return LEAST_S + chance * (ceiling_s - LEAST_S)
