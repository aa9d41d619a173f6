"""Answers that never came: unknown is a state, never a decline and never a second charge."""

from datetime import date, timedelta
from typing import Any

import pytest
from support.shop import OpenShop, subscriber

from billing import OpenAttempt, Outcome, OutcomeKind, reading
from billing.evidence import list_desk
from scheduler import AmazonSilent, run

LOST = [
    "timeout_before",
    "timeout_after",
    "reset_before",
    "reset_after",
    "cut_body",
    "500_before",
    "500_after",
    "503",
    "garbage",
    "processing_failure",
    "processing_failure_but_charged",
]


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_is_found_by_replaying_the_same_key(opened: OpenShop, kind: str) -> None:
    shop = opened(subscribers=[subscriber(1)], endpoint={"deadline_seconds": 0.4})
    shop.amazon.faults([{"operation": "createCharge", "kind": kind, "times": 1, "seconds": 2}])
    shop.charge_on(date(2026, 11, 30))

    assert shop.taken() == [("sub-001-0010-renewal", 1980)]
    assert len({request["idempotencyKey"] for request in shop.amazon.requests()}) == 1
    assert len({request["bodySha256"] for request in shop.amazon.requests()}) == 1
    assert shop.slot("sub-001-0010-renewal")["declines"] == 0
    assert [row["kind"] for row in shop.rows("SELECT kind FROM notice")] == ["charged"]
    assert shop.faults() == []


def test_what_stays_unknown_waits_in_doubt_with_its_room_held(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], endpoint={"deadline_seconds": 0.4})
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 4}])
    shop.charge_on(date(2026, 11, 30))

    (attempt,) = shop.rows("SELECT state, sends FROM attempt")
    assert attempt == {"state": "in_doubt", "sends": 4}
    (cap,) = shop.rows("SELECT used_yen, held_yen FROM cap_month")
    assert cap == {"used_yen": 0, "held_yen": 1980}
    assert shop.rows("SELECT kind FROM notice") == []

    shop.charge_on(date(2026, 11, 30), hour=11)  # a later run replays and learns the truth
    assert shop.slot("sub-001-0010-renewal")["state"] == "paid"
    assert len(shop.taken()) == 1
    assert shop.faults() == []


def test_a_replay_in_the_next_month_takes_room_there_as_well(opened: OpenShop) -> None:
    """The first send may have had no effect: the replay's charge would count in December."""
    shop = opened(subscribers=[subscriber(1)], endpoint={"deadline_seconds": 0.4})
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 4}])
    shop.charge_on(date(2026, 11, 30))
    shop.charge_on(date(2026, 12, 1))
    months = shop.rows("SELECT month, used_yen, held_yen FROM cap_month ORDER BY month")
    assert months == [
        {"month": "2026-11", "used_yen": 1980, "held_yen": 0},
        {"month": "2026-12", "used_yen": 1980, "held_yen": 0},
    ]
    assert len(shop.taken()) == 1


def test_nothing_else_is_sent_on_a_permission_in_doubt(opened: OpenShop) -> None:
    """Two subscriptions share a permission: while one charge is unknown the other waits."""
    shared = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}
    shop = opened(
        subscribers=[subscriber(1, **shared), subscriber(2, **shared)],
        endpoint={"deadline_seconds": 0.4},
    )
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 4}])
    shop.charge_on(date(2026, 11, 30))
    assert [row["state"] for row in shop.rows("SELECT state FROM slot ORDER BY id")] == [
        "open",
        "due",
    ]
    shop.charge_on(date(2026, 11, 30), hour=12)
    assert len(shop.taken()) == 2
    assert shop.faults() == []


def test_a_charge_that_amazon_still_captures_is_asked_about_not_sent_again(
    opened: OpenShop,
) -> None:
    shop = opened(
        subscribers=[subscriber(1)], behaviours={"C03-0000001-0000001": ["CaptureInitiated"]}
    )
    shop.charge_on(date(2026, 11, 30))
    assert shop.slot("sub-001-0010-renewal")["state"] == "open"
    assert shop.balances()["customer_receivable"] == 1980

    shop.charge_on(date(2026, 11, 30), hour=11)
    operations = [request["operation"] for request in shop.amazon.requests()]
    assert operations == ["CreateCharge", "GetCharge"]
    assert shop.slot("sub-001-0010-renewal")["state"] == "paid"
    assert shop.faults() == []


def test_many_faults_at_once_charge_everybody_exactly_once(opened: OpenShop) -> None:
    subscribers = [subscriber(number) for number in range(1, 61)]
    shop = opened(subscribers=subscribers, endpoint={"deadline_seconds": 0.5})
    shop.amazon.faults(
        {"operation": "createCharge", "kind": kind, "probability": 0.06, "seconds": 1}
        for kind in LOST
    )
    shop.charge_on(date(2026, 11, 30))
    shop.amazon.clear_faults()
    for hours in (11, 14, 17):
        shop.charge_on(date(2026, 11, 30), hour=hours)
    assert [reference[:7] for reference, _ in shop.taken()] == [
        row.external_id for row in subscribers
    ]
    assert shop.faults(shop.clock.now() + timedelta(days=2)) == []


def test_when_amazon_is_silent_nothing_more_is_begun(opened: OpenShop) -> None:
    shop = opened(
        subscribers=[subscriber(number) for number in range(1, 301)],
        endpoint={"deadline_seconds": 0.4},
    )
    shop.amazon.faults([{"operation": "createCharge", "kind": "503", "times": 100_000}])
    with pytest.raises(AmazonSilent, match="does not answer"):
        shop.charge_on(date(2026, 11, 30))
    begun = shop.rows("SELECT COUNT(*) AS n FROM attempt")[0]["n"]
    assert begun <= 200  # one slice, not the whole day
    shop.amazon.clear_faults()
    shop.charge_on(date(2026, 11, 30), hour=12)
    assert len(shop.taken()) == 300
    assert shop.faults() == []


@pytest.mark.parametrize(
    ("answer", "waits", "asks"),
    [
        pytest.param({"charge_id": "S01-1234567-1234567-C123456"}, 3, 4, id="a word not known"),
        pytest.param({}, 30, 31, id="a charge that cannot be read"),
    ],
)
def test_a_charge_with_an_id_that_stays_unknown_reaches_a_person(
    opened: OpenShop,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, str],
    waits: int,
    asks: int,
) -> None:
    """Its key never rests, since it is asked about and not sent: after so many days staff are."""
    shop = opened(subscribers=[subscriber(1)])
    first = {"charge_id": "S01-1234567-1234567-C123456"}

    def unknown(_client: Any, attempt: OpenAttempt, **_now: Any) -> Outcome:
        said = answer if attempt.charge_id else first
        return Outcome(attempt, OutcomeKind.UNKNOWN, detail="state 'UnderReview'", **said)

    monkeypatch.setattr(run, "send", unknown)
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    day = date(2026, 11, 30)
    shop.charge_on(day)
    shop.charge_on(day + timedelta(days=waits), hour=8)
    slot = shop.slot("sub-001-0010-renewal")
    assert (slot["state"], shop.rows("SELECT kind FROM notice")) == ("open", [])
    shop.charge_on(day + timedelta(days=asks))
    slot = shop.slot("sub-001-0010-renewal")
    assert (slot["state"], slot["reason"]) == ("quarantined", "unknown_too_long")
    assert shop.rows("SELECT kind FROM notice") == [{"kind": "quarantined"}]
    assert shop.rows("SELECT state, charge_id FROM attempt") == [{"state": "in_doubt"} | first]
    assert 1980 in {row["held_yen"] for row in shop.rows("SELECT held_yen FROM cap_month")}
    with reading(shop.database) as connection:
        assert [item.name for item in list_desk(connection, shop.engine.merchant)] == [
            "sub-001-0010-renewal"
        ]
