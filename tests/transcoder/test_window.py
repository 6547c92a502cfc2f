import threading

from transcoder.control import CueUnsent, Hello, Listening, Metrics, WorkerBusy, WorkerIdle
from transcoder.ladder_state import ladder_state
from transcoder.outbox import Outbox
from transcoder.roles import ENCODED
from transcoder.shedding import LadderPlan
from transcoder.values import Anchor, EpochEnd, InitSection, Part
from transcoder.window import Window
from transcoder.wire import Deframer

HELLO = Hello(role="worker", id="w1", pid=1)
LISTENING = Listening(epoch="e", au_socket="au.sock")
END = EpochEnd(show="s", epoch="e")


def init(rendition: str = "a", generation: int = 0) -> InitSection:
    return InitSection(
        show="s",
        epoch="e",
        rendition=rendition,
        generation=generation,
        ladder=("a",),
        anchor=Anchor(utc_us=0, monotonic_ns=0),
        codecs="",
        width=2,
        height=2,
        frames_per_second=30,
        bandwidth_bps=1,
        average_bandwidth_bps=1,
        part_ticks=30_000,
        segment_ticks=180_000,
        data=b"",
    )


def part(number: int, generation: int = 0) -> Part:
    return Part(
        show="s",
        epoch="e",
        rendition="a",
        generation=generation,
        number=number,
        msn=0,
        index=0,
        decode_time=number * 30_000,
        duration=30_000,
        independent=True,
        last=False,
        cues=(),
        data=b"",
    )


def value(data: bytes | None) -> object:
    assert data is not None
    (decoded,) = Deframer().feed(data)
    return decoded


def sent(window: Window) -> list[object]:
    values = []
    while (data := window.next()) is not None:
        values.append(value(data))
    return values


def test_all_goes_in_the_order_in_which_it_came_and_the_end_last() -> None:
    window = Window(300_000)
    window.add_end(END)
    window.add_init(init())
    window.add_part(part(0))
    assert window.pending
    assert sent(window) == [init(), part(0), END]
    assert not window.pending


def test_after_a_rewind_all_of_the_window_goes_again() -> None:
    window = Window(90_000)
    window.add_init(init())
    for number in range(3):
        window.add_part(part(number))
    assert len(sent(window)) == 4
    window.add_part(part(3))
    window.rewind()
    assert sent(window) == [init(), part(1), part(2), part(3)]
    assert window.lost == 0


def test_init_sections_leave_with_the_last_part_of_their_generation() -> None:
    window = Window(90_000)
    window.add_init(init())
    window.add_part(part(0))
    window.add_init(init(generation=1))
    for number in range(1, 4):
        window.add_part(part(number, 1))
    assert sent(window) == [init(generation=1), *(part(n, 1) for n in (1, 2, 3))]
    assert window.lost == 1
    window.rewind()
    window.add_init(init(generation=2))
    window.add_part(part(4, 2))
    expected = [init(generation=1), part(2, 1), part(3, 1), init(generation=2), part(4, 2)]
    assert sent(window) == expected


def test_many_generations_leave_nothing_behind() -> None:
    window = Window(90_000)
    for number in range(500):
        window.add_init(init(generation=number))
        window.add_part(part(number, number))
        sent(window)
    window.rewind()
    assert len(sent(window)) == 6


def test_parts_that_leave_unsent_are_lost_and_counted() -> None:
    window = Window(90_000)
    window.add_part(part(0))
    assert sent(window) == [part(0)]
    for number in range(1, 6):
        window.add_part(part(number))
    assert window.lost == 2
    assert sent(window) == [part(3), part(4), part(5)]


def test_each_connection_begins_with_who_we_are() -> None:
    outbox = Outbox(HELLO, window_s=60)
    outbox.connected()
    assert [value(outbox.take()) for _ in range(2)] == [HELLO, WorkerIdle()]
    outbox.epoch_started(LISTENING, show="s")
    outbox.init(init())
    assert [value(outbox.take()) for _ in range(2)] == [LISTENING, init()]
    outbox.part(part(0))
    outbox.connected()
    busy = WorkerBusy(show="s", epoch="e", au_socket="au.sock")
    assert [value(outbox.take()) for _ in range(4)] == [HELLO, busy, init(), part(0)]


def test_old_notes_are_forgotten_not_kept() -> None:
    outbox = Outbox(HELLO, window_s=60)
    outbox.connected()
    for number in range(40):
        outbox.metrics(str(number).encode())
    texts = [value(outbox.take()) for _ in range(16)]
    assert texts == [Metrics(text=str(number).encode()) for number in range(24, 40)]


def test_the_newest_state_of_the_ladder_is_no_old_note() -> None:
    states = [
        ladder_state(show="s", epoch="e", rungs=["a"], plan=LadderPlan(roles=(ENCODED,)), step=step)
        for step in (0, 1, 2)
    ]
    outbox = Outbox(HELLO, window_s=60)
    outbox.ladder(states[0])
    outbox.connected()
    assert [value(outbox.take()) for _ in range(3)] == [HELLO, WorkerIdle(), states[0]]
    outbox.ladder(states[1])
    outbox.ladder(states[2])
    for number in range(40):
        outbox.metrics(str(number).encode())
    assert not outbox.wait_sent(0)
    assert value([outbox.take() for _ in range(17)][-1]) == states[2], "to a main that stood still"
    outbox.init(init())
    assert value(outbox.take()) == init()


def test_a_cue_that_was_not_sent_is_told_once_to_the_next_main_if_need_be() -> None:
    outbox = Outbox(HELLO, window_s=60)
    unsent = CueUnsent(id="a", revision=1, reason="no")
    outbox.cue_unsent(unsent)
    outbox.connected()
    assert not outbox.wait_sent(0)
    assert [value(outbox.take()) for _ in range(3)] == [HELLO, WorkerIdle(), unsent]
    outbox.connected()
    outbox.init(init())
    assert [value(outbox.take()) for _ in range(3)] == [HELLO, WorkerIdle(), init()]


def test_take_ends_with_the_connection() -> None:
    outbox = Outbox(HELLO, window_s=60)
    outbox.connected()
    outbox.take(), outbox.take()
    taken: list[bytes | None] = [b""]
    thread = threading.Thread(target=lambda: taken.append(outbox.take()))
    thread.start()
    outbox.disconnected()
    thread.join()
    assert taken[-1] is None


def test_everything_is_sent_only_when_the_sender_comes_back_for_more() -> None:
    outbox = Outbox(HELLO, window_s=60)
    assert not outbox.wait_sent(0)
    outbox.connected()
    outbox.take(), outbox.take()
    assert not outbox.wait_sent(0)
    thread = threading.Thread(target=outbox.take)
    thread.start()
    assert outbox.wait_sent(20)
    outbox.disconnected()
    thread.join()
