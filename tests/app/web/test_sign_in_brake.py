"""The brake on guessing counts each of many tries at once, the very first ones too."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from support.schema import at_head
from web_books import add_merchant

from app.web.staff.brake import FREE, Counted, count_try, forgive, wait_seconds
from billing import open_engine, reading, writing

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
TRIES = 6
COUNTED = [Counted("source", "192.0.2.1"), Counted("code", "staff")]


def counting(engine: Engine, at: datetime = AT, times: int = 1) -> None:
    for _ in range(times):
        writing(engine, lambda c: count_try(c, merchant_id="shop", counted=COUNTED, at=at))


def waiting(engine: Engine, at: datetime) -> int:
    with reading(engine) as connection:
        return wait_seconds(connection, merchant_id="shop", counted=COUNTED, at=at)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    at_head(opened)
    add_merchant(opened, "shop")
    yield opened
    opened.dispose()


def test_many_first_tries_at_once_are_all_counted(engine: Engine) -> None:
    start = threading.Barrier(TRIES)
    faults: list[Exception] = []

    def one() -> None:
        start.wait(10)
        try:
            counting(engine)
        except Exception as error:
            faults.append(error)

    tries = [threading.Thread(target=one) for _ in range(TRIES)]
    for each in tries:
        each.start()
    for each in tries:
        each.join(30)
    assert faults == []
    assert waiting(engine, AT) == 1 << (TRIES - FREE["code"] + 1)  # 3 are free, then 2, 4, 8, 16 s


def test_a_try_of_yesterday_is_forgotten(engine: Engine) -> None:
    counting(engine, times=FREE["code"])
    assert waiting(engine, AT) == 2
    tomorrow = AT + timedelta(hours=24)
    assert waiting(engine, tomorrow) == 0
    counting(engine, tomorrow)
    assert waiting(engine, tomorrow) == 0


def test_a_right_one_starts_anew(engine: Engine) -> None:
    counting(engine, times=FREE["code"] + 2)
    assert waiting(engine, AT) == 8
    writing(engine, lambda c: forgive(c, merchant_id="shop", counted=COUNTED))
    assert waiting(engine, AT) == 0
