"""What takes long is asked for ahead, and a page that shows a kept answer says of when it is."""

import contextvars
from datetime import UTC, datetime, timedelta

import pytest
from web_books import NOW, Browser, WebBooks

from app.web.shell import remembered, warm
from app.web.shell.remembered import Remembered, oldest_shown
from app.web.shell.warm import DailyStatistics, Pace, Warm

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)


def later(minutes: int) -> datetime:
    return NINE + timedelta(minutes=minutes)


def test_a_kept_answer_tells_of_when_it_is() -> None:
    clock = [0.0]

    def asked() -> int:
        clock[0] += 1.0  # kept for 100 s
        return 7

    def read_twice() -> list[datetime | None]:
        shown = [oldest_shown()]
        for key, minutes in (("a", 5), ("b", 0), ("a", 30)):
            kept.get(key, asked, at=later(minutes))
            shown.append(oldest_shown())
        return shown

    kept = Remembered(seconds=lambda: clock[0])
    shown = contextvars.Context().run(read_twice)
    assert shown == [None, later(5), later(0), later(0)]  # "a" at 09:30 is that of 09:05
    assert contextvars.Context().run(oldest_shown) is None  # the next reader begins anew


def test_answers_are_renewed_before_a_reader_finds_them_too_old() -> None:
    clock, answers = [0.0], list[int]()

    def ask() -> int:
        clock[0] += 0.5  # kept for 50 s
        answers.append(len(answers))
        return answers[-1]

    kept = Remembered(seconds=lambda: clock[0])
    kept.get("a", ask)
    clock[0] = 40.0
    assert kept.get("a", ask) == 0
    assert kept.get("a", ask, ahead_seconds=15.0) == 1  # 10.5 s before its end
    assert kept.get("a", ask, ahead_seconds=15.0) == 1
    assert kept.knows("a")
    assert not kept.knows("b")


def test_one_question_that_fails_leaves_the_others_warm(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[float] = []

    def fails(_ahead: float) -> None:
        raise ZeroDivisionError

    assert Warm([fails, asked.append]).ask() < 10
    assert asked == [warm.AHEAD_SECONDS]
    assert "could not be worked out ahead" in caplog.text


def test_every_page_of_the_desk_is_warm_from_the_start(
    web_books: WebBooks, staff: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    web_books.add_charge(at=NOW - timedelta(days=3))
    monkeypatch.setattr(remembered, "QUICK_SECONDS", -1.0)  # as if each answer took long
    shell = staff.app.state.shell
    assert any(isinstance(each, DailyStatistics) for each in shell.warm.questions)
    shell.warm.ask()
    page = staff.get("/figures").text
    assert "時点" in page
    assert "集計と予測は" not in page  # asked in this very minute of the books
    early = NOW - timedelta(minutes=7)
    monkeypatch.setattr(type(shell.clock), "now", lambda _: early)
    shell.warm.questions.clear()
    monkeypatch.setattr(remembered, "KEPT_TIMES", 1e9)
    staff.get("/today")  # keeps answers of seven minutes ago
    monkeypatch.setattr(type(shell.clock), "now", lambda _: NOW)
    assert "集計と予測は 2026-12-31 08:53 時点" in staff.get("/today").text


def test_a_reader_waits_for_who_keeps_an_answer_warm_but_not_for_ever() -> None:
    clock, answers = [0.0], list[int]()

    def ask() -> int:
        clock[0] += 1.0  # kept for 100 s
        answers.append(len(answers))
        return answers[-1]

    kept = Remembered(seconds=lambda: clock[0])
    kept.get("a", ask)  # a reader's: nobody keeps it warm
    clock[0] = 101.5
    assert kept.get("a", ask, ahead_seconds=15.0) == 1  # until 202.5
    clock[0] = 252.0  # late by half of its time, less half a second
    assert kept.get("a", ask) == 1
    clock[0] = 253.0
    assert kept.get("a", ask) == 2
    clock[0] = 354.5  # renewed by a reader, whom no grace is given
    assert kept.get("a", ask) == 3


@pytest.mark.parametrize(
    ("looks", "waits"),
    [
        pytest.param([(0, 0.1), (120, 0.1)], [120, 120], id="small books"),
        pytest.param([(3, 3.0), (13, 0.0), (500, 0.0)], [10, 10, 10], id="all fresh in between"),
        pytest.param([(3, 3.0), (603, 0.0), (604, 0.0)], [10, 10, 120], id="small once more"),
        pytest.param([(0, 0.1), (120, 0.3)], [120, 10], id="they have grown"),
    ],
)
def test_a_quick_look_at_large_books_is_followed_by_the_next_in_time(
    looks: list[tuple[float, float]], waits: list[float]
) -> None:
    pace = Pace()
    assert [pace.after(took, at=at) for at, took in looks] == waits
