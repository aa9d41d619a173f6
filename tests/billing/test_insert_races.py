"""Two people who write the first row of something at the same moment: nobody sees the database's
own fault, and what is kept is right."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from delivery_desk import AT, KEY, Desk, desk_at
from sqlalchemy import Connection

from billing import load_brake, pull_brake, reading, release_brake, writing
from billing.deliveries import add_endpoint, endpoints_of, load_own_words, store_own_words
from billing.restore import begin_restoration, last_restoration
from plans import BadInput

KIND = {"kind": "charged", "language": "en", "body": "{amount}"}
LATER = AT + timedelta(minutes=1)
Result = TypeVar("Result")


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with desk_at(database_url) as opened:
        yield opened


def beside(
    desk: Desk, first: Callable[[Connection], Result], second: Callable[[Connection], Result]
) -> tuple[Result, Any]:
    """What comes of both when the second begins before the first has committed."""
    came: list[Any] = []

    def other() -> None:
        try:
            came.append(writing(desk.engine, second))
        except Exception as error:
            came.append(error)

    thread = threading.Thread(target=other)
    with desk.engine.begin() as connection:
        result = first(connection)
        thread.start()
        thread.join(0.5)
        assert came == []  # it waits
    thread.join(30)
    return result, came[0]


def test_two_versions_of_a_merchants_words(desk: Desk) -> None:
    def store(subject: str) -> Callable[[Connection], int]:
        return lambda c: store_own_words(c, desk.merchant, subject=subject, by="a", at=AT, **KIND)

    assert beside(desk, store("one"), store("two")) == (1, 2)
    with reading(desk.engine) as connection:
        own = load_own_words(connection, desk.merchant.id)
    assert own.of("charged", "en").subject == "two"


def test_one_name_for_two_webhooks(desk: Desk) -> None:
    def add(host: str) -> Callable[[Connection], str]:
        url = f"https://{host}.example/hooks"
        return lambda c: add_endpoint(c, desk.merchant, code="shop", url=url, at=AT, master_key=KEY)

    _, refused = beside(desk, add("first"), add("second"))
    assert isinstance(refused, BadInput)
    assert refused.rule == "is in use"
    with reading(desk.engine) as connection:
        (kept,) = endpoints_of(connection, desk.merchant)
    assert kept.url == "https://first.example/hooks"


def test_two_people_begin_the_restoration_of_one_backup(desk: Desk) -> None:
    def begin(by: str) -> Callable[[Connection], Any]:
        return lambda c: begin_restoration(c, by=by, reason="a backup", at=AT)

    first, second = beside(desk, begin("sato"), begin("suzuki"))
    assert (second.number, second.begun_by) == (first.number, "sato")
    with reading(desk.engine) as connection:
        assert last_restoration(connection) == first
    told = desk.rows("SELECT actor FROM audit_event WHERE kind = 'restoration_begun'")
    assert [each["actor"] for each in told] == ["sato"]


def test_two_people_release_a_brake_that_nobody_has_pulled(desk: Desk) -> None:
    def release(by: str) -> Callable[[Connection], None]:
        at = {"sato": AT, "suzuki": LATER}[by]
        return lambda c: release_brake(c, desk.merchant, reason="a look", at=at, by=by)

    assert beside(desk, release("sato"), release("suzuki")) == (None, None)
    with reading(desk.engine) as connection:
        brake = load_brake(connection, desk.merchant.id)
    assert (brake.is_pulled, brake.last_run_at) == (False, LATER)


def test_a_brake_that_is_released_while_it_is_pulled_for_the_first_time(desk: Desk) -> None:
    pulled, came = beside(
        desk,
        lambda c: pull_brake(c, desk.merchant, by="sato", reason="a look", at=AT).is_pulled,
        lambda c: bool(release_brake(c, desk.merchant, reason="seen", at=LATER, by="suzuki")),
    )
    assert (pulled, came) == (True, False)
    with reading(desk.engine) as connection:
        assert not load_brake(connection, desk.merchant.id).is_pulled
