"""Ctrl-C waits for a moment of ours, unless it comes again."""

import os
import signal
from pathlib import Path

import pytest

from transcoder.profiles import Profile
from transcoder.tune.clip import REFERENCE
from transcoder.tune.crowd import run_crowd
from transcoder.tune.interrupts import Interrupts


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def interrupted_again_and_again(interrupts: Interrupts, done: list[str]) -> None:
    with interrupts.remembered():
        interrupts.check()
        interrupt()
        done.append("the step at hand")
        interrupt()
        done.append("more of it")


def interrupted_and_asked(interrupts: Interrupts, done: list[str]) -> None:
    with interrupts.remembered():
        interrupt()
        done.append("the step at hand")
        interrupts.check()
        done.append("the next one")


def test_the_first_one_waits_until_it_is_asked_for() -> None:
    done: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupted_and_asked(Interrupts(), done)
    assert done == ["the step at hand"]
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_one_does_not_wait() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted_again_and_again(Interrupts(), done)
    assert done == ["the step at hand"]


def test_a_crowd_that_is_waited_for_is_ended(tmp_path: Path) -> None:
    """A named pipe for a clip keeps its members from ever being ready."""
    interrupts = Interrupts()
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            interrupt()
        interrupts.check()

    os.mkfifo(tmp_path / REFERENCE)
    with pytest.raises(KeyboardInterrupt), interrupts.remembered():
        run_crowd(Profile(name="any"), 2, folder=tmp_path, media_s=1.0, check=check)
    assert asked == 2
