"""What an ingest makes of a bad line, with nothing of the machine in it: five minutes of a publish
on a virtual clock, where the same seed gives the same outcome.

So the bounds are tight. That sockets, processes and the ladder keep to it is asked in
`test_faults_profiles`, in real time.
"""

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from bench.faults.profiles import PROFILES
from bench.faults.virtual import LeftIngest, VirtualLine
from bench.ingest.clip import FPS, Clip
from mediaserver.demo.source import PacketTrack
from mediaserver.ingest.offer import OfferedMedia, read_offer

MINUTES = 5
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip.make()


@pytest.fixture
async def media() -> tuple[OfferedMedia, ...]:
    """What aiortc offers."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in ("audio", "video"):
        peer.addTransceiver(PacketTrack(kind), direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    text = peer.localDescription.sdp
    await peer.close()
    return read_offer(text).media


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "share", "freezes"),
    [
        ("clean", 1.0, 0),
        ("random-2", 0.998, 0),
        ("burst-5", 0.98, 2),
        ("reorder-5", 0.999, 0),
        ("jitter-100", 0.999, 0),
        ("delay-50", 0.995, 0),
        ("loss-10-5s", 0.998, 0),
    ],
)
async def test_a_trouble_costs_no_more_pictures_than_it_must(
    clip: Clip, media: tuple[OfferedMedia, ...], name: str, share: float, freezes: int, seed: int
) -> None:
    """`share` of the pictures are in time for their slot, and in five minutes at most `freezes`
    pauses are over half a second. Where losses come in bursts a picture may be gone for good: the
    clip's next keyframe is up to a second away."""
    outcome = VirtualLine(clip, media, PROFILES[name], seed=seed).run(MINUTES * 60)
    assert outcome.sent == MINUTES * 60 * FPS
    assert outcome.left >= 0.999 * outcome.sent
    assert outcome.share >= share
    assert outcome.freezes(0.5) <= freezes


@pytest.mark.parametrize("seconds", [1, 5, 20])
async def test_a_blackout_costs_itself_and_at_most_a_second(
    clip: Clip, media: tuple[OfferedMedia, ...], seconds: int
) -> None:
    outcome = VirtualLine(clip, media, PROFILES[f"blackout-{seconds}"], seed=1).run(60)
    assert outcome.freezes(0.5) == 1
    missing = outcome.sent - len(outcome.shown_ns)
    assert seconds * FPS - 3 <= missing <= (seconds + 1.2) * FPS, "three are sent again in time"


async def test_the_same_luck_has_the_same_outcome(
    clip: Clip, media: tuple[OfferedMedia, ...]
) -> None:
    def run(seed: int) -> LeftIngest:
        return VirtualLine(clip, media, PROFILES["burst-5"], seed=seed).run(30)

    assert run(4) == run(4)
    assert run(4) != run(5)
