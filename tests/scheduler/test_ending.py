"""A signal may come between any two instructions of a thread that waits for it."""

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from scheduler import Ending

LONG = 0.5  # seconds; a wait that was asked to end returns within microseconds


def returns_when_asked_at(
    instruction: int, *, ask: Callable[[], None], wait: Callable[[], object]
) -> tuple[bool, bool]:
    """Let a thread wait, and ask from within it at its n-th instruction, as a handler would.

    Whether it asked at all, and whether the wait returned.
    """
    left, asked = instruction, False

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left, asked
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                asked = True
                ask()
        return trace

    def waiting() -> None:
        sys.settrace(trace)
        try:
            wait()
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=waiting, daemon=True)
    thread.start()
    thread.join(LONG)
    found = asked, not thread.is_alive()
    if not asked:
        left = 0  # it waits, and is not to ask itself when it goes on
        ask()
        thread.join(LONG)
    return found


def test_a_wish_is_heard_wherever_the_waiting_thread_stands() -> None:
    """The event of the standard library is not made for that: it hangs in the same trial."""
    heard = 0
    for instruction in range(1, 1_000):
        ending = Ending()
        asked, returned = returns_when_asked_at(instruction, ask=ending.ask, wait=ending.wait)
        if not asked:
            break
        assert returned, f"asked at instruction {instruction} it waits for ever"
        heard += 1
    assert heard > 10


def test_the_trial_catches_an_event_of_threading() -> None:
    for instruction in range(1, 120):
        event = threading.Event()
        asked, returned = returns_when_asked_at(instruction, ask=event.set, wait=event.wait)
        if asked and not returned:
            return
    pytest.fail("an event was set in the midst of its own lock and did not hang")


def test_a_wish_before_the_wait_is_not_lost() -> None:
    ending = Ending()
    ending.ask()
    ending.ask()
    assert ending.is_asked
    assert ending.wait()
    assert ending.wait()


def test_a_wait_ends_by_itself() -> None:
    ending = Ending()
    assert not ending.wait(0.01)
    assert not ending.is_asked
