"""What took long is kept for a while; what was quick never is."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.web.shell.remembered import (
    KEPT_TIMES,
    LONGEST_SECONDS,
    Remembered,
    aside,
    oldest_shown,
)


@dataclass
class Watch:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def asking(watch: Watch, took: float, answers: list[int]) -> int:
    watch.now += took
    answers.append(len(answers))
    return answers[-1]


@pytest.mark.parametrize(
    ("took", "kept_for"),
    [
        pytest.param(0.02, 0.0, id="quick: asked each time"),
        pytest.param(0.5, 0.5 * KEPT_TIMES, id="half a second: kept for half a minute"),
        pytest.param(60.0, LONGEST_SECONDS, id="never longer than ten minutes"),
    ],
)
def test_an_answer_is_kept_in_proportion_to_what_it_took(took: float, kept_for: float) -> None:
    watch, answers = Watch(), list[int]()
    remembered = Remembered(seconds=watch)
    assert remembered.get("a", lambda: asking(watch, took, answers)) == 0
    watch.now += max(0.0, kept_for - 0.1)
    again = remembered.get("a", lambda: asking(watch, took, answers))
    assert again == (0 if kept_for else 1)
    watch.now += 1.0
    assert remembered.get("a", lambda: asking(watch, took, answers)) == again + 1
    assert remembered.get("b", lambda: asking(watch, took, answers)) == again + 2


def test_a_fault_is_not_kept() -> None:
    remembered = Remembered(seconds=Watch())
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            remembered.get("a", lambda: 1 // 0)
    assert remembered.get("a", lambda: 7) == 7


def test_of_many_one_asks_anew_and_the_others_read_the_old_answer() -> None:
    watch = Watch()
    remembered = Remembered(seconds=watch)
    asked, begun, go_on = list[int](), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(10)
        asked.append(1)
        watch.now += 1.0
        return "new"

    remembered.get("a", lambda: str(asking(watch, 1.0, [])))
    watch.now += KEPT_TIMES + 1
    thread = threading.Thread(target=remembered.get, args=("a", slow))
    thread.start()
    assert begun.wait(10)
    assert remembered.get("a", slow) == "0", "the old answer, at once"
    go_on.set()
    thread.join(10)
    assert remembered.get("a", slow) == "new"
    assert asked == [1]


def test_where_it_is_renewed_aside_nobody_waits_for_it() -> None:
    """Kept for 100 s, shown for 100 s more while it is made anew; then the reader waits."""
    watch, answers, begun = Watch(), list[int](), list[Callable[[], None]]()
    remembered = Remembered(seconds=watch, renew=begun.append)

    def get() -> int:
        return remembered.get("a", lambda: asking(watch, 1.0, answers))

    assert (get(), len(begun)) == (0, 0), "the first one waits"
    watch.now += 1.5 * KEPT_TIMES
    assert (get(), get(), len(begun)) == (0, 0, 1), "one renews, all see the old answer"
    begun.pop()()
    assert (get(), len(begun)) == (1, 0)
    watch.now += 2.5 * KEPT_TIMES
    assert (get(), len(begun)) == (2, 0), "too old to be shown"


def test_a_fault_aside_is_the_next_readers() -> None:
    watch, begun = Watch(), list[Callable[[], None]]()
    remembered = Remembered(seconds=watch, renew=begun.append)
    assert remembered.get("a", lambda: asking(watch, 1.0, [])) == 0
    watch.now += KEPT_TIMES + 1
    assert remembered.get("a", lambda: 1 // 0) == 0
    begun.pop()()
    with pytest.raises(ZeroDivisionError):
        remembered.get("a", lambda: 1 // 0)


def test_where_no_thread_is_to_be_had_the_reader_waits() -> None:
    def none_left(work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    watch, answers = Watch(), list[int]()
    remembered = Remembered(seconds=watch, renew=none_left)
    for expected in (0, 1, 2):
        assert remembered.get("a", lambda: asking(watch, 1.0, answers)) == expected
        watch.now += KEPT_TIMES + 1


def test_aside_is_a_thread_of_its_own() -> None:
    done, here = threading.Event(), list[bool]()

    def work() -> None:
        here.append(threading.current_thread() is threading.main_thread())
        done.set()

    aside(work)
    assert done.wait(10)
    assert here == [False]


def test_what_nobody_asks_for_any_more_is_dropped() -> None:
    watch, answers = Watch(), list[int]()
    remembered = Remembered(seconds=watch)
    for day in (1, 2):
        remembered.get(day, lambda: asking(watch, 2.0, answers))  # kept for 200 s
        watch.now += LONGEST_SECONDS
    remembered.get(3, lambda: asking(watch, 2.0, answers))
    assert [remembered.knows(day) for day in (1, 2, 3)] == [False, True, True]


def test_an_answer_made_of_a_kept_one_is_as_old_as_that() -> None:
    watch, answers = Watch(), list[int]()
    days, months = Remembered(seconds=watch), Remembered(seconds=watch)
    morning = datetime(2026, 12, 1, tzinfo=UTC)

    def month(at: datetime) -> datetime | None:
        """Read the month as a request does, and say of what moment its figures are."""

        def ask() -> int:
            asking(watch, 1.0, answers)
            return days.get("day", lambda: asking(watch, 5.0, answers), at=at)

        months.get("month", ask, at=at)
        return oldest_shown()

    assert copy_context().run(month, morning) == morning
    months = Remembered(seconds=watch)  # the month is asked again, of the same kept day
    for minutes in (5, 6):
        at = morning + timedelta(minutes=minutes)
        assert copy_context().run(month, at) == morning
