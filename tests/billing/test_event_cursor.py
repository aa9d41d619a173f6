"""The cursor of events never skips what becomes visible late, nor moves what it has shown."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from delivery_desk import AT, SLOT, Desk, desk_at
from sqlalchemy import insert

from billing import reading
from billing.deliveries import events_after
from billing.store.notices import notice_row, write_notices
from billing.store.rows import table_of
from billing.tables import NoticeRow
from plans import BadInput


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Desk]:
    with desk_at(postgres_url) as desk:
        yield desk


def test_a_transaction_that_commits_late_is_not_skipped(on_postgres: Desk) -> None:
    """Ids are given out when a row is written, and seen when it is committed: 2 before 1 here."""
    desk = on_postgres
    with desk.engine.connect() as slow, slow.begin() as under_way:
        write_notices(slow, [notice_row(SLOT, kind="failed", at=AT, step=1)])
        desk.tell(2, kind="charged")
        assert desk.plan() == 1
        assert desk.cursors() == [(1, "charged")]
        cursor = 1
        under_way.commit()
    ids = {row["kind"]: row["id"] for row in desk.rows("SELECT id, kind FROM notice")}
    assert ids["failed"] < ids["charged"]  # a cursor by id would never come back for it
    assert desk.plan() == 1
    assert desk.cursors(after=cursor) == [(2, "failed")]
    assert desk.cursors() == [(1, "charged"), (2, "failed")]


def test_a_transaction_that_is_undone_leaves_no_gap(on_postgres: Desk) -> None:
    desk = on_postgres
    with desk.engine.connect() as connection:
        write_notices(connection, [notice_row(SLOT, kind="failed", at=AT, step=1)])
        connection.rollback()
    desk.tell(1, 2)
    desk.plan()
    assert desk.cursors() == [(1, "charged"), (2, "charged")]


def test_while_one_worker_places_another_does_nothing(on_postgres: Desk) -> None:
    desk = on_postgres
    desk.tell(0)
    desk.plan()
    desk.tell(1)
    with desk.engine.begin() as busy:
        busy.exec_driver_sql("SELECT * FROM event_head FOR UPDATE")
        assert desk.plan() == 0
    assert desk.plan() == 1


def test_readers_beside_writers_and_planners_see_every_event_once_in_order(
    on_postgres: Desk,
) -> None:
    desk, seen = on_postgres, []
    writers = [
        threading.Thread(target=lambda n=n: [desk.tell(100 * n + k) for k in range(15)])
        for n in range(4)
    ]
    done = threading.Event()

    def planning() -> None:
        while not done.is_set():
            desk.plan()

    planners = [threading.Thread(target=planning) for _ in range(2)]
    for thread in (*writers, *planners):
        thread.start()
    cursor = 0
    while any(thread.is_alive() for thread in writers):
        new = desk.cursors(after=cursor)
        seen += [position for position, _ in new]
        cursor = seen[-1] if seen else 0
    done.set()
    for thread in planners:
        thread.join()
    desk.plan()
    seen += [position for position, _ in desk.cursors(after=cursor)]
    assert seen == list(range(1, 61))


def test_an_event_says_what_happened_and_nothing_personal(quick_desk: Desk) -> None:
    desk = quick_desk
    later = AT + timedelta(days=1)
    desk.tell(0, kind="failed", reason="SoftDeclined", next_try_at=later, facts={"x": 1})
    desk.plan()
    with reading(desk.engine) as connection:
        (event,) = events_after(connection, desk.merchant, after=0)
    assert event.document == {
        "id": event.id,
        "type": "failed",
        "timestamp": "2026-11-22T00:00:00+00:00",
        "cursor": 1,
        "data": {
            "subscription": "one",
            "customer": "c-one",
            "reference": "one-0001-renewal",
            "amount": 3_000,
            "reason": "SoftDeclined",
            "next_try_at": "2026-11-23T00:00:00+00:00",
            "x": 1,
        },
    }
    assert "one@example.jp" not in str(event.document)
    assert "顧客" not in str(event.document)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"after": -1}, "after"), ({"after": 0, "limit": 0}, "limit")],
)
def test_no_cursor_is_refused(quick_desk: Desk, arguments: dict[str, int], field: str) -> None:
    with reading(quick_desk.engine) as connection, pytest.raises(BadInput) as refused:
        events_after(connection, quick_desk.merchant, **arguments)
    assert refused.value.field == field


def test_a_position_is_held_once(quick_desk: Desk) -> None:
    """The database itself refuses what a planner without its lock could do."""
    quick_desk.tell(0, 1)
    quick_desk.plan()
    row = notice_row(SLOT, kind="charged", at=AT, step=9) | {"position": 1}
    with pytest.raises(Exception, match=r"(?i)unique"), quick_desk.engine.begin() as connection:
        connection.execute(insert(table_of(NoticeRow)), [row])
