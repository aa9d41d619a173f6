"""Sessions, form tokens and the brake on guessing, on a stop-watch that the test holds."""

import pytest

from app.web.login_guard import MOST_ADDRESSES, LoginGuard
from app.web.sessions import IDLE_SECONDS, LONGEST_SECONDS, FormTokens, Sessions


class StopWatch:
    """Shows the seconds it was set to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> StopWatch:
    return StopWatch()


def test_a_session_ends_when_idle_for_30_minutes(watch: StopWatch) -> None:
    sessions = Sessions(ticks=watch)
    session_id = sessions.begin()
    watch.seconds += IDLE_SECONDS
    assert sessions.is_open(session_id)
    watch.seconds += IDLE_SECONDS + 1
    assert not sessions.is_open(session_id)


def test_a_session_in_use_ends_after_12_hours(watch: StopWatch) -> None:
    sessions = Sessions(ticks=watch)
    session_id = sessions.begin()
    while watch.seconds + 600 <= LONGEST_SECONDS:
        watch.seconds += 600
        assert sessions.is_open(session_id)
    watch.seconds += 600
    assert not sessions.is_open(session_id)


def test_ids_are_never_the_same_and_not_kept_as_such() -> None:
    sessions = Sessions()
    ids = {sessions.begin() for _ in range(100)}
    assert len(ids) == 100
    assert not any(session_id in repr(vars(sessions)) for session_id in ids)


def test_a_token_belongs_to_one_cookie_and_one_process() -> None:
    tokens = FormTokens()
    token = tokens.token("cookie")
    assert tokens.is_good(token, bound_to="cookie")
    assert not tokens.is_good(token, bound_to="other")
    assert not tokens.is_good(tokens.token(""), bound_to="")
    assert not FormTokens().is_good(token, bound_to="cookie")


def test_waits_double_and_belong_to_one_address(watch: StopWatch) -> None:
    guard = LoginGuard("right", ticks=watch)
    waits = []
    for _ in range(6):
        assert not guard.admits(user="staff", password="guess", address="a")
        waits.append(guard.wait_seconds("a"))
    assert waits == [0, 0, 2, 4, 8, 16]  # three are free, then 2^1, 2^2, 2^3, 2^4
    assert guard.wait_seconds("b") == 0
    watch.seconds += 16
    assert guard.wait_seconds("a") == 0


def test_the_wait_is_never_longer_than_a_quarter_of_an_hour(watch: StopWatch) -> None:
    guard = LoginGuard("right", ticks=watch)
    for _ in range(100):
        guard.admits(user="staff", password="guess", address="a")
    assert guard.wait_seconds("a") == 900


def test_success_and_an_hour_of_quiet_wipe_the_slate(watch: StopWatch) -> None:
    guard = LoginGuard("right", ticks=watch)
    for _ in range(2):
        guard.admits(user="staff", password="guess", address="a")
    assert guard.admits(user="staff", password="right", address="a")
    for _ in range(2):
        guard.admits(user="staff", password="guess", address="a")
    watch.seconds += 3601
    guard.admits(user="staff", password="guess", address="a")
    assert guard.wait_seconds("a") == 0


def test_many_addresses_do_not_fill_the_memory(watch: StopWatch) -> None:
    guard = LoginGuard("right", ticks=watch)
    for number in range(MOST_ADDRESSES + 10):
        watch.seconds += 0.01
        guard.admits(user="staff", password="guess", address=str(number))
    assert len(guard._failures) <= MOST_ADDRESSES
