"""Loss, duplicates, delay, reordering and forgeries on demand."""

from typing import Any

import pytest
from ipn_fixtures import (  # noqa: F401 - fixtures
    checker_fixture,
    deliveries,
    flush,
    listener_fixture,
    receiver_fixture,
)
from ipn_receiver import Checker, Receiver
from wire_client import WireClient

from amazonpay.sandbox.faults import Fault, Faults

pytestmark = pytest.mark.slow


def set_fault(amazon: WireClient, kind: str, **more: Any) -> None:
    amazon.control("POST", "/faults", [{"kind": kind, **more}])


def close_some(amazon: WireClient, count: int) -> list[str]:
    """That many permissions end, one after the other; each is one notification."""
    ended = [amazon.permission() for _ in range(count)]
    for permission in ended:
        amazon.control("PATCH", f"/charge-permissions/{permission}", {"state": "Closed"})
    return ended


def arrived(heard: Receiver) -> list[str]:
    return [said[1] for said in heard.told]


def test_a_dropped_one_never_comes(amazon: WireClient, receiver: Receiver) -> None:
    set_fault(amazon, "drop", times=2, after=1)
    a, b, c, d = close_some(amazon, 4)
    flush(amazon)
    amazon.advance(4 * 3600)
    flush(amazon)
    assert arrived(receiver) == [a, d]
    rows = {row["objectId"]: row for row in deliveries(amazon)}
    assert [rows[each]["state"] for each in (a, b, c, d)] == [
        *("delivered", "dropped", "dropped", "delivered"),
    ]
    assert (rows[b]["fault"], rows[b]["attempts"]) == ("drop", [])


def test_a_duplicate_is_the_same_envelope_twice(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    set_fault(amazon, "duplicate", operation="notification")
    a, b = close_some(amazon, 2)
    flush(amazon)
    assert arrived(receiver) == [a, a, b]
    assert receiver.arrivals[0].body == receiver.arrivals[1].body
    assert len(deliveries(amazon)[0]["attempts"]) == 2


def test_a_delay_is_virtual_time(amazon: WireClient, receiver: Receiver) -> None:
    set_fault(amazon, "delay", seconds=7200)
    a, b = close_some(amazon, 2)
    assert flush(amazon) == 1
    assert arrived(receiver) == [b]
    amazon.advance(7100)
    assert flush(amazon) == 1
    amazon.advance(100)
    assert flush(amazon) == 0
    assert arrived(receiver) == [b, a]
    late, early = receiver.arrivals[1], receiver.arrivals[0]
    # It is late, not young: its time-stamp is that of the change.
    assert late.envelope["Timestamp"] <= early.envelope["Timestamp"]


def test_a_held_one_comes_after_the_next(amazon: WireClient, receiver: Receiver) -> None:
    set_fault(amazon, "reorder")
    a, b, c = close_some(amazon, 3)
    assert flush(amazon) == 0
    assert arrived(receiver) == [b, a, c]


def test_reordering_everything_swaps_pairs(amazon: WireClient, receiver: Receiver) -> None:
    set_fault(amazon, "reorder", probability=1.0)
    a, b, c, d, e = close_some(amazon, 5)
    assert flush(amazon) == 1
    assert arrived(receiver) == [b, a, d, c]
    # No other one comes: an hour later the last goes alone.
    amazon.advance(3600)
    assert flush(amazon) == 0
    assert arrived(receiver)[4:] == [e]


def test_a_forgery_comes_before_the_genuine_one(
    amazon: WireClient,
    receiver: Receiver,
    checker: Checker,
) -> None:
    set_fault(amazon, "forge", times=3)
    receiver.answer = lambda arrival: 200 if checker.faults(arrival) == [] else 403
    ended = close_some(amazon, 3)
    flush(amazon)
    verdicts = [checker.faults(arrival) for arrival in receiver.arrivals]
    assert verdicts[1::2] == [[], [], []]
    assert sorted(verdicts[::2]) == [["host"], ["signature"], ["signature"]]
    assert arrived(receiver)[1::2] == ended
    # The forger knows the id: whoever counts ids before checking loses the genuine one.
    ids = [arrival.envelope["MessageId"] for arrival in receiver.arrivals]
    assert ids[::2] == ids[1::2]
    copies = [attempt["copy"] for row in deliveries(amazon) for attempt in row["attempts"]]
    assert sorted(copies[::2]) == ["forged:certificate", "forged:message", "forged:signature"]
    assert {row["state"] for row in deliveries(amazon)} == {"delivered"}


def test_a_fault_can_be_about_one_type_of_object(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    set_fault(amazon, "drop", operation="CHARGE")
    (permission,) = close_some(amazon, 1)
    amazon.charge(amazon.permission())
    flush(amazon)
    assert arrived(receiver) == [permission]


def test_a_retry_is_struck_by_nothing(amazon: WireClient, receiver: Receiver) -> None:
    receiver.answer = lambda _: 500
    close_some(amazon, 1)
    flush(amazon)
    set_fault(amazon, "drop", times=10)
    amazon.advance(3 * 3600)
    flush(amazon)
    assert len(receiver.arrivals) == 4


def test_faults_of_calls_and_of_notifications_do_not_mix(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    set_fault(amazon, "503", operation="*")
    set_fault(amazon, "drop", operation="*")
    close_some(amazon, 1)
    flush(amazon)
    assert receiver.arrivals == []
    assert amazon.charge(amazon.permission()).status == 503
    assert amazon.control("GET", "/faults") == []


@pytest.mark.parametrize(
    ("operation", "strikes"),
    [
        *((None, "Notification"), ("*", "Notification"), ("any", "Notification")),
        *(("ipn", "Notification"), ("Notification", "Notification"), ("REFUND", "REFUND")),
        *(("createCharge", "CHARGE"), ("Create Refund", "REFUND")),
        ("closeChargePermission", "CHARGE_PERMISSION"),
    ],
)
def test_names_of_what_is_struck(amazon: WireClient, operation: str | None, strikes: str) -> None:
    (rule,) = amazon.control("POST", "/faults", {"kind": "drop", "operation": operation})
    assert rule["operation"] == strikes


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "drop", "operation": "nothing"}, "[0].operation"),
        ({"kind": "lose"}, "[0].kind"),
        ({"kind": "delay", "seconds": -1}, "[0].seconds"),
        ({"kind": "503", "operation": "notification"}, "[0].operation"),
    ],
)
def test_a_wrong_rule_is_refused(amazon: WireClient, body: dict[str, Any], field: str) -> None:
    got = amazon.control_raw("POST", "/faults", [body])
    assert (got.status, got.json["error"]["field"]) == (400, field)


def test_probability_strikes_some_and_repeats() -> None:
    runs = []
    for _ in range(2):
        faults = Faults(seed=3)
        faults.add([Fault(operation="CHARGE", kind="drop", times=None, probability=0.5)])
        assert faults.take_notification("REFUND") is None
        assert faults.take("CreateCharge") is None
        runs.append([faults.take_notification("CHARGE") is not None for _ in range(64)])
    assert runs[0] == runs[1]
    assert 16 < sum(runs[0]) < 48
