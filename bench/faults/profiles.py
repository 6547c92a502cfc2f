"""The kinds of trouble that the ingest is held to, by name.

The round trip is 40 ms unless the name says otherwise. Loss, delay, reordering and blackouts befall
both directions, each with a luck of its own, so that requests for lost packets get lost too; the
rate limit befalls what the publisher sends, since uplinks are what is thin.
"""

from dataclasses import dataclass, replace

from bench.faults.link import BurstLoss, Impairment, RandomLoss

CALM = Impairment()
"""What the line is like outside of the trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Trouble that begins `after_s` into a run and lasts `lasts_s`; None is to the run's end."""

    name: str
    trouble: Impairment = CALM
    after_s: float = 0.0
    lasts_s: float | None = None
    one_way: bool = False
    """Only what the publisher sends is troubled."""
    new_source_port: bool = False
    """When the trouble begins, the publisher's NAT forgets it: another source port from then on."""

    def troubled(self, elapsed_s: float) -> bool:
        """Whether it is the time of trouble, `elapsed_s` into the run."""
        since_s = elapsed_s - self.after_s
        return since_s >= 0 and (self.lasts_s is None or since_s < self.lasts_s)

    def impairment(self, elapsed_s: float, *, from_publisher: bool) -> Impairment:
        """What the line is like in one direction, `elapsed_s` into the run."""
        if self.troubled(elapsed_s) and (from_publisher or not self.one_way):
            return self.trouble
        return CALM

    def scaled(self, *, after_s: float, lasts_s: float | None = None) -> "Profile":
        """The same trouble at another time; one that has an end lasts `lasts_s` where given."""
        if self.lasts_s is None or lasts_s is None:
            return replace(self, after_s=after_s)
        return replace(self, after_s=after_s, lasts_s=lasts_s)


_START_S = 10.0

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="clean"),
        Profile(name="random-2", trouble=Impairment(loss=RandomLoss(share=0.02))),
        Profile(name="burst-5", trouble=Impairment(loss=BurstLoss(p=0.013, r=0.25))),
        Profile(name="delay-50", trouble=Impairment(delay_ms=50, spread_ms=20)),
        Profile(name="jitter-100", trouble=Impairment(delay_ms=70, spread_ms=50, redraw_ms=50)),
        Profile(name="reorder-5", trouble=Impairment(reorder_share=0.05)),
        Profile(
            name="loss-10-5s",
            trouble=Impairment(loss=RandomLoss(share=0.10)),
            after_s=_START_S,
            lasts_s=5,
        ),
        Profile(
            name="slow-300k",
            trouble=Impairment(rate_bps=300_000),
            after_s=_START_S,
            lasts_s=20,
            one_way=True,
        ),
        *(
            Profile(
                name=f"blackout-{seconds}",
                trouble=Impairment(blackout=True),
                after_s=_START_S,
                lasts_s=seconds,
            )
            for seconds in (1, 5, 20, 90)
        ),
        Profile(name="port-change", after_s=_START_S, new_source_port=True),
    )
}
