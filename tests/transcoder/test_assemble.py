from transcoder.assemble import Assembler
from transcoder.audio_wait import PATIENCE_TICKS, SILENT_TICKS, AudioWait
from transcoder.grid import Grid
from transcoder.packager import AudioFrame, Cutter, RenditionPackager, VideoSample

GRID = Grid(frames_per_second=30, part_slots=5, idr_slots=10, segment_slots=20)
IDR, OTHER = b"\x00\x00\x00\x02\x65\x00", b"\x00\x00\x00\x02\x41\x00"


class Audio:
    def __init__(self) -> None:
        self.taken: list[int] = []

    def take(self, until_tick: int) -> list[AudioFrame]:
        self.taken.append(until_tick)
        return []


def assembler(audio: Audio) -> Assembler:
    packagers = [
        RenditionPackager(show="s", epoch="e", rendition=name, generation=0, grid=GRID)
        for name in ("a", "b")
    ]
    cutter = Cutter(grid=GRID, first_slot=100, next_number=7, next_msn=3)
    return Assembler(grid=GRID, cutter=cutter, packagers=packagers, audio=audio)


def complete(target: Assembler) -> int | None:
    return target.complete_until_tick


def fill(target: Assembler, rung: int, slots: range) -> None:
    for slot in slots:
        idr = slot % 10 == 0
        target.add(rung, VideoSample(slot=slot, keyframe=idr, data=IDR if idr else OTHER))


def test_a_part_is_complete_when_every_rung_has_its_slots() -> None:
    audio = Audio()
    target = assembler(audio)
    fill(target, 0, range(100, 112))
    assert complete(target) is None
    fill(target, 1, range(100, 105))
    assert complete(target) == 105 * 3000
    parts = target.next_part()
    assert [(p.rendition, p.number, p.msn, p.index) for p in parts] == [
        ("a", 7, 3, 0),
        ("b", 7, 3, 0),
    ]
    assert audio.taken == [105 * 3000]
    assert complete(target) is None


def test_the_last_part_holds_what_every_rung_has() -> None:
    target = assembler(Audio())
    fill(target, 0, range(100, 109))
    fill(target, 1, range(100, 107))
    target.next_part()
    parts = target.last_part()
    assert [(p.number, p.duration, p.last) for p in parts] == [(8, 2 * 3000, True)] * 2


def test_there_is_no_empty_last_part() -> None:
    target = assembler(Audio())
    fill(target, 0, range(100, 103))
    assert target.last_part() == []


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
