"""`autopay notifications` at the desk of the back office."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cli_user import User, refusal

from billing import open_engine
from billing.notifications import Arrival, add_refused, keep_arrival

AT = datetime(2026, 12, 1, tzinfo=UTC)
FIRST = {"object_type": "CHARGE", "object_id": "S03-0000000-0000000-C000001"}
PERMISSION = "C03-0000000-0000000"


@pytest.fixture
def desk(shop: User) -> User:
    """Books with two messages, and forgeries that were refused."""
    database = open_engine(f"sqlite:///{shop.folder / 'var' / 'autopay.db'}")
    values: dict[str, Any] = {"kind": "change", "topic_arn": "arn:aws:sns:x:1:t", "sent_at": AT}
    values |= {"permission_id": PERMISSION, "message": '{"ObjectId": "[b]"}'}
    keep_arrival(database, "main", Arrival(message_id="m-1", **FIRST, **values), at=AT)
    back = {"object_type": "CHARGEBACK", "object_id": "CB-1"}
    keep_arrival(database, "main", Arrival(message_id="m-2", **back, **values), at=AT)
    add_refused(database, "main", {"BadSignature": (7, "does not fit")}, at=AT)
    database.dispose()
    return shop


def test_the_messages_newest_first(desk: User) -> None:
    listed = desk("notifications", "list", "--json").lines
    assert [(row["message_id"], row["state"], row["result"]) for row in listed] == [
        ("m-2", "attention", "chargeback"),
        ("m-1", "waiting", None),
    ]
    assert listed[0]["received_at"] == "2026-12-01T09:00:00+09:00"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        pytest.param(("--state", "attention"), ["m-2"], id="state"),
        pytest.param(("--about", FIRST["object_id"]), ["m-1"], id="object"),
        pytest.param(("--about", PERMISSION), ["m-2", "m-1"], id="permission"),
        pytest.param(("--limit", "1"), ["m-2"], id="limit"),
        pytest.param(("--state", "done"), [], id="none"),
    ],
)
def test_some_of_them(desk: User, options: tuple[str, ...], found: list[str]) -> None:
    listed = desk("notifications", "list", *options, "--json").lines
    assert [row["message_id"] for row in listed] == found


def test_tables_are_for_people(desk: User) -> None:
    table = desk("notifications", "list").output
    assert "look up the charge permission in Seller Central" in table
    one = desk("notifications", "show", "m-1").output
    assert '{"ObjectId": "[b]"}' in one
    assert "BadSignature" in desk("notifications", "list", "--refused").output


def test_counts_of_refused_deliveries(desk: User) -> None:
    (count,) = desk("notifications", "list", "--refused", "--json").lines
    assert (count["kind"], count["refused"]) == ("BadSignature", 7)


def test_what_is_not_there_is_refused_in_one_line(desk: User) -> None:
    said = desk("notifications", "show", "m-9")
    assert "take the id from autopay notifications list" in refusal(said)


def test_a_topic_that_is_none_is_refused(desk: User) -> None:
    said = desk("notifications", "list", notification_topics="arn:aws:s3:::mine")
    assert "AUTOPAY_NOTIFICATION_TOPICS is 'arn:aws:s3:::mine'" in refusal(said)
