from hypothesis import given, settings
from hypothesis import strategies as st

from transcoder.assemble import Assembler
from transcoder.audio_wait import PATIENCE_TICKS, SILENT_TICKS, AudioWait
from transcoder.cmaf.emsg import read_events
from transcoder.cues import MAX_PER_PART, CueQueue
from transcoder.cutter import Cutter
from transcoder.grid import Grid
from transcoder.packager import AudioFrame, RenditionPackager
from transcoder.samples import EncodedPicture, SlotSamples
from transcoder.values import Part, TimedMetadata

GRID = Grid(frames_per_second=30, part_slots=5, idr_slots=10, segment_slots=20)
IDR, OTHER = b"\x00\x00\x00\x02\x65\x00", b"\x00\x00\x00\x02\x41\x00"


class Audio:
    def __init__(self) -> None:
        self.taken: list[int] = []

    def take(self, until_tick: int) -> list[AudioFrame]:
        self.taken.append(until_tick)
        return []


class Made:
    """An assembler of two encoders, and its cutter; `c` shows what `b` makes."""

    def __init__(self, audio: Audio, cues: CueQueue | None = None) -> None:
        packagers = [
            RenditionPackager(show="s", epoch="e", rendition=name, generation=0, grid=GRID)
            for name in ("a", "b")
        ]
        self.cutter = Cutter(grid=GRID, first_slot=100, next_number=7, next_msn=3)
        self.assembler = Assembler(
            grid=GRID,
            cutter=self.cutter,
            packagers=packagers,
            renditions=[("a", 0), ("b", 1), ("c", 1)],
            audio=audio,
            cues=cues or CueQueue(),
        )

    def fill(self, stream: int, slots: range) -> None:
        for slot in slots:
            if slot == self.cutter.next_slot:
                self.cutter.place()
            idr = slot % 10 == 0
            picture = EncodedPicture(keyframe=idr, data=IDR if idr else OTHER)
            self.assembler.add(stream, SlotSamples(slot=slot, pictures=(picture,)))

    def complete(self) -> int | None:
        return self.assembler.complete_until_tick


def test_a_part_is_complete_when_every_stream_has_come_to_its_end() -> None:
    audio = Audio()
    made = Made(audio)
    made.fill(0, range(100, 112))
    assert made.complete() is None
    made.fill(1, range(100, 105))
    assert made.complete() == 105 * 3000
    parts = made.assembler.next_part()
    assert [(p.rendition, p.number, p.msn, p.index) for p in parts] == [
        ("a", 7, 3, 0),
        ("b", 7, 3, 0),
        ("c", 7, 3, 0),
    ]
    assert audio.taken == [105 * 3000]
    assert made.complete() is None


def test_a_mirror_has_the_very_samples_of_what_it_shows() -> None:
    made = Made(Audio())
    for stream, data in ((0, b"aaaa"), (1, b"bbbb")):
        for slot in range(100, 105):
            if stream == 0:
                made.cutter.place()
            picture = EncodedPicture(keyframe=slot == 100, data=data)
            made.assembler.add(stream, SlotSamples(slot=slot, pictures=(picture,)))
    a, b, c = made.assembler.next_part()
    assert b"aaaa" in a.data
    assert b"bbbb" in b.data
    assert b.data == c.data


def test_slots_without_a_picture_count_as_come_to() -> None:
    made = Made(Audio())
    made.fill(0, range(100, 105))
    made.fill(1, range(100, 101))
    for slot in range(101, 105):
        assert made.complete() is None
        made.assembler.add(1, SlotSamples(slot=slot, pictures=()))
    assert [part.duration for part in made.assembler.next_part()] == [5 * 3000] * 3


def test_what_has_ended_gives_what_every_stream_has() -> None:
    made = Made(Audio())
    made.fill(0, range(100, 109))
    made.fill(1, range(100, 107))
    made.cutter.end(made.assembler.next_slot)
    made.assembler.next_part()
    parts = made.assembler.next_part()
    assert [(p.number, p.duration, p.last) for p in parts] == [(8, 2 * 3000, True)] * 3
    assert made.complete() is None


def test_a_part_does_not_wait_without_an_audio_source() -> None:
    wait = AudioWait()
    assert wait.settled(end_tick=1000, now_tick=0)
    wait.heard(until_tick=0, now_tick=0)
    assert not wait.settled(end_tick=1000, now_tick=0)
    wait.gone()
    assert wait.settled(end_tick=1000, now_tick=0)


def test_a_part_waits_for_its_audio_within_reason() -> None:
    wait = AudioWait()
    wait.heard(until_tick=90_000, now_tick=90_000)
    assert wait.settled(end_tick=90_000, now_tick=90_000)
    assert not wait.settled(end_tick=90_001, now_tick=90_000)
    assert not wait.settled(end_tick=90_001, now_tick=90_000 + PATIENCE_TICKS)
    assert wait.settled(end_tick=90_001, now_tick=90_001 + PATIENCE_TICKS)


def test_audio_that_has_fallen_silent_is_not_waited_for() -> None:
    wait = AudioWait()
    wait.heard(until_tick=1000, now_tick=1000)
    end_tick = 1000 + SILENT_TICKS
    assert not wait.settled(end_tick=end_tick, now_tick=1000 + SILENT_TICKS)
    assert wait.settled(end_tick=end_tick, now_tick=1001 + SILENT_TICKS)


def test_audio_that_comes_late_is_waited_for_longer() -> None:
    """Everything is 250 ms late, as where the machine has no time for the worker."""
    wait = AudioWait()
    late = 22_500
    for packet in range(50):
        pts = packet * 1800
        wait.heard(until_tick=pts, now_tick=pts + late)
        end_tick = pts + 900
        assert not wait.settled(end_tick=end_tick, now_tick=end_tick + late)
    assert wait.settled(end_tick=end_tick, now_tick=end_tick + late + PART)


START, PART = 100 * 3000, 5 * 3000


def cue(number: int, pts: int) -> TimedMetadata:
    return TimedMetadata(
        id=f"c{number}", revision=1, pts=pts, duration=90_000, payload=b"%d" % number
    )


@settings(deadline=None)
@given(
    told=st.lists(
        st.tuples(st.integers(0, 5), st.integers(START - 3 * PART, START + 7 * PART)), max_size=40
    )
)
def test_a_cue_is_in_one_part_whenever_it_is_told_and_wherever_its_frame_lies(
    told: list[tuple[int, int]],
) -> None:
    """CU-02, 03, 06, 07, 08, 15: over the frame's time against the moment at which it is told."""
    queue = CueQueue()
    made = Made(Audio(), queue)
    parts: list[Part] = []
    for turn in range(6):
        for number, (when, pts) in enumerate(told):
            if when == turn:
                assert queue.add(cue(number, pts)) is None
                assert queue.add(cue(number, pts + 1)) is None  # a repeat; the first counts
        for stream in (0, 1):
            made.fill(stream, range(100 + 5 * turn, 105 + 5 * turn))
        parts += made.assembler.next_part()
    end = START + 6 * PART
    best = [part for part in parts if part.rendition == "a"]
    other = [part for part in parts if part.rendition == "b"]
    assert [part.cues for part in best] == [part.cues for part in other]
    assert [part.data for part in best] == [part.data for part in other]
    check_cues(best, told)
    carried = [c for part in best for c in part.cues]
    waiting = {c.id for c in queue.left()}
    assert sorted(c.id for c in (*carried, *queue.left())) == sorted(
        f"c{n}" for n in range(len(told))
    )
    late = sum(pts < end for _, pts in told) - len(carried)
    assert late == len([c for c in queue.left() if c.pts < end])
    assert late == 0 or len(best[-1].cues) == MAX_PER_PART
    assert waiting >= {f"c{n}" for n, (_, pts) in enumerate(told) if pts >= end}


def check_cues(parts: list[Part], told: list[tuple[int, int]]) -> None:
    """What the boxes of one rendition say, against what was told."""
    ids = []
    for turn, part in enumerate(parts):
        part_end = part.decode_time + part.duration
        events = read_events(part.data)
        assert len(events) == len(part.cues) <= MAX_PER_PART
        for event, carried in zip(events, part.cues, strict=True):
            when, pts = told[int(carried.id[1:])]
            assert (carried.pts, when <= turn) == (pts, True)
            assert event.presentation_time == max(pts, part.decode_time)
            assert part.decode_time <= event.presentation_time < part_end
            assert event.duration == carried.duration
            ids.append(event.id)
            # On its own frame whenever it was told in time and the part had room.
            if pts < part.decode_time and turn > when:
                assert len(parts[turn - 1].cues) == MAX_PER_PART
    assert len(set(ids)) == len(ids)


def test_the_last_part_has_only_the_cues_of_its_own_frames() -> None:
    queue = CueQueue()
    made = Made(Audio(), queue)
    for number, pts in enumerate((START + 6000, START + 9000)):
        queue.add(cue(number, pts))
    for stream in (0, 1):
        made.fill(stream, range(100, 103))
    made.cutter.end(103)
    parts = made.assembler.next_part()
    assert [[c.id for c in part.cues] for part in parts] == [["c0"]] * 3
    assert [c.id for c in queue.left()] == ["c1"]
