"""The durable inbox on both databases: kept once, claimed by one, settled, forgotten."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from support.postgres import fresh_database

from app.migrations import migrate
from billing import Merchant, load_merchant, open_engine, reading, store_merchant, writing
from billing.notifications import (
    HINT_LEASE,
    Arrival,
    InboxFilter,
    Kept,
    Looked,
    LookedKind,
    ObjectHint,
    UnknownNotification,
    add_refused,
    claim_objects,
    forget_old,
    has_waiting,
    keep_arrival,
    list_notifications,
    parse_topics,
    refused_counts,
    release_claims,
    retry_notification,
    settle_looked,
    workers_with_claims,
)
from plans import BadInput

AT = datetime(2026, 12, 1, tzinfo=UTC)
TOPIC = "arn:aws:sns:ap-northeast-1:000000000000:local"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("server", marks=pytest.mark.slow)])
def migrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """One database of each kind for all tests here: migrating takes longer than they do."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('inbox') / 'autopay.sqlite3'}"
        else:
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(fresh_database(server))
        made = open_engine(url)
        stack.callback(made.dispose)
        migrate(made)
        writing(
            made, lambda c: store_merchant(c, merchant_id="shop", environment="sandbox", rules={})
        )
        yield made


@pytest.fixture
def database(migrated: Engine) -> Engine:
    """An empty inbox."""
    with migrated.begin() as connection:
        for table in ("notification", "refused_notification"):
            connection.execute(text(f"DELETE FROM {table}"))
    return migrated


def merchant(database: Engine) -> Merchant:
    with reading(database) as connection:
        return load_merchant(connection, "shop")


def arrival(number: int, **changes: Any) -> Arrival:
    """A message about a charge of its own."""
    values: dict[str, Any] = {
        "message_id": f"m-{number}",
        "kind": "change",
        "topic_arn": TOPIC,
        "sent_at": AT,
        "object_type": "CHARGE",
        "object_id": f"S03-0000000-0000000-C{number:06d}",
        "permission_id": "C03-0000000-0000000",
    }
    return Arrival(**(values | changes))


def keep(database: Engine, *arrivals: Arrival, at: datetime = AT) -> list[Kept]:
    return [keep_arrival(database, "shop", each, at=at) for each in arrivals]


def claim(database: Engine, worker: str, at: datetime = AT, limit: int = 100) -> list[ObjectHint]:
    return claim_objects(database, merchant(database), at=at, worker_id=worker, limit=limit)


def settle(database: Engine, kind: LookedKind, hints: list[ObjectHint]) -> None:
    settle_looked(database, merchant(database), [Looked(hint, kind) for hint in hints], at=AT)


def states(database: Engine) -> list[str]:
    with reading(database) as connection:
        found = connection.execute(text("SELECT state FROM notification ORDER BY id"))
        return list(found.scalars())


def test_deliveries_at_the_same_moment_are_kept_once(database: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda _: keep(database, arrival(1))[0], range(16)))
    assert sorted(kept) == [Kept.KNOWN] * 15 + [Kept.NEW]
    assert states(database) == ["waiting"]


def test_an_object_is_claimed_by_one_worker_with_all_its_messages(database: Engine) -> None:
    same = {"object_id": "S03-0000000-0000000-C000001"}
    keep(database, *(arrival(number, **same) for number in range(5)), arrival(9))
    first = claim(database, "a", limit=1)
    assert [len(hint.rows) for hint in first] == [5]
    assert [hint.object_id[-6:] for hint in claim(database, "b")] == ["000009"]
    assert claim(database, "c") == []
    assert not has_waiting(database, merchant(database), at=AT)


def test_workers_at_the_same_moment_share_no_object(database: Engine) -> None:
    keep(database, *(arrival(number) for number in range(40)))
    with ThreadPoolExecutor(4) as pool:
        slices = list(pool.map(lambda n: claim(database, f"w{n}", limit=10), range(4)))
    claimed = [hint.object_id for part in slices for hint in part]
    assert len(claimed) == len(set(claimed))


def test_what_a_dead_worker_held_waits_again(database: Engine) -> None:
    """At once when it is known to be dead, else when its lease ends; invariant: nothing is lost."""
    keep(database, arrival(1), arrival(2))
    claim(database, "dead", limit=1)
    claim(database, "silent")
    assert workers_with_claims(database, merchant(database)) == {"dead", "silent"}
    release_claims(database, merchant(database), workers={"dead"}, at=AT)
    assert len(claim(database, "b")) == 1
    assert len(claim(database, "c", at=AT + HINT_LEASE)) == 2


def test_a_message_that_comes_during_a_look_costs_another(database: Engine) -> None:
    """Amazon may have changed the object after it was read."""
    same = {"object_id": "S03-0000000-0000000-C000001"}
    keep(database, arrival(1, **same))
    hints = claim(database, "a")
    keep(database, arrival(2, **same))
    settle(database, LookedKind.READ, hints)
    assert states(database) == ["done", "waiting"]
    assert len(claim(database, "a")) == 1


def test_refusals_of_a_kind_are_one_row(database: Engine) -> None:
    for number in range(3):
        counts = {"BadSignature": (10 + number, f"reason {number}"), "WrongTopic": (1, "other")}
        add_refused(database, "shop", counts, at=AT + timedelta(minutes=number))
    with reading(database) as connection:
        worst, other = refused_counts(connection, "shop")
    assert (worst.kind, worst.refused, worst.last_reason) == ("BadSignature", 33, "reason 2")
    assert (worst.first_at, worst.last_at) == (AT, AT + timedelta(minutes=2))
    assert (other.kind, other.refused) == ("WrongTopic", 3)


def test_old_messages_are_forgotten_but_none_that_waits(database: Engine) -> None:
    """Done after 30 days, shown after 90; a repetition comes 14 days late at most."""
    old = AT - timedelta(days=31)
    keep(database, arrival(1), arrival(2), arrival(3, object_type="DISPUTE"), at=old)
    settle(database, LookedKind.READ, [h for h in claim(database, "a") if h.object_id[-1] == "1"])
    keep(database, arrival(4))
    settle(database, LookedKind.READ, [h for h in claim(database, "a") if h.object_id[-1] == "4"])
    assert forget_old(database, "shop", at=AT) == 1
    assert states(database) == ["waiting", "attention", "done"]
    assert forget_old(database, "shop", at=AT + timedelta(days=60)) == 2
    assert states(database) == ["waiting"]


def test_a_person_may_have_it_looked_into_again(database: Engine) -> None:
    keep(database, arrival(1))
    for tries in range(9):
        at = AT + timedelta(days=tries)
        hints = claim(database, "a", at=at)
        looked = [Looked(hint, LookedKind.UNREACHABLE) for hint in hints]
        settle_looked(database, merchant(database), looked, at=at)
    with reading(database) as connection:
        (shown,) = list_notifications(connection, "shop", InboxFilter(state="attention"))
    assert (shown.result, shown.tries) == ("unreachable", 9)
    again = writing(database, lambda c: retry_notification(c, "shop", message_id="m-1", at=AT))
    assert (again.state, again.tries, again.result) == ("waiting", 0, None)


@pytest.mark.parametrize(
    ("message_id", "error"),
    [
        pytest.param("m-9", UnknownNotification, id="unknown"),
        pytest.param("m-2", BadInput, id="chargeback"),
    ],
)
def test_what_no_call_can_read_is_not_tried_again(
    database: Engine, message_id: str, error: type[BadInput]
) -> None:
    keep(database, arrival(2, object_type="CHARGEBACK"))
    with pytest.raises(error, match=r"Seller Central|notifications list"):
        writing(database, lambda c: retry_notification(c, "shop", message_id=message_id, at=AT))


def test_a_list_of_topics_is_checked() -> None:
    assert parse_topics(f" {TOPIC},{TOPIC}2 ,") == (TOPIC, f"{TOPIC}2")
    assert parse_topics(None) == ()
    with pytest.raises(ValueError, match="'arn:aws:s3:::x' must be arn:aws:sns"):
        parse_topics("arn:aws:s3:::x")
